import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { JsonObject } from "../flows/canonicalJson";
import { exportedFlow, NotAFlow } from "../flows/flowFile";
import { FIELDS, type Field, type Prints, type Problem, print, same } from "../flows/version";
import { EMPTY_SNAPSHOT, type GitFlow, type Snapshot } from "../git/snapshot";
import type { Agreed, FlowState, KnownFile } from "../langflow/flowState";
import type { FlowRow, Look, StateChange, UserLook } from "../langflow/store";
import type { SideVersion } from "./plan";
import { flowPath, type Region, type Workspace } from "./region";
import { settle } from "./settle";

/** LangFlow's side of one flow. */
export interface FlowInLangFlow extends SideVersion {
  readonly row: FlowRow;
}

/** Both sides of one workspace at one moment, and what they agree on. */
export interface Sides {
  readonly workspace: Workspace;
  readonly look: UserLook;
  readonly snapshot: Snapshot;
  readonly langflow: ReadonlyMap<string, FlowInLangFlow>;
  readonly git: ReadonlyMap<string, GitFlow>;
  readonly agreed: ReadonlyMap<string, Agreed>;
  /** Flows of LangFlow that are none to us. */
  readonly problems: readonly Problem[];
  /** Flows of which one side cannot be read: neither side's word about them is taken. */
  readonly frozen: ReadonlySet<string>;
}

const NO_PROJECT = print("");
const PRINTED = FIELDS.filter((field) => field !== "project");

/** Every name: what is compared must not change with which variables a region happens to have. */
const ANY_VARIABLE = setOf(() => true);

/**
 * Reads both sides of every workspace. Contents are read of what changed alone: what an unchanged row or file holds is
 * remembered in the database.
 *
 * @throws GitUnreachable, DatabaseUnreachable
 */
export async function readSides(
  region: Region,
  workspaces: readonly Workspace[],
  look: Look,
  head: string | undefined,
): Promise<Sides[]> {
  const snapshots = await readGit(region, look, head);
  const leads = await leadsOn(region, look, head);
  const landed = await landedCommits(region, look, head);
  const sides: Sides[] = [];
  for (const workspace of workspaces) {
    const user = look.users.get(workspace.workspace);
    if (!user) continue;
    const snapshot = snapshots.get(workspace.workspace) ?? EMPTY_SNAPSHOT;
    const { rows, problems } = await readRows(region, user);
    sides.push(settled(workspace, user, snapshot, rows, problems, { leads, landed }));
  }
  return sides;
}

/** What is remembered of both sides by now, where it is not yet. */
export function observed({ workspace, look, langflow, git, agreed, frozen }: Sides): StateChange[] {
  const { workspace: name, userId } = workspace;
  const ids = new Set([...look.states.keys(), ...langflow.keys(), ...git.keys()]);
  return [...ids].flatMap((id) => {
    const before = look.states.get(id);
    const [inLangFlow, inGit, lastAgreed] = [langflow.get(id), git.get(id), agreed.get(id)];
    const settledState: FlowState = {
      ...(lastAgreed && { agreed: lastAgreed }),
      // What is half written is still to be told from an edit.
      ...(inLangFlow?.untidy && before?.intent && { intent: before.intent }),
      ...(inLangFlow &&
        !inLangFlow.untidy && {
          row: { revision: inLangFlow.row.revision, prints: withoutProject(inLangFlow.prints) },
        }),
      // What is untidy is looked at again until it was tidied.
      ...(inGit && !inGit.untidy && { file: fileOf(inGit) }),
      // What cannot be read is not gone: as long as nobody can tell, its flow is known to have had a file.
      ...(!inGit && frozen.has(id) && before?.file && { file: before.file }),
    };
    // What neither side has any more was agreed to be gone: should it come back, somebody made it.
    const gone = !inLangFlow && !inGit && !frozen.has(id);
    const state = !gone && Object.keys(settledState).length > 0 ? settledState : undefined;
    return isDeepStrictEqual(before, state) ? [] : [{ workspace: name, userId, id, state }];
  });
}

export function fileOf({ path, blob, name, endpointName, prints }: GitFlow): KnownFile {
  return { path, blob, name, ...(endpointName !== undefined && { endpointName }), prints: withoutProject(prints) };
}

/** What a row that LangFlow shows is to us, less its project. @throws NotAFlow */
export function printsOf(flow: JsonObject): Omit<Prints, "project"> {
  return exportedFlow(flow, { variables: ANY_VARIABLE }).prints;
}

async function readGit(region: Region, look: Look, head: string | undefined): Promise<ReadonlyMap<string, Snapshot>> {
  if (head === undefined) return new Map();
  const files = new Map<string, { id: string } & KnownFile>();
  for (const { states } of look.users.values())
    for (const [id, { file }] of states) if (file) files.set(`${file.path} ${file.blob}`, { id, ...file });
  return region.reader.read(head, [...look.users.keys()], (_, path, blob) => files.get(`${path} ${blob}`));
}

/**
 * Whether Git's history leads on from what was looked at last. Where it does not, it was rewritten or made anew: what is
 * missing or different in it was changed by nobody.
 */
async function leadsOn(region: Region, look: Look, head: string | undefined): Promise<boolean> {
  if (look.head === undefined || look.head === head) return true;
  return head !== undefined && (await region.repository.leadsTo(look.head, head));
}

async function landedCommits(region: Region, { users }: Look, head: string | undefined): Promise<Set<string>> {
  const states = [...users.values()].flatMap((user) => [...user.states.values()]);
  const commits = new Set(states.flatMap(({ intent }) => (intent?.kind === "export" ? [intent.commit] : [])));
  const landed = new Set<string>();
  for (const commit of commits) if (head && (await region.repository.leadsTo(commit, head))) landed.add(commit);
  return landed;
}

async function readRows(
  { store }: Region,
  { rows, states }: UserLook,
): Promise<{ rows: Map<string, FlowInLangFlow>; problems: Map<string, string> }> {
  const langflow = new Map<string, FlowInLangFlow>();
  const problems = new Map<string, string>();
  const add = (row: FlowRow, prints: Omit<Prints, "project">): void => {
    const { name, endpointName, project } = row;
    langflow.set(row.id, {
      row,
      name,
      ...(endpointName !== undefined && { endpointName }),
      ...(project !== undefined && { project }),
      prints: { ...prints, project: project === undefined ? NO_PROJECT : print(project) },
    });
  };
  const unread = new Map<string, FlowRow>();
  for (const [id, row] of rows) {
    const known = states.get(id)?.row;
    if (known?.revision === row.revision) add(row, known.prints);
    else unread.set(id, row);
  }
  for await (const { id, revision, flow } of store.contents([...unread.keys()])) {
    const row = unread.get(id);
    unread.delete(id);
    // Written since we looked: what it was then is not to be had any more.
    if (!row || row.revision !== revision) problems.set(id, "is being edited");
    else
      try {
        add(row, printsOf(flow));
      } catch (error) {
        if (!(error instanceof NotAFlow)) throw error;
        problems.set(id, error.message);
      }
  }
  for (const id of unread.keys()) problems.set(id, "is being deleted");
  return { rows: langflow, problems };
}

function settled(
  workspace: Workspace,
  look: UserLook,
  snapshot: Snapshot,
  rows: ReadonlyMap<string, FlowInLangFlow>,
  problems: ReadonlyMap<string, string>,
  history: { readonly leads: boolean; readonly landed: ReadonlySet<string> },
): Sides {
  const langflow = new Map<string, FlowInLangFlow>();
  const agreed = new Map<string, Agreed>();
  const unreadable = new Set(snapshot.problems.map(({ path }) => path));
  const mentioned = snapshot.problems.map(({ mentions }) => mentions);
  const isHidden = (id: string, { path }: KnownFile): boolean =>
    unreadable.has(path) || mentioned.some((ids) => ids === undefined || ids.has(id));
  const frozen = new Set(problems.keys());
  for (const id of new Set([...look.states.keys(), ...rows.keys()])) {
    const git = snapshot.flows.get(id);
    const row = rows.get(id);
    const known = look.states.get(id) ?? {};
    const state = history.leads || known.file?.blob === git?.blob ? known : { ...known, agreed: undefined };
    const result = settle(id, state, row, git, (commit) => history.landed.has(commit));
    if (row && result.langflow) langflow.set(id, result.langflow === row ? row : { ...result.langflow, row: row.row });
    if (result.agreed) agreed.set(id, result.agreed);
    if (!git && state.file && isHidden(id, state.file)) frozen.add(id);
  }
  return {
    workspace,
    look,
    snapshot,
    langflow,
    git: snapshot.flows,
    agreed,
    problems: [...problems].map(([id, reason]) => ({ path: flowPath(id), reason })),
    frozen,
  };
}

/**
 * Recognises flows whose past was lost: where LangFlow holds just what Git once held, nobody edited it in LangFlow,
 * however late it was written.
 */
export async function recognise(region: Region, head: string, sides: Sides): Promise<Sides> {
  const { langflow, git, agreed, look, workspace } = sides;
  const unknown = [...langflow.keys()].filter((id) => {
    const [inLangFlow, inGit] = [langflow.get(id), git.get(id)];
    return inLangFlow && inGit && look.states.get(id)?.agreed === undefined && !same(inLangFlow.prints, inGit.prints);
  });
  if (unknown.length === 0) return sides;
  const candidates = new Map<string, GitForm[]>();
  for await (const { id, flow } of region.store.contents(unknown)) candidates.set(id, gitForms(flow, look.variables));
  const blobs = new Set([...candidates.values()].flat().map(({ blob }) => blob));
  const found = await region.repository.findContents(head, workspace.workspace, blobs);
  const next = new Map(agreed);
  for (const [id, forms] of candidates) {
    const form = forms.find(({ blob }) => found.has(blob));
    const prints = langflow.get(id)?.prints;
    if (!form || !prints) continue;
    const past = PRINTED.map((field): [Field, { langflow: string; git: string }] => [
      field,
      { langflow: prints[field], git: form.prints[field] },
    ]);
    next.set(id, { ...agreed.get(id), ...Object.fromEntries(past) });
  }
  return { ...sides, look, agreed: next };
}

/** What a flow of LangFlow's was as a file: not its text, of which thousands would be in memory. */
interface GitForm {
  readonly blob: string;
  readonly prints: Omit<Prints, "project">;
}

/** As it came from Git, and as it went to Git, where it has what only looks like a name of a variable. */
function gitForms(flow: JsonObject, variables: ReadonlySet<string>): GitForm[] {
  let known = true;
  const noted = setOf((name) => {
    known &&= variables.has(name);
    return true;
  });
  const form = (names: ReadonlySet<string>): GitForm => {
    const { text, prints } = exportedFlow(flow, { variables: names });
    return { blob: blobId(text), prints };
  };
  const asItCame = form(noted);
  return known ? [asItCame] : [asItCame, form(variables)];
}

/** Git's id of a text. */
function blobId(text: string): string {
  const contents = Buffer.from(text, "utf8");
  return createHash("sha1").update(`blob ${contents.length}\0`).update(contents).digest("hex");
}

/** A set that is asked by a rule. */
function setOf(has: (name: string) => boolean): ReadonlySet<string> {
  return Object.assign(new Set<string>(), { has });
}

function withoutProject({ project: _, ...prints }: Prints): Omit<Prints, "project"> {
  return prints;
}
