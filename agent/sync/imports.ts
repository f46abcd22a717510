import { eachOf } from "../eachOf";
import type { Json, JsonObject } from "../flows/canonicalJson";
import { importable, keptId, NotAFlow, readFlowFile } from "../flows/flowFile";
import { DEFAULT_PROJECT } from "../flows/layout";
import { FIELDS, type Field, type Prints, print } from "../flows/version";
import type { GitFlow } from "../git/snapshot";
import { LangFlowRefusal, LangFlowUnreachable, type StoredFlow } from "../langflow/client";
import type { FlowState, Intent } from "../langflow/flowState";
import type { StateChange } from "../langflow/store";
import { inParallel } from "../parallel";
import { type Batch, Batches } from "./batches";
import { copyId } from "./conflictRules";
import { versionTokenInGit } from "./edits";
import { type Exported, groupOf } from "./exports";
import type { Held } from "./held";
import { verdict } from "./merge";
import type { Wanted } from "./plan";
import { flowPath, type Region } from "./region";
import { asideName, UNSETTLED } from "./settle";
import { type FlowInLangFlow, fileOf, printsOf } from "./sides";

/** What became of a workspace's imports. */
export interface Imported {
  readonly count: number;
  readonly held: readonly Held[];
  /** LangFlow stopped answering. */
  readonly broken?: LangFlowUnreachable;
}

/** A flow changed between being looked at and being written: the next look sees it whole. */
class ChangedMeanwhile extends Error {}

/** Written, but not as it was to be. */
const HELD = Symbol("held");
/** Requests without an answer in one cycle, after which LangFlow is taken to be away. */
const SILENCES_MAX = 3;
/** Flows whose state is written at once; what is lost with a crash is found again by what was intended. */
const REMEMBERED_AT_ONCE = 25;
/** Requests for new flows at once: while LangFlow works on one, the next is made. */
const BATCHES_AT_ONCE = 2;

/**
 * Writes to LangFlow what Git has by now. Each flow stands for itself: what LangFlow does not take is held, the others
 * go on.
 *
 * @param head Git's newest commit by now
 * @throws GitUnreachable, DatabaseUnreachable
 */
export async function importFlows(region: Region, head: string | undefined, exported: Exported): Promise<Imported> {
  const imports = new WorkspaceImports(region, head, exported);
  try {
    await imports.run();
  } catch (error) {
    if (!(error instanceof LangFlowUnreachable)) throw error;
    imports.broken = error;
  } finally {
    await imports.flush();
  }
  return imports;
}

class WorkspaceImports implements Imported {
  count = 0;
  readonly held: Held[] = [];
  broken?: LangFlowUnreachable;
  /** What our own writes left of flows that are written twice: another revision that holds just that is no edit. */
  private readonly left = new Map<string, string>();
  /** Locks of flows as they were when they were first looked at. */
  private readonly locks = new Map<string, boolean>();
  private silences = 0;
  private readonly projects: Map<string, string>;
  private readonly making = new Map<string, Promise<string>>();
  private unsaved: StateChange[] = [];
  /** What LangFlow said it holds since it was written, for as long as it is not known which revision that is. */
  private answers = new Map<string, { readonly versionToken?: string; readonly prints: Omit<Prints, "project"> }>();

  constructor(
    private readonly region: Region,
    private readonly head: string | undefined,
    private readonly exported: Exported,
  ) {
    this.projects = new Map(exported.sides.look.projects);
  }

  /**
   * Copies that keep a version come before what replaces it, since they take its secrets along. What frees a name comes
   * before what takes one; flows that swap theirs step aside together.
   */
  async run(): Promise<void> {
    const due = [...this.exported.plan.langflow].filter(([id, wanted]) => this.isDue(id, wanted));
    if (due.length === 0) return;
    // What is intended is not taken for done where it cannot even be begun.
    if (!(await this.exported.sides.workspace.langflow.answers()))
      throw new LangFlowUnreachable("LangFlow does not answer");
    await this.intend(due);
    const origins = this.originsOf(due.map(([id]) => id));
    const copies = due.filter(([id]) => origins.has(id));
    const deleted = due.filter(([, wanted]) => wanted === undefined);
    const written = due.filter(([id, wanted]) => wanted !== undefined && !origins.has(id));
    await eachOf(copies, ([id]) => this.attempt(id, () => this.write(id, { keeps: origins.get(id) })));
    await eachOf(deleted, ([id]) => this.attempt(id, () => this.remove(id)));
    const swapped: string[] = [];
    const unlessTaken = (id: string) => (error: unknown) => {
      if (!(error instanceof LangFlowRefusal && error.taken && this.inLangFlow(id))) throw error;
      swapped.push(id);
    };
    const writeEach = (ids: readonly string[]) =>
      eachOf(ids, (id) => this.attempt(id, () => this.write(id).catch(unlessTaken(id))));
    const ids = written.map(([id]) => id);
    await writeEach(ids.filter((id) => this.inLangFlow(id)));
    await writeEach(await this.makeAtOnce(ids.filter((id) => !this.inLangFlow(id))));
    if (swapped.length > 1) for (const id of swapped) await this.attempt(id, () => this.stepAside(id));
    for (const id of swapped) await this.attempt(id, () => this.write(id).catch((error) => this.stepBack(id, error)));
  }

  /**
   * Makes new flows several at a time, which takes LangFlow less than half the time.
   *
   * @returns those that are to be written one by one, where it is seen whose trouble it is
   */
  private async makeAtOnce(ids: readonly string[]): Promise<readonly string[]> {
    const { files, sides } = this.exported;
    const batches = new Batches(ids, files, this.region.repository, (name) => this.projectId(name));
    await inParallel(batches, BATCHES_AT_ONCE, async (batch) => {
      const made = await this.orNone(batches, batch, sides.workspace.langflow.create(batch));
      for (const [index, { id, file, flow }] of batch.entries()) {
        const answer = made[index];
        if (answer) await this.attempt(id, () => this.answered(id, file, flow.data, answer));
      }
    });
    return batches.left;
  }

  private async orNone(batches: Batches, batch: Batch, making: Promise<StoredFlow[]>): Promise<StoredFlow[]> {
    try {
      return await making;
    } catch (error) {
      if (error instanceof LangFlowUnreachable) batches.giveUp();
      else if (!(error instanceof LangFlowRefusal)) throw error;
      batches.leave(batch);
      return [];
    }
  }

  async flush(): Promise<void> {
    const [changes, answers] = [this.unsaved, this.answers];
    this.unsaved = [];
    this.answers = new Map();
    const rows = await this.rowsOf(answers);
    await this.region.store.remember(
      changes.map((change) => {
        const row = rows.get(change.id);
        return row && change.state ? { ...change, state: { ...change.state, row } } : change;
      }),
    );
  }

  /**
   * The revisions of what was written, so that it need not be read again to know what it holds: where its
   * token is still the answer's, the graph is too.
   */
  private async rowsOf(answers: WorkspaceImports["answers"]): Promise<ReadonlyMap<string, FlowState["row"]>> {
    const rows = new Map<string, FlowState["row"]>();
    for await (const { id, revision, versionToken, flow } of this.region.store.outlines([...answers.keys()])) {
      const answer = answers.get(id);
      if (!answer || versionToken !== answer.versionToken) continue;
      const { graph: _, ...shown } = printsOf(flow);
      if (Object.entries(shown).every(([field, value]) => answer.prints[field as keyof typeof shown] === value))
        rows.set(id, { revision, prints: answer.prints });
    }
    return rows;
  }

  /** The flow of this region whose version a new one keeps, whichever region saw that it had to be kept. */
  private originsOf(ids: readonly string[]): ReadonlyMap<string, string> {
    const due = new Set(ids);
    const copies = ids.flatMap((id) => {
      const prints = this.inLangFlow(id)?.prints;
      return prints ? [[copyId(id, prints), id] as const] : [];
    });
    return new Map(copies.filter(([copy]) => due.has(copy) && !this.inLangFlow(copy)));
  }

  private isDue(id: string, wanted: Wanted | undefined): boolean {
    const { stuck, files } = this.exported;
    if (stuck.has(groupOf(id, wanted)) || (wanted && !files.has(id))) return false;
    const waiting = this.region.holds.waiting(this.key(id), this.version(id));
    if (waiting) this.held.push({ path: flowPath(id), ...waiting });
    return waiting === undefined;
  }

  /** Before the first write: should this agent end in the middle, the next one knows what was no edit. */
  private async intend(due: readonly [string, Wanted | undefined][]): Promise<void> {
    const intents = due.map(([id, wanted]): StateChange => {
      const file = this.exported.files.get(id);
      const intent: Intent =
        wanted && file ? { kind: "import", prints: file.prints, name: file.name } : { kind: "delete" };
      return this.change(id, { ...this.state(id), intent });
    });
    await this.region.store.remember(intents);
  }

  /** Opens or closes a lock; should this agent end before it is put back, the next one knows whose doing it was. */
  private async toggleLock(id: string, locked: boolean): Promise<void> {
    const file = this.exported.files.get(id);
    const deletes = this.exported.plan.langflow.get(id) === undefined || !file;
    const intent: Intent = deletes
      ? { kind: "delete", locked }
      : { kind: "import", prints: file.prints, name: file.name, locked };
    await this.region.store.remember([this.change(id, { ...this.state(id), intent })]);
    await this.exported.sides.workspace.langflow.setLock(id, locked);
  }

  private async attempt(id: string, work: () => Promise<unknown>): Promise<void> {
    try {
      if ((await work()) !== HELD) this.region.holds.succeeded(this.key(id));
    } catch (error) {
      if (error instanceof ChangedMeanwhile) return;
      if (error instanceof LangFlowUnreachable) await this.unlessAlive(error);
      else if (!(error instanceof LangFlowRefusal || error instanceof NotAFlow)) throw error;
      if (error instanceof LangFlowRefusal && error.outdated) return;
      this.hold(id, error.message);
    }
  }

  /** A request that ends without an answer is one flow's trouble as long as LangFlow answers others. */
  private async unlessAlive(error: LangFlowUnreachable): Promise<void> {
    this.silences += 1;
    if (this.silences > SILENCES_MAX || !(await this.exported.sides.workspace.langflow.answers())) throw error;
  }

  private hold(id: string, reason: string): void {
    const trouble = { kind: "flow" as const, reason };
    this.region.holds.failed(this.key(id), this.version(id), trouble);
    this.held.push({ path: flowPath(id), ...trouble });
  }

  /** Locked, looked at again, and only then deleted: nobody can save in between. */
  private async remove(id: string): Promise<void> {
    const { langflow } = this.exported.sides.workspace;
    const before = this.inLangFlow(id);
    if (!before) return;
    const { locked: wasLocked } = await this.now(id, before.row.revision);
    if (!wasLocked) await this.toggleLock(id, true);
    const now = await langflow.flow(id);
    if (now) {
      const { lock: _, ...prints } = printsOf(now.flow);
      if (!(Object.keys(prints) as (keyof typeof prints)[]).every((f) => prints[f] === before.prints[f])) {
        if (!wasLocked) await langflow.setLock(id, false);
        throw new ChangedMeanwhile();
      }
      await langflow.delete(id);
      this.count += 1;
    }
    await this.save(id, undefined);
  }

  /**
   * @param aside under a name of its own, for a moment
   * @param keeps what the flow is a copy of
   */
  private async write(
    id: string,
    { aside = false, keeps }: { aside?: boolean; keeps?: string } = {},
  ): Promise<typeof HELD | undefined> {
    const file = this.exported.files.get(id);
    if (!file) return undefined;
    const before = this.inLangFlow(id);
    if (!aside && before && this.fields(before, file).every((field) => PATCHED.has(field)))
      return this.patch(id, before, file);
    const contents = readFlowFile(await this.region.repository.read(file.blob));
    const now = before && (await this.now(id, before.row.revision));
    const flow = cleared(importable(contents, now?.flow ?? (await this.kept(keeps))), now?.flow);
    if (aside) Object.assign(flow, { name: asideName(id), endpoint_name: null, locked: false });
    const answer = await this.unlocked(id, now, async () =>
      this.exported.sides.workspace.langflow.put(id, flow, await this.projectId(file.project), now),
    );
    if (aside) {
      this.left.set(id, printsKey(answer.flow));
      return undefined;
    }
    return this.answered(id, file, contents.value.data, await this.asInGit(id, file, answer));
  }

  /**
   * A graph has one version token in all regions: who opened it in one may save it in another (LangFlow compares it with
   * If-Match, and asks whose version holds where it is another). LangFlow makes a new one at every write, so ours is replaced;
   * not where somebody has saved since.
   */
  private async asInGit(id: string, file: GitFlow, answer: StoredFlow): Promise<StoredFlow> {
    const repository = this.region.repository;
    const said = this.head && (await versionTokenInGit(repository, this.head, { id, path: file.path }));
    // Of a graph that a person committed, every region makes the same.
    const token = said || keptId(id, file.prints.graph);
    if (token === answer.versionToken) return answer;
    const given = await this.region.store.giveVersionToken(id, answer.versionToken, token);
    return given ? { ...answer, versionToken: token } : answer;
  }

  /** LangFlow's answer to a whole flow. */
  private answered(
    id: string,
    file: GitFlow,
    graph: Json | undefined,
    answer: StoredFlow,
  ): Promise<typeof HELD | undefined> {
    // The file's own graph, letter by letter.
    const repeated = answer.flow.data === graph;
    const prints = repeated
      ? { ...printsOf({ ...answer.flow, data: null }), graph: file.prints.graph }
      : printsOf(answer.flow);
    this.answers.set(id, { ...(answer.versionToken && { versionToken: answer.versionToken }), prints });
    return this.written(id, file, FIELDS, prints, answer);
  }

  /** Only what is to change is sent, so that nothing else that is saved meanwhile is overwritten. */
  private async patch(id: string, before: FlowInLangFlow, file: GitFlow): Promise<typeof HELD | undefined> {
    // What was put aside has lost its endpoint and its lock as well.
    const fields = this.left.has(id) ? [...PATCHED] : this.fields(before, file);
    if (fields.length === 0) return void (await this.save(id, this.state(id)));
    const now = await this.now(id, before.row.revision);
    const contents = readFlowFile(await this.region.repository.read(file.blob));
    if (fields.includes("name") && now.locked && this.isTaken(id, file.name))
      throw new LangFlowRefusal(409, "nothing", '{"detail":"Name must be unique"}');
    const changes: JsonObject = {};
    if (fields.includes("name")) changes.name = file.name;
    if (fields.includes("description")) changes.description = contents.value.description ?? "";
    if (fields.includes("endpoint")) changes.endpoint_name = file.endpointName ?? null;
    if (fields.includes("project")) changes.folder_id = await this.projectId(file.project);
    if (fields.includes("lock") || now?.locked) changes.locked = contents.locked;
    const alone = fields.length === 1 && fields[0] === "lock";
    const { langflow } = this.exported.sides.workspace;
    const answer = await this.unlocked(id, alone ? undefined : now, () => langflow.patch(id, changes));
    return this.written(id, file, fields, printsOf({ ...answer.flow, data: null }), answer);
  }

  /** Whether another flow had the name when we looked: then a lock need not be opened only to be closed again. */
  private isTaken(id: string, name: string): boolean {
    return (
      !this.left.has(id) &&
      [...this.exported.sides.langflow.values()].some((each) => each.row.id !== id && each.name === name)
    );
  }

  private fields(before: FlowInLangFlow, file: GitFlow): Field[] {
    if (before.untidy) return [...FIELDS];
    const agreed = this.exported.agreed.get(before.row.id);
    return FIELDS.filter((field) => verdict(field, agreed, before, file) !== "same");
  }

  /** Under a name of its own for a moment, so that the names of flows that swap theirs are free. */
  private async stepAside(id: string): Promise<void> {
    const file = this.exported.files.get(id);
    if (!file) return;
    await this.write(id, { aside: true });
  }

  /** What a copy keeps of this region's own flow, before that is written over. */
  private async kept(id: string | undefined): Promise<JsonObject | undefined> {
    for await (const { flow } of this.region.store.contents(id === undefined ? [] : [id])) return flow;
    return undefined;
  }

  /** To where it was, where somebody else's flow has the name. */
  private async stepBack(id: string, error: unknown): Promise<never> {
    const before = this.inLangFlow(id);
    if (before && this.left.has(id)) {
      const { langflow } = this.exported.sides.workspace;
      const locked = this.locks.get(id) ?? false;
      try {
        await langflow.patch(id, { name: before.name, endpoint_name: before.endpointName ?? null, locked });
        await this.save(id, this.state(id));
      } catch (refusal) {
        if (!(refusal instanceof LangFlowRefusal && refusal.taken)) throw refusal;
        // Its old name is somebody's by now as well: it waits aside, as closed as it was.
        await langflow.setLock(id, locked);
      }
    }
    throw error;
  }

  /** What LangFlow holds, where it is still what was looked at. */
  private async now(id: string, revision: string): Promise<StoredFlow> {
    for await (const stored of this.region.store.contents([id])) {
      const untouched = stored.revision === revision || this.left.get(id) === printsKey(stored.flow);
      if (!untouched) break;
      if (!this.locks.has(id)) this.locks.set(id, stored.locked);
      return stored;
    }
    throw new ChangedMeanwhile();
  }

  /** A locked flow takes nothing but the opening of its lock; what is written next closes it again. */
  private async unlocked(
    id: string,
    now: StoredFlow | undefined,
    write: () => Promise<StoredFlow>,
  ): Promise<StoredFlow> {
    if (!now?.locked) return write();
    await this.toggleLock(id, false);
    try {
      return await write();
    } catch (error) {
      this.left.set(id, printsKey(now.flow));
      await this.exported.sides.workspace.langflow.setLock(id, true);
      throw error;
    }
  }

  /** Where LangFlow wrote a graph in its own way, that is the same graph. Another name is another name. */
  private async written(
    id: string,
    file: GitFlow,
    fields: readonly Field[],
    got: Omit<Prints, "project">,
    { flow }: StoredFlow,
  ): Promise<typeof HELD | undefined> {
    const project = [...this.projects].find(([, folder]) => folder === flow.folder_id)?.[0] ?? DEFAULT_PROJECT;
    const prints: Prints = { ...got, project: print(project === DEFAULT_PROJECT ? "" : project) };
    const refused = fields.filter((field) => EXACT.has(field) && prints[field] !== file.prints[field]);
    const written = fields.map((field) => {
      const git = refused.includes(field) ? UNSETTLED : file.prints[field];
      return [field, { langflow: prints[field], git }];
    });
    this.count += 1;
    const state = this.state(id);
    await this.save(id, { ...state, agreed: { ...state.agreed, ...Object.fromEntries(written) } });
    if (refused.length === 0) return undefined;
    this.hold(id, `LangFlow gave it another ${refused.join(", ")}`);
    return HELD;
  }

  private async save(id: string, state: FlowState | undefined): Promise<void> {
    this.unsaved.push(this.change(id, state));
    if (this.unsaved.length >= REMEMBERED_AT_ONCE) await this.flush();
  }

  /** What is known of a flow but what LangFlow's row holds, which changes with the write. */
  private state(id: string): FlowState {
    const { agreed, files } = this.exported;
    const [settled, file] = [agreed.get(id), files.get(id)];
    return {
      ...(settled && { agreed: settled }),
      ...(file && { file: fileOf(file) }),
    };
  }

  private change(id: string, state: FlowState | undefined): StateChange {
    const { workspace, userId } = this.exported.sides.workspace;
    return { workspace, userId, id, state };
  }

  private inLangFlow(id: string): FlowInLangFlow | undefined {
    return this.exported.sides.langflow.get(id);
  }

  private key(id: string): string {
    return `import ${this.exported.sides.workspace.workspace} ${id}`;
  }

  private version(id: string): string {
    return JSON.stringify([this.exported.files.get(id)?.prints, this.inLangFlow(id)?.prints]);
  }

  /** Made where it is missing; once, since LangFlow makes a second one under another name where it is asked twice. */
  private projectId(name = DEFAULT_PROJECT): Promise<string> {
    const known = this.projects.get(name);
    if (known !== undefined) return Promise.resolve(known);
    const making =
      this.making.get(name) ??
      this.exported.sides.workspace.langflow.makeProject(name).then((id) => {
        this.projects.set(name, id);
        return id;
      });
    this.making.set(name, making);
    return making;
  }
}

/** All that a flow holds, less its project. */
const printsKey = (flow: JsonObject): string => JSON.stringify(printsOf(flow));

/** With an empty value where the file has none and LangFlow has one, which null would leave. */
function cleared(flow: JsonObject, now: JsonObject = {}): JsonObject {
  const empty = { description: "", icon: "", icon_bg_color: "", tags: [] };
  const left = Object.entries(empty).filter(([key]) => (flow[key] ?? null) === null && (now[key] ?? null) !== null);
  return { ...flow, ...Object.fromEntries(left) };
}

/** Fields that LangFlow takes one by one, without the whole flow. */
const PATCHED: ReadonlySet<Field> = new Set(["name", "description", "project", "endpoint", "lock"]);
/** Fields of which LangFlow has no way of its own to write the same. */
const EXACT: ReadonlySet<Field> = new Set(["name", "endpoint", "project", "lock"]);
