import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { eachOf } from "../eachOf";
import { type FlowFile, keptId, readFlowFile, renamed } from "../flows/flowFile";
import type { Repository } from "../git/repository";
import {
  EMPTY_SNAPSHOT,
  type GitFlow,
  Placement,
  type Problem,
  type Snapshot,
  type SnapshotReader,
} from "../git/snapshot";
import { type LangFlow, LangFlowRefusal } from "../langflow/client";
import { ChangedMeanwhile, type LocalFlow, type Workspace } from "../langflow/workspace";
import { commitMessage, type Edit, editOf } from "./edits";
import { type Conflict, type Judge, merge, type Plan, type Version, type Wanted } from "./merge";

/** What a cycle works on. */
export interface Sides {
  /** Folder in the repository. */
  readonly name: string;
  /** Our name of the region. */
  readonly region: string;
  readonly workspace: Workspace;
  readonly langflow: LangFlow;
  readonly repository: Repository;
  readonly reader: SnapshotReader;
}

/** What a cycle did. */
export interface Outcome {
  /** Flows written to LangFlow, deletes included. */
  readonly imported: number;
  /** Flows written to Git, deletes included. */
  readonly exported: number;
  readonly conflicts: readonly Conflict[];
  /** Files in Git and flows in LangFlow that are left out, with the reason. */
  readonly problems: readonly Problem[];
  /** Flows that could not be written to LangFlow this time, with the reason. */
  readonly held: readonly Problem[];
  readonly flows: number;
}

/** Another region pushed between our look and our push, or a user edited: look again. */
export class Raced extends Error {}

/**
 * LangFlow's own database keeps what was last agreed on, as a variable of the user: so it is lost, restored or rolled
 * back together with the flows it is about, and an emptied database never reads as one whose user deleted everything.
 */
const STATE_VARIABLE = "LANGFLOW_DR_SYNC";
const stateShape = z.object({
  /** The commit that both sides hold. */
  commit: z.string().regex(/^[0-9a-f]{40}$/),
  /** Flows for which it is another commit, or none: those that LangFlow did not take. */
  held: z.record(z.string(), z.string().nullable()).default({}),
});
type State = z.infer<typeof stateShape>;

/**
 * Brings one workspace and its folder in Git to the same flows, once. Each step may be the last: the state is written
 * when everything before it is done, and doing any step again changes nothing.
 *
 * @throws Raced, GitUnreachable, LangFlowUnreachable
 */
export async function cycle(sides: Sides): Promise<Outcome> {
  const { name, repository, reader, workspace, langflow } = sides;
  const head = await repository.fetch();
  const state = await readState(langflow);
  const base = await readBase(sides, state, head);
  const there = head === undefined ? EMPTY_SNAPSHOT : await reader.read(head, name, base.flows);
  const { flows: here, problems } = await workspace.read();

  const frozen = frozenFlows(base, there, problems);
  const edits = await editsOfConflicts(sides, head, { base: base.flows, here, there: there.flows });
  const plan = merge(base.flows, here, there.flows, judge(sides.region, here, edits), frozen);

  // A database that was put in place of another while we looked has lost nothing that its own state does not know of.
  if ([...plan.there.values()].includes(undefined) && !isDeepStrictEqual(await readState(langflow), state))
    throw new Raced("the database changed under us");

  const commit = plan.there.size > 0 ? await exportFlows(sides, head, there, here, plan) : head;
  const agreed = commit === undefined || commit === head ? there : await reader.read(commit, name, there.flows);
  const held = await importFlows(sides, agreed, here, plan);
  reader.keepOnly([base, there, agreed]);

  if (commit !== undefined) {
    const kept = [...held.map(({ id }) => id), ...frozen].map((id) => [id, baseCommit(state, id)] as const);
    await writeState(langflow, state, { commit, held: Object.fromEntries(kept) });
  }
  return {
    imported: plan.here.size - held.length,
    exported: plan.there.size,
    conflicts: plan.conflicts,
    problems: [...there.problems, ...[...problems].map(([id, reason]) => ({ path: `LangFlow ${id}`, reason }))],
    held: held.map(({ id, reason }) => ({ path: `LangFlow ${id}`, reason })),
    flows: agreed.flows.size,
  };
}

async function readState(langflow: LangFlow): Promise<State | undefined> {
  try {
    return stateShape.parse(JSON.parse((await langflow.variable(STATE_VARIABLE)) ?? "null"));
  } catch (error) {
    // None yet, or one a user wrote over: without it nothing is lost, flows are only compared anew.
    if (error instanceof z.ZodError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function writeState(langflow: LangFlow, old: State | undefined, next: State): Promise<void> {
  const text = JSON.stringify(next);
  if (text !== JSON.stringify(old)) await langflow.setVariable(STATE_VARIABLE, text);
}

const baseCommit = (state: State | undefined, id: string): string | null =>
  state === undefined ? null : id in state.held ? (state.held[id] ?? null) : state.commit;

/**
 * What both sides last agreed on. Nothing where Git's history does not lead on from there: it was rewritten, and what
 * is missing in it was not deleted by anybody.
 */
async function readBase(sides: Sides, state: State | undefined, head: string | undefined): Promise<Snapshot> {
  if (state === undefined || head === undefined) return EMPTY_SNAPSHOT;
  const { repository, reader, name } = sides;
  const snapshots = new Map<string, Snapshot>();
  const at = async (commit: string): Promise<Snapshot> => {
    const known = snapshots.get(commit);
    if (known) return known;
    const leads = commit === head || ((await repository.has(commit)) && (await repository.isAncestor(commit, head)));
    const snapshot = leads ? await reader.read(commit, name, new Map()) : EMPTY_SNAPSHOT;
    snapshots.set(commit, snapshot);
    return snapshot;
  };
  const base = await at(state.commit);
  if (Object.keys(state.held).length === 0) return base;
  const flows = new Map(base.flows);
  for (const [id, commit] of Object.entries(state.held)) {
    const flow = commit === null ? undefined : (await at(commit)).flows.get(id);
    if (flow) flows.set(id, flow);
    else flows.delete(id);
  }
  return { ...base, flows };
}

/** Flows of which one side cannot be read: neither side's word about them is taken. */
function frozenFlows(base: Snapshot, there: Snapshot, problems: ReadonlyMap<string, string>): Set<string> {
  const unreadable = new Set(there.problems.map(({ path }) => path));
  const lost = [...base.flows].filter(([id, { path }]) => unreadable.has(path) && !there.flows.has(id));
  return new Set([...problems.keys(), ...lost.map(([id]) => id)]);
}

/** Who edited the flows in Git that were edited here too, and when. */
async function editsOfConflicts(
  { repository }: Sides,
  head: string | undefined,
  { base, here, there }: Record<"base" | "here" | "there", ReadonlyMap<string, Version>>,
): Promise<Map<string, Edit>> {
  const edits = new Map<string, Edit>();
  for (const [id, flow] of there as ReadonlyMap<string, GitFlow>) {
    const [b, h] = [base.get(id)?.fingerprint, here.get(id)?.fingerprint];
    if (head === undefined || h === undefined || h === flow.fingerprint || h === b || flow.fingerprint === b) continue;
    const change = await repository.lastChange(head, flow.path);
    if (change) edits.set(id, editOf(id, change));
  }
  return edits;
}

function judge(region: string, here: ReadonlyMap<string, LocalFlow>, edits: ReadonlyMap<string, Edit>): Judge {
  const edit = (id: string, side: "here" | "there"): Edit =>
    (side === "there" ? edits.get(id) : { at: here.get(id)?.editedAt ?? 0, by: region }) ?? { at: 0, by: "git" };
  return {
    isLater(id, mine, theirs) {
      const [h, t] = [edit(id, "here").at, edit(id, "there").at];
      return h === t ? mine.fingerprint > theirs.fingerprint : h > t;
    },
    keep(id, loser, side) {
      const { at, by } = edit(id, side);
      const time = new Date(at).toISOString().slice(0, 19).replace("T", " ");
      return { id: keptId(id, loser.fingerprint), name: `${loser.name} (${by} ${time})` };
    },
    rename: (name, attempt) => `${name} (${region}${attempt === 1 ? "" : ` ${attempt}`})`,
  };
}

/** @returns the new commit */
async function exportFlows(
  sides: Sides,
  head: string | undefined,
  there: Snapshot,
  here: ReadonlyMap<string, LocalFlow>,
  plan: Plan,
): Promise<string> {
  const { name: folder, region, repository } = sides;
  const placement = new Placement(folder, there);
  const changes = new Map<string, (() => Promise<string>) | undefined>();
  const messages: { id: string; name: string; edit?: Edit }[] = [];
  for (const [id, wanted] of plan.there) {
    const now = there.flows.get(id);
    if (now) changes.set(now.path, undefined);
    const edit = wanted && (await editAt(sides, head, there, here, wanted));
    messages.push({ id, name: wanted?.name ?? now?.name ?? id, ...(edit && { edit }) });
  }
  for (const [id, wanted] of plan.there)
    if (wanted) changes.set(placement.place(id, wanted), () => contents(sides, id, wanted, here, there));
  for (const [path, text] of placement.projectFiles) changes.set(path, async () => text);
  const editedAt = Math.max(...messages.map(({ edit }) => edit?.at ?? Date.now()));
  const commit = await repository.commit(head, changes, commitMessage(region, messages), editedAt);
  if (!(await repository.push(commit))) throw new Raced("another region pushed first");
  return commit;
}

/** When the version that is written was edited: writing it again, or under another name, is no edit. */
async function editAt(
  { repository, region }: Sides,
  head: string | undefined,
  there: Snapshot,
  here: ReadonlyMap<string, LocalFlow>,
  { source: { side, id } }: Wanted,
): Promise<Edit> {
  const path = side === "there" ? there.flows.get(id)?.path : undefined;
  const change = head && path && (await repository.lastChange(head, path));
  return change ? editOf(id, change) : { at: here.get(id)?.editedAt ?? Date.now(), by: region };
}

async function contents(
  { workspace, repository }: Sides,
  id: string,
  { source, name, endpointCleared }: Wanted,
  here: ReadonlyMap<string, LocalFlow>,
  there: Snapshot,
): Promise<string> {
  let file: FlowFile;
  if (source.side === "here") {
    const version = here.get(source.id);
    if (!version) throw new Raced(`flow ${source.id} is gone`);
    file = await workspace.file(source.id, version);
  } else file = readFlowFile(await repository.read(there.flows.get(source.id)?.blob ?? ""));
  if (file.id === id && file.name === name && !endpointCleared) return file.text;
  return renamed(file, { id, name, ...(endpointCleared && { endpoint_name: null }) }).text;
}

/** Writes to LangFlow what Git holds by now; what it does not take is held back for the next time, and told. */
async function importFlows(
  { workspace, repository }: Sides,
  agreed: Snapshot,
  here: ReadonlyMap<string, LocalFlow>,
  plan: Plan,
): Promise<{ id: string; reason: string }[]> {
  const held: { id: string; reason: string }[] = [];
  const attempt = async (id: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile || error instanceof LangFlowRefusal)) throw error;
      held.push({ id, reason: error.message });
    }
  };
  const write = async (id: string, now: Version | undefined, name?: string): Promise<Version | undefined> => {
    const flow = agreed.flows.get(id);
    if (!flow) return undefined;
    const file = readFlowFile(await repository.read(flow.blob));
    return workspace.write(name === undefined ? file : renamed(file, { name }), flow.project, now);
  };

  const ids = [...plan.here.keys()];
  const written = ids.filter((id) => plan.here.get(id));
  // Names are unique: what frees one comes before what takes one.
  await eachOf(ids, async (id) => {
    const version = here.get(id);
    if (!plan.here.get(id) && version) await attempt(id, () => workspace.delete(id, version));
  });
  const swapped = new Map<string, Version | undefined>();
  const unlessNameTaken = (id: string) => (error: unknown) => {
    if (!(error instanceof LangFlowRefusal && error.status === 409)) throw error;
    swapped.set(id, here.get(id));
  };
  for (const known of [true, false])
    await eachOf(
      written.filter((id) => here.has(id) === known),
      (id) => attempt(id, () => write(id, here.get(id)).catch(unlessNameTaken(id))),
    );
  // Flows that swap their names step aside together.
  for (const [id, now] of swapped)
    await attempt(id, async () => swapped.set(id, await write(id, now, `${agreed.flows.get(id)?.name} (${id})`)));
  for (const [id, now] of swapped) await attempt(id, () => write(id, now));
  return held;
}
