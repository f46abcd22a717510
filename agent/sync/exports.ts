import { compose, exportedFlow, FLOW_BYTES_MAX, type FlowFile, NotAFlow, readFlowFile } from "../flows/flowFile";
import { FIELDS, type Field, type Prints, print } from "../flows/version";
import { type GitFlow, Placement } from "../git/snapshot";
import { LangFlowRefusal, LangFlowUnreachable } from "../langflow/client";
import type { Agreed } from "../langflow/flowState";
import { stampInLangFlow } from "./conflictRules";
import { type Stamps, stampsInGit } from "./edits";
import type { Held } from "./held";
import { verdict } from "./merge";
import type { Plan, Wanted } from "./plan";
import { type Export, Publication, remembered } from "./publication";
import { flowPath, type Region } from "./region";
import { UNSETTLED } from "./settle";
import type { Sides } from "./sides";

/** What became of a workspace's exports. */
export interface Exported {
  readonly sides: Sides;
  readonly plan: Plan;
  /** Git's side by now. */
  readonly files: ReadonlyMap<string, GitFlow>;
  readonly agreed: ReadonlyMap<string, Agreed>;
  /** Groups of which something did not get into Git: nothing is written over them in LangFlow. */
  readonly stuck: ReadonlySet<string>;
  readonly count: number;
  readonly held: readonly Held[];
}

/** Flows that hang together: a version that loses is replaced only where the copy that keeps it is safe. */
export const groupOf = (id: string, wanted: Wanted | undefined): string => wanted?.sources.graph.id ?? id;

/**
 * Writes to Git what LangFlow has that Git lacks: one commit for all workspaces. What may not leave, or what the host
 * does not take, is held, flow by flow.
 *
 * @returns Git's newest commit, and what became of each workspace
 * @throws Raced where another region pushed first; GitUnreachable, DatabaseUnreachable
 */
export async function exportFlows(
  region: Region,
  head: string | undefined,
  planned: readonly { sides: Sides; plan: Plan }[],
): Promise<{ head: string | undefined; workspaces: Exported[] }> {
  const all = planned.map(({ sides, plan }) => new WorkspaceExports(region, head, sides, plan));
  for (const each of all) await each.prepare();
  const bySides = new Map(all.map((each) => [each.sides, each]));
  const publication = new Publication(region, head, {
    accepted: (each) => bySides.get(each.sides)?.accepted(each),
    declined: (each, reason, asked) =>
      bySides.get(each.sides)?.declined(each, `the Git host declined it: ${reason}`, asked),
  });
  await region.store.remember(all.flatMap(({ unchanged }) => unchanged.map(remembered)));
  await publication.publish(all.flatMap((each) => each.ready()));
  return { head: publication.head, workspaces: all.map((each) => each.outcome()) };
}

/** A file, and what LangFlow calls the version of its graph. */
interface Composed {
  readonly file: FlowFile;
  readonly versionToken?: string;
}

/** The exports of one workspace: each file composed, each delete proven, and left out what may not leave. */
class WorkspaceExports {
  /** What LangFlow has and Git need not: a secret that changed, say. */
  readonly unchanged: Export[] = [];
  private readonly prepared: Export[] = [];
  private readonly done: Export[] = [];
  private readonly held: Held[] = [];
  private readonly stuck = new Set<string>();
  private readonly placement: Placement;
  /** Why LangFlow is asked nothing more in this cycle. */
  private silence: string | undefined;

  constructor(
    private readonly region: Region,
    private readonly head: string | undefined,
    readonly sides: Sides,
    private readonly plan: Plan,
  ) {
    this.placement = new Placement(sides.workspace.workspace, sides.snapshot);
  }

  async prepare(): Promise<void> {
    for (const [id, wanted] of this.plan.git) {
      const group = groupOf(id, wanted);
      const waiting = this.region.holds.waiting(this.key(id), this.version(id, wanted));
      if (waiting) this.wait(id, group, waiting.reason, waiting.kind);
      else if (wanted) await this.write(id, group, wanted);
      else await this.remove(id, group);
    }
  }

  ready(): Export[] {
    return this.prepared.filter(({ group }) => !this.stuck.has(group));
  }

  accepted(each: Export): void {
    this.done.push(each);
    this.region.holds.succeeded(this.key(each.id));
  }

  /** What was not asked about is tried in the next cycle, while the others wait. */
  declined({ id, group }: Export, reason: string, asked: boolean): void {
    if (asked) this.hold(id, group, reason);
    else this.wait(id, group, reason);
  }

  /** Keeps a flow from being tried again for a while, unless it changes. */
  hold(id: string, group: string, reason: string, kind: Held["kind"] = "flow"): void {
    this.region.holds.failed(this.key(id), this.version(id, this.plan.git.get(id)), { reason, kind });
    this.wait(id, group, reason, kind);
  }

  outcome(): Exported {
    const { sides, plan, stuck, held } = this;
    const files = new Map(sides.git);
    const agreed = new Map(sides.agreed);
    for (const { id, file, agreed: next } of [...this.unchanged, ...this.done]) {
      if (file) files.set(id, file);
      else files.delete(id);
      if (next) agreed.set(id, next);
      else agreed.delete(id);
    }
    return { sides, plan, files, agreed, stuck, held, count: this.done.length };
  }

  private wait(id: string, group: string, reason: string, kind: Held["kind"] = "flow"): void {
    this.held.push({ path: flowPath(id), reason, kind });
    this.stuck.add(group);
  }

  private key(id: string): string {
    return `export ${this.sides.workspace.workspace} ${id}`;
  }

  private version(id: string, wanted: Wanted | undefined): string {
    const from = groupOf(id, wanted);
    const prints = [this.sides.langflow.get(from), this.sides.git.get(from)].map((each) => each?.prints);
    return JSON.stringify([wanted?.name, ...prints]);
  }

  private async remove(id: string, group: string): Promise<void> {
    const file = this.sides.git.get(id);
    if (!file) return;
    if (this.silence !== undefined) {
      this.wait(id, group, this.silence);
      return;
    }
    try {
      // A listing that left it out is no proof; LangFlow's word about this very flow is.
      if ((await this.sides.workspace.langflow.flow(id)) !== undefined)
        this.wait(id, group, "was not listed, and LangFlow has it");
      else
        this.prepared.push({
          sides: this.sides,
          id,
          group,
          removed: file.path,
          change: { id, name: file.name },
          agreed: undefined,
        });
    } catch (error) {
      if (!(error instanceof LangFlowRefusal || error instanceof LangFlowUnreachable)) throw error;
      const reason = `is not known to be deleted: ${error.message}`;
      // Edits need not wait until it was asked about each.
      if (error instanceof LangFlowUnreachable) this.silence = reason;
      this.wait(id, group, reason);
    }
  }

  private async write(id: string, group: string, wanted: Wanted): Promise<void> {
    try {
      const composed = await this.composed(id, wanted);
      // Edited since we looked: the next look sees it whole.
      if (!composed) this.stuck.add(group);
      else if (await this.mayLeave(id, group, wanted, composed.file)) await this.place(id, group, wanted, composed);
    } catch (error) {
      if (!(error instanceof NotAFlow)) throw error;
      this.hold(id, group, error.message);
    }
  }

  private async mayLeave(id: string, group: string, wanted: Wanted, file: FlowFile): Promise<boolean> {
    const bytes = Buffer.byteLength(file.text);
    if (bytes > FLOW_BYTES_MAX) {
      this.hold(id, group, `has ${bytes} bytes as a file, ${FLOW_BYTES_MAX} are allowed`);
      return false;
    }
    if (Object.values(wanted.sources).every(({ side }) => side === "git")) return true;
    // The project's name is a path in Git.
    const found = await this.region.findSecrets({ ...file, value: { ...file.value, project: wanted.project ?? "" } });
    if (found.length === 0) return true;
    const places = found.map(({ field, rule }) => `${field} (${rule})`).join(", ");
    this.hold(id, group, `looks as if it held a secret: ${places}`, "secret");
    return false;
  }

  private async place(id: string, group: string, wanted: Wanted, { file, versionToken }: Composed): Promise<void> {
    const { sides } = this;
    const now = sides.git.get(id);
    const { name, endpointName } = file;
    const at = { name, ...(wanted.project !== undefined && { project: wanted.project }) };
    const prints: Prints = { ...file.prints, project: print(wanted.project ?? "") };
    const path = this.placement.place(id, at);
    const agreed = agreedAfter(sides, id, wanted, prints);
    const same = now?.path === path && !now.untidy && FIELDS.every((field) => now.prints[field] === prints[field]);
    if (same) {
      this.unchanged.push({ sides, id, group, file: now, change: { id, name }, agreed });
      return;
    }
    this.prepared.push({
      sides,
      id,
      group,
      ...(now && now.path !== path && { removed: now.path }),
      file: {
        ...at,
        ...(endpointName !== undefined && { endpointName }),
        prints,
        path,
        blob: await this.region.repository.store(file.text),
      },
      beside: await this.beside(path),
      change: {
        id,
        name,
        stamps: await this.stamps(wanted, now?.path !== path),
        ...(versionToken !== undefined && { versionToken }),
      },
      agreed,
    });
  }

  private async beside(path: string): Promise<[string, string][]> {
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    const files = [...this.placement.projectFiles].filter(([each]) => each.startsWith(folder));
    return Promise.all(
      files.map(async ([each, text]): Promise<[string, string]> => [each, await this.region.repository.store(text)]),
    );
  }

  /** The file of a flow, each field from the side that has it; undefined where that side changed meanwhile. */
  private async composed(id: string, wanted: Wanted): Promise<Composed | undefined> {
    const from = groupOf(id, wanted);
    const { langflow, git, agreed, look } = this.sides;
    const blob = git.get(from)?.blob;
    const inGit = blob === undefined ? undefined : readFlowFile(await this.region.repository.read(blob));
    let inLangFlow: FlowFile | undefined;
    let token: string | undefined;
    for await (const { revision, versionToken, flow } of this.region.store.contents(langflow.has(from) ? [from] : []))
      if (revision === langflow.get(from)?.row.revision) {
        inLangFlow = exportedFlow(flow, { variables: look.variables, ...(inGit && { agreed: inGit }) });
        token = versionToken;
      }
    const of = (field: Field): FlowFile | undefined => (wanted.sources[field].side === "langflow" ? inLangFlow : inGit);
    const [graph, name, description] = [of("graph"), of("name"), of("description")];
    const [endpoint, lock, details] = [of("endpoint"), of("lock"), of("details")];
    if (!graph || !name || !description || !endpoint || !lock || !details) return undefined;
    const endpointCleared = wanted.endpointName === undefined;
    const parts = { graph, name, description, endpoint, lock, details };
    const [row, known] = [langflow.get(from), git.get(from)];
    const isLangFlowsGraph =
      graph === inLangFlow || (row && known && verdict("graph", agreed.get(from), row, known) === "same");
    return {
      file: compose(id, parts, { name: wanted.name, endpointCleared }),
      ...(isLangFlowsGraph && token !== undefined && { versionToken: token }),
    };
  }

  /** When the fields that are written were edited: writing them again, or at another path, is no edit. */
  private async stamps(wanted: Wanted, moved: boolean): Promise<Stamps> {
    const { region, sides, head } = this;
    const from = wanted.sources.graph.id;
    const origin = moved ? sides.git.get(from) : undefined;
    const gitStamps =
      origin && head !== undefined
        ? await stampsInGit(region.repository, head, { id: from, path: origin.path }, region.onClockAhead)
        : undefined;
    const found = FIELDS.flatMap((field) => {
      const { side } = wanted.sources[field];
      const stamp = side === "langflow" ? stampInLangFlow(region.name, sides, from, field) : gitStamps?.[field];
      return stamp ? [[field, stamp] as const] : [];
    });
    return Object.fromEntries(found);
  }
}

/** What both sides agree on once the file is in Git: all but what is still to be written to LangFlow. */
function agreedAfter(
  { langflow, git, agreed }: Sides,
  id: string,
  wanted: Wanted,
  written: Prints,
): Agreed | undefined {
  const [inLangFlow, inGit, lastAgreed] = [langflow.get(id), git.get(id), agreed.get(id)];
  if (!inLangFlow) return undefined;
  const fields = FIELDS.flatMap((field): [Field, { langflow: string; git: string }][] => {
    const { side, id: from } = wanted.sources[field];
    const paired = inGit !== undefined && verdict(field, lastAgreed, inLangFlow, inGit) === "same";
    // Another name, given because another flow has the wanted one, is still to be written to LangFlow.
    const as = {
      name: wanted.name === inLangFlow.name,
      endpoint: wanted.endpointName === inLangFlow.endpointName,
    } as const;
    const kept = field !== "name" && field !== "endpoint" ? true : as[field];
    if (paired || (side === "langflow" && from === id))
      return [[field, { langflow: inLangFlow.prints[field], git: kept || paired ? written[field] : UNSETTLED }]];
    const before = lastAgreed?.[field];
    return before ? [[field, before]] : [];
  });
  return Object.fromEntries(fields);
}
