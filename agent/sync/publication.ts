import type { GitFlow } from "../git/snapshot";
import { groupsOf } from "../groups";
import type { Agreed } from "../langflow/flowState";
import type { StateChange } from "../langflow/store";
import { commitMessage, type FlowChange } from "./edits";
import { Raced, type Region } from "./region";
import { fileOf, type Sides } from "./sides";

/** A flow's change in Git, ready to be committed. */
export interface Export {
  readonly sides: Sides;
  readonly id: string;
  /** Flows that are committed together or not at all: a version that loses, and the copy that keeps it. */
  readonly group: string;
  /** Path that goes. */
  readonly removed?: string;
  /** The file by then; undefined: the flow is deleted. */
  readonly file?: GitFlow;
  /** What names its project, where the folder cannot: blobs by path. */
  readonly beside?: readonly (readonly [path: string, blob: string])[];
  readonly change: FlowChange;
  /** What both sides agree on once it is in Git. */
  readonly agreed: Agreed | undefined;
}

/** Where the fate of each export is told. */
export interface Fate {
  accepted(each: Export): void;
  /** @param asked whether the host was asked about it, and not only about others */
  declined(each: Export, reason: string, asked: boolean): void;
}

/** Refusals of single flows, with none accepted, after which the host is taken to refuse whatever is pushed. */
const REFUSALS_MAX = 3;

/** Pushes exports as one commit, or as many as the host's refusals demand: what it declines is one flow's trouble. */
export class Publication {
  private accepted = 0;
  private refused = 0;

  /** @param head the host's newest commit by now */
  constructor(
    private readonly region: Region,
    public head: string | undefined,
    private readonly fate: Fate,
  ) {}

  /** @throws Raced, GitUnreachable, DatabaseUnreachable */
  async publish(exports: readonly Export[]): Promise<void> {
    if (exports.length === 0) return;
    const { repository, store, name } = this.region;
    const message = commitMessage(
      name,
      exports.map(({ change }) => change),
    );
    const commit = await repository.commit(this.head, changesOf(exports), message, editedAt(exports));
    await store.remember(exports.map((each) => underWay(each, commit)));
    const push = await repository.push(commit, this.head);
    if (push.kind === "raced") throw new Raced("another region pushed first");
    if (push.kind === "declined") return this.divide(exports, push.reason);
    this.head = commit;
    this.accepted += 1;
    await store.remember(exports.map(remembered));
    for (const each of exports) this.fate.accepted(each);
  }

  private async divide(exports: readonly Export[], reason: string): Promise<void> {
    const groups = grouped(exports);
    // A branch that takes nothing is not asked flow by flow.
    if (groups.length === 1 || (this.accepted === 0 && this.refused >= REFUSALS_MAX)) {
      this.refused += 1;
      for (const each of exports) this.fate.declined(each, reason, groups.length === 1);
      return;
    }
    const half = Math.ceil(groups.length / 2);
    await this.publish(groups.slice(0, half).flat());
    await this.publish(groups.slice(half).flat());
  }
}

function grouped(exports: readonly Export[]): Export[][] {
  return [...groupsOf(exports, ({ sides, group }) => `${sides.workspace.workspace} ${group}`).values()];
}

/** Paths that go come first, so that a flow may take another's place. */
function changesOf(exports: readonly Export[]): Map<string, string | undefined> {
  const changes = new Map<string, string | undefined>();
  for (const { removed } of exports) if (removed !== undefined) changes.set(removed, undefined);
  for (const { file, beside } of exports) {
    if (!file) continue;
    changes.set(file.path, file.blob);
    for (const [path, blob] of beside ?? []) changes.set(path, blob);
  }
  return changes;
}

function editedAt(exports: readonly Export[]): number {
  const times = exports.flatMap(({ change }) => Object.values(change.stamps ?? {}).map(({ at }) => at));
  return times.length > 0 ? Math.max(...times) : Date.now();
}

function underWay({ sides, id, agreed }: Export, commit: string): StateChange {
  const { workspace, userId } = sides.workspace;
  const settled = sides.agreed.get(id);
  const { agreed: _, ...before } = sides.look.states.get(id) ?? {};
  const intent = { kind: "export" as const, commit, agreed };
  return { workspace, userId, id, state: { ...before, ...(settled && { agreed: settled }), intent } };
}

/** What is known of a flow once Git has it. */
export function remembered({ sides, id, agreed, file }: Export): StateChange {
  const { workspace, userId } = sides.workspace;
  if (!file) return { workspace, userId, id, state: undefined };
  const inLangFlow = sides.langflow.get(id);
  const { project: _, ...prints } = inLangFlow?.prints ?? file.prints;
  const row = inLangFlow && !inLangFlow.untidy && { revision: inLangFlow.row.revision, prints };
  return { workspace, userId, id, state: { ...(agreed && { agreed }), ...(row && { row }), file: fileOf(file) } };
}
