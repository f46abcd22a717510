import type { JsonObject } from "../../formats/flows/canonicalJson";
import { DEFAULT_PROJECT } from "../../formats/flows/defaultProject";
import {
  compose,
  exportedFlow,
  type FlowFile,
  fittingName,
  importable,
  keptId,
  NotAFlow,
  readFlowFile,
} from "../../formats/flows/flowFile";
import { FIELDS, type Field, KEYS, print, type Stamp } from "../../formats/flows/version";
import { forEachConcurrent } from "../async/forEachConcurrent";
import type { Change } from "../git/history";
import { LangFlowRefusal, LangFlowUnreachable, type NewFlow } from "../langflow/client";
import { itemTrouble } from "../langflow/itemTrouble";
import { isBehind, recordedAs } from "./behind";
import type { Known, Look, Replicated, StoredRow } from "./database";
import { type HeldDeletes, unusualDeletes } from "./deletes";
import { isAgents, stampOf, versionTokenOf } from "./edits";
import type { NamedProject } from "./folders";
import { pathOf } from "./outcome";
import { type LangFlowApi, mustBeRecorder, type Parts, type Report } from "./parts";
import { threeWay } from "./threeWay";
import type { FileAt } from "./tree";

/** A file, and the project of its folder. */
export interface PlacedFile extends FileAt {
  readonly project: NamedProject;
}

/** A person's edit of one flow in Git: the file before and after the edit. */
export interface Edit {
  readonly workspace: string;
  readonly userId: string;
  readonly id: string;
  /**
   * The file before the edit; undefined if the edit created the file, or if the earlier file is unknown. The earlier
   * file of a waiting edit has no project.
   */
  readonly base: (FileAt & Partial<PlacedFile>) | undefined;
  /** The file after the edit; undefined if the edit deleted it. */
  readonly head: PlacedFile | undefined;
  /** The commit that made the edit. */
  readonly change: Change;
  /** Whether a person changed the file; otherwise the edit exists only because LangFlow lacks the file's flow. */
  readonly isChanged: boolean;
  /**
   * Whether a rewrite of the history removed something from the base. LangFlow still has it, but Git must not get it
   * back. See `Known.leftBlob`.
   */
  readonly isLeft: boolean;
}

type Written = Edit & { readonly head: PlacedFile };
type New = NewFlow & { readonly edit: Written };

/** Thrown if a flow changes between a read and a write. The next cycle reads it again. */
class ChangedMeanwhile extends Error {}
/** Thrown if an edit must wait, for example for data from another region. */
class Waits extends Error {}

/** Fields that LangFlow accepts individually, without the whole flow. */
const PATCHED: ReadonlySet<Field> = new Set(["name", "description", "project", "endpoint", "lock"]);
/** Number of concurrent edits. It is low because LangFlow also serves users. */
const EDITS_AT_ONCE = 4;
/**
 * Limits of a batch of flows that LangFlow creates in one request: the number of flows, and the size of their files in
 * bytes, at which the batch ends.
 */
const BATCH_FLOWS = 20;
const BATCH_BYTES = 2_000_000;
/** Number of concurrent batches: the agent prepares one while LangFlow creates the other. */
const BATCHES_AT_ONCE = 2;
/** Maximum number of requests without a response in one cycle. After one more, LangFlow counts as unreachable. */
const SILENCES_MAX = 3;

/** Size of a flow file, in bytes, above which the agent processes no other flow at the same time, to save memory. */
const ALONE_BYTES = 2_000_000;
/** Returns a function that gives the number of concurrent slots which an edit takes. */
const weightIn =
  (atOnce: number) =>
  ({ head }: Edit): number =>
    (head?.size ?? 0) > ALONE_BYTES ? atOnce : 1;

const LEFT_DELETE =
  "a history rewrite removed content from the flow's file, and a later push deleted the file, so the agent cannot tell whether the flow was edited since: delete the flow in LangFlow, or commit its file again";

/** Returns a flow's temporary name while flows swap their names. It must not collide with a user's own names. */
const asideName = (id: string): string => `${id} (moving)`;

/**
 * Imports people's edits into LangFlow, on behalf of the user who owns the flow. Each edit succeeds or fails by itself.
 */
export class Imports {
  /** The failure after which LangFlow got no more requests. */
  broken: LangFlowUnreachable | undefined;
  /** Waiting edits: the blob on which each is based, by flow; empty: no file. */
  readonly waiting = new Map<string, string>();
  private silences = 0;
  private replicated: ReadonlyMap<string, Replicated> = new Map();
  /** Names of the current user's global variables. */
  private variables: ReadonlySet<string> = new Set();
  /** Projects of the current user that are being created, by name. */
  private readonly projects = new Map<string, Promise<string>>();
  private readonly swapped: Written[] = [];
  /** Deletes of all users' flows, if together they exceed the limits. */
  private heldTogether: HeldDeletes | undefined;

  constructor(
    private readonly parts: Parts,
    private readonly look: Look,
    private readonly report: Report,
    /** Flows whose newest version was recorded by another region but has not arrived yet. Their edits wait for it. */
    private readonly underWay: ReadonlySet<string>,
    /** The commit that contains the edits. */
    private readonly commit: string,
  ) {}

  /**
   * Imports the edits that are due.
   *
   * @throws NotRecorder, DatabaseUnreachable
   */
  async run(edits: readonly Edit[]): Promise<void> {
    this.replicated = (await this.parts.database.replicated(edits.map(({ id }) => id))) ?? new Map();
    // A file without a change does not bring back a deleted flow.
    const wanted = edits.filter(({ id, isChanged }) => isChanged || !this.replicated.get(id)?.isDeleted);
    const due = wanted.filter((edit) => this.isDue(edit));
    const users = new Set(due.map(({ userId }) => userId));
    const { releases, deletes } = this.parts;
    const removed = due.filter(({ head, id, workspace }) => head === undefined && !releases.has(workspace, id));
    this.heldTogether = unusualDeletes(
      "",
      removed.map(({ id }) => id),
      this.look.rows.size,
      deletes.together,
    );
    try {
      await this.relock();
      for (const userId of users) {
        if (!(await this.parts.langflowOf(userId).answers())) throw new LangFlowUnreachable("LangFlow does not answer");
        this.variables = await this.parts.database.variables(userId);
        this.projects.clear();
        await this.ofUser(due.filter((edit) => edit.userId === userId));
      }
    } catch (error) {
      if (!(error instanceof LangFlowUnreachable)) throw error;
      this.broken = error;
    }
  }

  private async ofUser(edits: readonly Edit[]): Promise<void> {
    // Delete flows first, because this frees their names.
    await this.remove(edits.filter(({ head }) => head === undefined));
    const written = edits.filter((edit): edit is Written => edit.head !== undefined);
    const existing = written.filter(({ id }) => this.look.rows.has(id));
    await forEachConcurrent(
      existing,
      EDITS_AT_ONCE,
      (edit) => this.attempt(edit, () => this.merge(edit), true),
      weightIn(EDITS_AT_ONCE),
    );
    await this.create(written.filter(({ id }) => !this.look.rows.has(id)));
    // Flows that swap their names all get a temporary name first.
    if (this.swapped.length > 1) for (const edit of this.swapped) await this.attempt(edit, () => this.stepAside(edit));
    for (const edit of this.swapped.splice(0)) await this.attempt(edit, () => this.merge(edit));
  }

  /** Locks flows again that an agent had unlocked before it was killed. */
  private async relock(): Promise<void> {
    for (const [id, known] of this.look.known) {
      const row = this.look.rows.get(id);
      if (!known.relock) continue;
      if (row) await this.langflow(row.userId).setLock(id, true);
      await this.parts.database.remember(new Map([[id, { ...known, relock: false }]]));
    }
  }

  private isDue({ id, userId, base, head, workspace, isChanged }: Edit): boolean {
    // An inactive user cannot write to LangFlow.
    const isActive = this.look.users.some((user) => user.id === userId && user.isActive);
    if (this.underWay.has(id) || !isActive) {
      if (isChanged) this.waiting.set(id, base?.blob ?? "");
      return false;
    }
    const waits = this.parts.backoff.blockedReason(`import ${id}`, this.version(id, head));
    if (!waits) return true;
    this.waiting.set(id, base?.blob ?? "");
    this.report.of(workspace).held.push({ path: pathOf(id), ...waits });
    return false;
  }

  private version = (id: string, head: FileAt | undefined): string =>
    `${head?.blob} ${head?.path} ${this.look.rows.get(id)?.revision}`;

  /**
   * Imports one edit, and holds it if that fails.
   *
   * @param maySwap whether the flow's name, if it is taken, may become free within this cycle
   */
  private async attempt(edit: Edit, work: () => Promise<void>, maySwap = false): Promise<void> {
    try {
      mustBeRecorder(this.parts);
      await work();
      this.parts.backoff.recordSuccess(`import ${edit.id}`);
    } catch (error) {
      this.waiting.set(edit.id, edit.base?.blob ?? "");
      if (error instanceof ChangedMeanwhile) return;
      if (error instanceof LangFlowUnreachable) await this.unlessAlive(edit, error);
      if (error instanceof LangFlowRefusal && error.outdated) return;
      if (maySwap && error instanceof LangFlowRefusal && error.taken) this.swapped.push(edit as Written);
      else if (error instanceof LangFlowRefusal || error instanceof LangFlowUnreachable || error instanceof Waits)
        this.hold(edit, error.message);
      else this.hold(edit, itemTrouble(error));
    }
  }

  /** Rethrows the error unless LangFlow still responds. If it does, only this flow's request has failed. */
  private async unlessAlive({ userId }: Edit, error: LangFlowUnreachable): Promise<void> {
    this.silences += 1;
    if (this.silences > SILENCES_MAX || !(await this.parts.langflowOf(userId).answers())) throw error;
  }

  private hold({ workspace, id, head }: Edit, reason: string): void {
    const trouble = { reason, kind: "flow" } as const;
    this.parts.backoff.recordFailure(`import ${id}`, this.version(id, head), trouble);
    this.report.of(workspace).held.push({ path: pathOf(id), ...trouble });
  }

  /**
   * Records that the edits are in LangFlow, so that no later cycle imports them again.
   *
   * @param count number of flows that were written
   */
  private async done(edits: readonly Edit[], count = edits.length): Promise<void> {
    const [first] = edits;
    if (first) this.report.of(first.workspace).imported += count;
    for (const { id } of edits) this.waiting.delete(id);
    // Store no revision, because LangFlow's version of the file must still be recorded.
    const known = edits.map(({ id, head, isLeft }): [string, Known | undefined] => [
      id,
      head && { path: head.path, blob: head.blob, ...(isLeft && { leftBlob: head.blob }) },
    ]);
    await this.parts.database.remember(new Map(known));
    this.parts.alive();
  }

  // These methods delete flows.

  private async remove(edits: readonly Edit[]): Promise<void> {
    const [first] = edits;
    if (!first) return;
    const { workspace, userId } = first;
    const deletable: Edit[] = [];
    for (const edit of edits)
      await this.attempt(edit, async () => {
        if (await this.isUntouched(edit)) return void deletable.push(edit);
        const isOwn = this.look.rows.get(edit.id)?.userId === userId;
        if (isOwn && edit.isLeft) throw new Waits(LEFT_DELETE);
        if (isOwn) this.report.of(workspace).conflicts.push({ kind: "edit-survives-delete", id: edit.id });
        // LangFlow still has the flow, so the recording restores its file.
        await this.done([edit], 0);
      });
    const of = [...this.look.rows.values()].filter((row) => row.userId === userId).length;
    const { releases, deletes: limit } = this.parts;
    const unreleased = deletable.map(({ id }) => id).filter((id) => !releases.has(workspace, id));
    const held = this.heldTogether ?? unusualDeletes(workspace, unreleased, of, limit);
    const isHeld = held !== undefined && !releases.take(workspace, held);
    const outcome = this.report.of(workspace);
    if (isHeld) outcome.heldDeletes = held;
    for (const edit of deletable) {
      if (isHeld && held.ids.includes(edit.id)) {
        const reason = `a push deletes ${held.ids.length} of ${held.of} flows: to apply the deletes, run \`agent release --deletes ${held.code}\``;
        outcome.held.push({ path: pathOf(edit.id), reason, kind: "deletes" });
        this.waiting.set(edit.id, edit.base?.blob ?? "");
      } else
        await this.attempt(edit, async () => {
          // An edit that a user made in LangFlow meanwhile wins over the delete.
          if (!(await this.isUntouched(edit))) throw new ChangedMeanwhile();
          const remove = () => this.parts.langflowOf(userId).delete(edit.id);
          await this.parts.database.whileImporting([edit.id], remove);
          await this.done([edit]);
        });
    }
  }

  /** Returns whether LangFlow's flow equals the deleted file, or the file before something was removed from it. */
  private async isUntouched(edit: Edit): Promise<boolean> {
    const { id, userId, base, isLeft } = edit;
    const row = this.look.rows.get(id);
    if (!row || row.userId !== userId) return false;
    const stored = await this.parts.database.stored(id);
    if (!stored || !base) return false;
    if (isLeft && this.look.known.get(id)?.revision === stored.revision) return true;
    const file = await this.fileOf(base);
    if (!file) return false;
    const mine = this.fileOfRow(stored, base, file);
    const is = printsOf(mine, projectOf(stored));
    const was = printsOf(file, base.project);
    const isSame = FIELDS.every((field) => was[field] === is[field] || (field === "project" && !base.project));
    // The deleted file was a newer version by a lost recorder, and LangFlow has an earlier recorded version.
    return isSame || (await this.recordedBefore(edit, stored, mine))?.blob !== undefined;
  }

  /**
   * Finds the version that was recorded of this database's flow, if the edit is based on a lost recorder's version that
   * never arrived here.
   *
   * @returns undefined if the edit's base did arrive; `blob` is undefined if this database's version was never recorded
   */
  private async recordedBefore({ id, base, isLeft }: Edit, stored: StoredRow, mine: FlowFile) {
    if (!base || isLeft || this.look.known.get(id)?.blob === base.blob) return undefined;
    if (!(await isBehind(this.parts, this.commit, id, base, this.replicated.get(id)))) return undefined;
    return { blob: await recordedAs(this.parts, this.commit, stored, mine) };
  }

  // These methods import edits of flows that LangFlow has.

  private async merge(edit: Written): Promise<void> {
    const { id, userId, base, head, change } = edit;
    if (this.look.rows.get(id)?.userId !== userId) throw new NotAFlow("belongs to a different user in LangFlow");
    const stored = await this.parts.database.stored(id);
    if (!stored) throw new ChangedMeanwhile();
    const git = readFlowFile(await this.parts.repository.read(head.blob));
    const baseFile = base && (await this.fileOf(base));
    const mine = this.fileOfRow(stored, baseFile && base, baseFile ?? git);
    const now = printsOf(mine, projectOf(stored));
    const before = await this.recordedBefore(edit, stored, mine);
    const beforeFile = before?.blob && (await this.fileOf({ path: head.path, blob: before.blob }));
    const wasOf = before ? beforeFile : baseFile;
    const was = wasOf ? printsOf(wasOf, before ? undefined : base?.project) : undefined;
    // A temporary name that the agent gave is not an edit.
    if (mine.name === asideName(id)) {
      now.name = "";
      if (was) was.name = "";
    }
    const wanted = printsOf(git, head.project);
    const { taken, lost } = threeWay(was, wanted, now, (field) => {
      // A person removed content from the base, and LangFlow still has it. Git wins, so that the content does not
      // return.
      if (edit.isLeft) return true;
      const [inGit, inLangFlow] = [this.gitStamp(change, id, field).at, this.langflowStamp(id, field).at];
      return inGit === inLangFlow ? wanted[field] > now[field] : inGit > inLangFlow;
    });
    // The graph that loses is kept as a flow of its own.
    let keptAs: string | undefined;
    if (lost.git.includes("graph")) keptAs = await this.keep(edit, git, stored, this.gitStamp(change, id, "graph"));
    if (lost.langflow.includes("graph") && !edit.isLeft)
      keptAs = await this.keep(edit, mine, stored, this.langflowStamp(id, "graph"));
    const fields = [...lost.git, ...lost.langflow];
    if (fields.length > 0)
      this.report.of(edit.workspace).conflicts.push({ kind: "edited-twice", id, fields, ...(keptAs && { keptAs }) });
    if (taken.length > 0) await this.write(edit, { git, mine, stored, taken });
    await this.done([edit], taken.length > 0 ? 1 : 0);
  }

  /**
   * Keeps a version as a flow of its own. The new flow's id derives from the version, so repeated calls in any region
   * create a single flow.
   */
  private async keep(edit: Written, version: FlowFile, stored: StoredRow, { at, by }: Stamp): Promise<string> {
    const copy = keptId(edit.id, print(FIELDS.map((field) => version.prints[field]).join(" ")));
    const { database } = this.parts;
    const isDeleted = (await database.replicated([copy]))?.get(copy)?.isDeleted;
    if (this.look.rows.has(copy) || isDeleted || (await database.stored(copy))) return copy;
    const time = new Date(at).toISOString().slice(0, 19).replace("T", " ");
    const name = fittingName(version.name, ` (${by} ${time})`);
    // Only one flow can have the endpoint, and the winner keeps it.
    const flow = { ...importable(version, stored.flow), name, endpoint_name: null, locked: false };
    await this.langflow(edit.userId).put(copy, flow, await this.projectOfRow(edit));
    return copy;
  }

  private async write(
    edit: Written,
    { git, mine, stored, taken }: { git: FlowFile; mine: FlowFile; stored: StoredRow; taken: readonly Field[] },
  ): Promise<void> {
    const { id, userId, head } = edit;
    const langflow = this.langflow(userId);
    const whole = compose(mine, git, taken);
    const folder = taken.includes("project") ? await this.projectId(edit, head.project) : undefined;
    if (taken.every((field) => PATCHED.has(field))) {
      const keys = taken.flatMap((field) => KEYS[field]);
      const changes: JsonObject = {
        ...Object.fromEntries(keys.map((key) => [key, whole.value[key] ?? (key === "description" ? "" : null)])),
        ...(folder !== undefined && { folder_id: folder }),
        ...(stored.locked && { locked: whole.value.locked === true }),
      };
      const isLockAlone = taken.length === 1 && taken[0] === "lock";
      await this.unlocked(edit, isLockAlone ? false : stored.locked, () => langflow.patch(id, changes));
      return;
    }
    const flow = taken.includes("graph")
      ? importable(whole, stored.flow)
      : { ...whole.value, data: stored.flow.data ?? null };
    const answer = await this.unlocked(edit, stored.locked, async () =>
      langflow.put(id, cleared(flow, stored.flow), folder ?? (await this.projectOfRow(edit)), stored),
    );
    if (!taken.includes("graph")) return;
    // A graph from Git gets the same version token in every region.
    const named = isAgents(edit.change) ? versionTokenOf(edit.change.message, id) : undefined;
    const token = named ?? keptId(id, git.prints.graph);
    const { versionToken: now } = answer;
    if (token !== now) await this.parts.database.giveVersionToken(id, now, token);
  }

  /**
   * Unlocks a locked flow for a write, because LangFlow rejects all other changes of a locked flow. The write locks the
   * flow again.
   */
  private async unlocked<T>({ id, userId }: Edit, isLocked: boolean, write: () => Promise<T>): Promise<T> {
    if (!isLocked) return write();
    const known = this.look.known.get(id);
    await this.parts.database.remember(new Map([[id, { ...known, relock: true }]]));
    await this.langflow(userId).setLock(id, false);
    try {
      return await write();
    } catch (error) {
      await this.langflow(userId).setLock(id, true);
      await this.parts.database.remember(new Map([[id, known]]));
      throw error;
    }
  }

  private async stepAside(edit: Written): Promise<void> {
    const stored = await this.parts.database.stored(edit.id);
    if (!stored) throw new ChangedMeanwhile();
    const changes = { name: asideName(edit.id), locked: stored.locked };
    await this.unlocked(edit, stored.locked, () => this.langflow(edit.userId).patch(edit.id, changes));
  }

  // These methods create flows that LangFlow does not have.

  /** Creates new flows in batches, which takes LangFlow less than half the time of single requests. */
  private create(edits: readonly Written[]): Promise<void> {
    const create = async (flows: readonly New[]) => {
      if (flows.length > 1 && (await this.createAtOnce(flows))) return;
      // Single requests show which of the flows LangFlow rejects.
      for (const flow of flows) await this.attempt(flow.edit, () => this.createOne(flow));
    };
    const weightOf = (flows: readonly New[]) => Math.max(...flows.map(({ edit }) => weightIn(BATCHES_AT_ONCE)(edit)));
    return forEachConcurrent(this.batches(edits), BATCHES_AT_ONCE, create, weightOf);
  }

  private async *batches(edits: readonly Written[]): AsyncGenerator<readonly New[]> {
    let [batch, bytes]: [New[], number] = [[], 0];
    const left = [...edits];
    for await (const contents of this.parts.repository.contents(edits.map(({ head }) => head.blob))) {
      const edit = left.shift() as Written;
      this.waiting.set(edit.id, edit.base?.blob ?? "");
      // Create the gathered flows first, so that they are not in memory together with a large one.
      if (batch.length > 0 && contents.length > ALONE_BYTES) {
        yield batch;
        [batch, bytes] = [[], 0];
      }
      await this.attempt(edit, async () => {
        const flow = importable(readFlowFile(contents), undefined);
        batch.push({ id: edit.id, flow, folderId: await this.projectId(edit, edit.head.project), edit });
        bytes += contents.length;
      });
      if (batch.length < BATCH_FLOWS && bytes < BATCH_BYTES) continue;
      yield batch;
      [batch, bytes] = [[], 0];
    }
    if (batch.length > 0) yield batch;
  }

  /**
   * Creates several flows in one request.
   *
   * @returns whether LangFlow accepted them; it accepts all or none
   */
  private async createAtOnce(flows: readonly New[]): Promise<boolean> {
    const userId = flows[0]?.edit.userId ?? "";
    const ids = flows.map(({ id }) => id);
    try {
      await this.parts.database.whileImporting(ids, () => this.langflow(userId).create(flows));
    } catch (error) {
      if (error instanceof LangFlowRefusal) return false;
      throw error;
    }
    await this.done(flows.map(({ edit }) => edit));
    return true;
  }

  private async createOne({ id, flow, folderId, edit }: New): Promise<void> {
    await this.parts.database.whileImporting([id], () => this.langflow(edit.userId).put(id, flow, folderId));
    await this.done([edit]);
  }

  // The methods above share these helpers.

  private langflow(userId: string): LangFlowApi {
    mustBeRecorder(this.parts);
    return this.parts.langflowOf(userId);
  }

  private async fileOf({ blob }: FileAt): Promise<FlowFile | undefined> {
    try {
      return readFlowFile(await this.parts.repository.read(blob));
    } catch {
      return undefined;
    }
  }

  /**
   * Returns LangFlow's flow as a file. If the row has not been written since it was recorded, this is the recorded
   * file.
   *
   * @param agreed the base's file if there is one, otherwise Git's version
   */
  private fileOfRow(stored: StoredRow, base: FileAt | undefined, agreed: FlowFile): FlowFile {
    const known = this.look.known.get(stored.id);
    const isRecorded = base !== undefined && known?.blob === base.blob && known.revision === stored.revision;
    return isRecorded ? agreed : exportedFlow(stored.flow, { variables: this.variables, agreed });
  }

  /**
   * Returns when and by whom a field was edited in Git. The time is never in the future, even if the commit's clock was
   * wrong.
   */
  private gitStamp(change: Change, id: string, field: Field): Stamp {
    const { at, by } = stampOf(change, id, field);
    return { at: Math.min(at, Date.now()), by };
  }

  private langflowStamp(id: string, field: Field): Stamp {
    const replicated = this.replicated.get(id);
    const at = replicated?.editedAt(field) ?? this.look.rows.get(id)?.updatedAt ?? 0;
    return { at: Math.min(at, Date.now()), by: replicated?.newest?.region ?? this.parts.region };
  }

  private async projectOfRow(edit: Written): Promise<string> {
    return this.look.rows.get(edit.id)?.projectId ?? (await this.projectId(edit, { name: DEFAULT_PROJECT }));
  }

  /**
   * Returns a project's id. Creates a missing project that a person named. A missing project that another region's
   * agent named will arrive by replication, so the edit waits for it.
   */
  private async projectId({ userId, change }: Edit, { id, name }: NamedProject): Promise<string> {
    if (id !== undefined) return id;
    const owned = [...this.look.projects.values()].find((each) => each.userId === userId && each.name === name);
    if (owned) return owned.id;
    if (isAgents(change) && name !== DEFAULT_PROJECT)
      throw new Waits(`its project ${name} has not arrived in this region yet`);
    const making = this.projects.get(name) ?? this.langflow(userId).makeProject(name);
    this.projects.set(name, making);
    return making;
  }
}

const printsOf = ({ prints }: FlowFile, project: Partial<NamedProject> | undefined): Record<Field, string> => ({
  ...prints,
  project: project ? (project.id ?? `named ${project.name}`) : "unknown",
});

const projectOf = ({ flow }: StoredRow) => ({ id: typeof flow.folder_id === "string" ? flow.folder_id : "" });

/** Returns the flow with empty values where the file has none but LangFlow has one. LangFlow would ignore null. */
function cleared(flow: JsonObject, now: JsonObject): JsonObject {
  const empty = { description: "", icon: "", icon_bg_color: "", tags: [] };
  const left = Object.entries(empty).filter(([key]) => (flow[key] ?? null) === null && (now[key] ?? null) !== null);
  return { ...flow, ...Object.fromEntries(left) };
}
