import { setImmediate as nextTurn } from "node:timers/promises";
import { exportedFlow, FLOW_BYTES_MAX, type FlowFile, NotAFlow } from "../../formats/flows/flowFile";
import { FIELDS } from "../../formats/flows/version";
import { groupBy } from "../collections/groupBy";
import { USER_FILE, userFileText } from "../flows/userFolder";
import { blobId } from "../git/blobs";
import { itemTrouble } from "../langflow/itemTrouble";
import { collectAfter } from "../process/memory";
import { ANY_VARIABLE, isBehind, recordedAs } from "./behind";
import type { FlowRow, Known, Look, Replicated } from "./database";
import { type FlowChange, isScrubbed } from "./edits";
import type { UserFolders } from "./folders";
import type { Place } from "./incoming";
import { type Held, pathOf } from "./outcome";
import type { Parts, Report } from "./parts";
import { type FileAt, flowFileIn } from "./tree";

/** A change of the record that is ready to be committed. */
export interface Entry {
  readonly workspace: string;
  /** Undefined if the entry only binds a folder to its user or project. */
  readonly change?: FlowChange;
  /** Blobs by path; undefined: the file is removed. */
  readonly files: ReadonlyMap<string, string | undefined>;
  /** The version under which the flow is held if the host declines the entry. */
  readonly version: string;
}

const LEFT =
  "Git's history was rewritten, and the flow's file is neither a user's edit nor an earlier version of the flow, so the agent neither imports nor overwrites it: edit the file where it differs from the flow, or change the flow to match the file";
const ALLOW = "put it into a global variable, or allow `<flow id>/<rule>` in sync.allowedSecrets";
const FINDINGS_SAID_MAX = 20;
const REPLACED =
  "now contains a different flow, so this flow is not recorded: restore this flow's file, move the other flow's file, or delete this flow in LangFlow";
const UNDER_WAY = "another region recorded a newer version, which has not been replicated here yet";
const MISSING = "is missing from the database, although no delete was recorded";

/** Collects the changes that Git lacks: the files of flows that changed in LangFlow, and removals of deleted flows. */
export class Recording {
  readonly entries: Entry[] = [];
  /** The states of flows to store once the entries are committed. */
  readonly known = new Map<string, Known | undefined>();
  private readonly skipped: ReadonlySet<string>;

  /**
   * @param newlyLeft blobs that stay unchanged after a rewrite of the history, by flow
   * @param waiting flows that are not recorded because a person's edit of them waits
   * @param underWay flows that are not recorded because another region's newer version has not arrived yet
   * @param tip the commit on which the entries are based
   */
  constructor(
    private readonly parts: Parts,
    private readonly look: Look,
    private readonly report: Report,
    private readonly newlyLeft: ReadonlyMap<string, string>,
    waiting: Iterable<string>,
    private readonly underWay: ReadonlySet<string>,
    private readonly tip: string | undefined,
  ) {
    this.skipped = new Set([...waiting, ...underWay]);
  }

  /** Files that stay unchanged after a rewrite of the history, by flow. */
  get left(): ReadonlyMap<string, string> {
    const waiting = [...this.skipped].map((id) => [id, this.look.known.get(id)] as const);
    const all = [...waiting, ...this.known];
    return new Map(all.flatMap(([id, known]) => (known?.leftBlob ? [[id, known.leftBlob] as const] : [])));
  }

  /**
   * Prepares the entries.
   *
   * @throws DatabaseUnreachable, BlobUnread
   */
  async prepare(places: readonly Place[], folders: UserFolders): Promise<void> {
    const rows = groupBy(this.look.rows.values(), ({ userId }) => userId);
    for (const place of places.filter(({ isActive }) => isActive)) {
      await this.rewrite(place, rows.get(place.userId) ?? []);
      await this.remove(place);
      await this.bind(place, folders);
      const outcome = this.report.of(place.workspace);
      for (const id of this.underWay)
        if (place.flows.byId.has(id) || this.look.rows.get(id)?.userId === place.userId)
          outcome.held.push({ path: pathOf(id), reason: UNDER_WAY, kind: "flow" });
      outcome.flows = place.flows.byId.size;
      outcome.problems.push(...place.flows.problems);
    }
    const anothers = new Set(places.flatMap(({ flows }) => [...flows.anothers]));
    // Keep the owner of a deleted flow known as long as a file in a different user's folder names the flow.
    for (const id of anothers) if (!this.look.rows.has(id)) this.known.delete(id);
    const inGit = new Set([...anothers, ...places.flatMap(({ flows }) => [...flows.byId.keys()])]);
    for (const id of this.look.known.keys())
      if (!this.look.rows.has(id) && !this.skipped.has(id) && !inGit.has(id)) this.known.set(id, undefined);
  }

  private async rewrite(place: Place, rows: readonly FlowRow[]): Promise<void> {
    const due = new Map(rows.filter((row) => this.isDue(row, place)).map((row) => [row.id, row]));
    if (due.size === 0) return;
    const variables = await this.parts.database.variables(place.userId);
    const replicated = (await this.parts.database.replicated([...due.keys()])) ?? new Map<string, Replicated>();
    for (const row of due.values()) {
      try {
        await this.rewriteOne(place, row, variables, replicated.get(row.id));
      } catch (error) {
        this.hold(place, row, itemTrouble(error));
        this.known.delete(row.id);
      }
      this.parts.alive();
      await nextTurn();
    }
  }

  private isDue({ id, revision, projectId }: FlowRow, { workspace, flows, placement }: Place): boolean {
    const known = this.look.known.get(id);
    const file = flows.byId.get(id);
    if (this.skipped.has(id)) return false;
    if (flows.replaced(id, known?.path))
      this.report.of(workspace).held.push({ path: pathOf(id), reason: `${known?.path} ${REPLACED}`, kind: "flow" });
    if (flows.hidden(id, known?.path)) return false;
    const isRecorded =
      file !== undefined &&
      known?.revision === revision &&
      known.blob === file.blob &&
      known.path === file.path &&
      placement.isInProject(file.path, projectId);
    if (isRecorded) return false;
    const waits = this.parts.backoff.blockedReason(`record ${id}`, `${revision} ${file?.blob}`);
    if (waits) this.report.of(workspace).held.push({ path: pathOf(id), ...waits });
    return waits === undefined;
  }

  private async rewriteOne(
    place: Place,
    row: FlowRow,
    variables: ReadonlySet<string>,
    replicated: Replicated | undefined,
  ): Promise<void> {
    const { id, revision, projectId } = row;
    const now = place.flows.byId.get(id);
    const stored = await this.parts.database.stored(id);
    // The flow was written after the database was read. The next cycle records it.
    if (revision !== stored?.revision) return;
    await nextTurn();
    const plain = now && exportedFlow(stored.flow, { variables: ANY_VARIABLE });
    const plainBlob = plain && blobId(plain.contents);
    await nextTurn();
    const same = plainBlob !== undefined && plainBlob === now?.blob ? plain : undefined;
    const git = same ?? (now && (await this.fileIn(now)));
    const file = same ?? exportedFlow(stored.flow, { variables, ...(git && { agreed: git }) });
    await nextTurn();
    const { contents } = file;
    collectAfter(contents.length);
    const blob = blobId(contents);
    await nextTurn();
    if (blob !== now?.blob && (await this.isLeft(place, now, git, file))) return;
    if (now && blob !== now.blob && (await this.isBehind(id, now, replicated))) {
      // The next cycle imports Git's version as an edit of this database's version. If Git never had the latter, both
      // are kept.
      const base = await recordedAs(this.parts, this.tip ?? "", stored, file);
      this.known.set(id, { ...this.look.known.get(id), base: base ?? "" });
      return;
    }
    if (contents.length > FLOW_BYTES_MAX)
      throw new NotAFlow(`has ${contents.length} bytes as a file, ${FLOW_BYTES_MAX} are allowed`);
    if (blob !== now?.blob && (await this.holdsSecret(place, row, file))) return;
    const path = place.placement.place(
      { id, name: file.name, projectId },
      now && { path: now.path, ...(git && { name: git.name }) },
    );
    this.known.set(id, { path, blob, revision });
    if (now?.path === path && now.blob === blob) return this.parts.backoff.recordSuccess(`record ${id}`);
    const files = new Map<string, string | undefined>(now ? [[now.path, undefined]] : []);
    files.set(path, await this.parts.repository.store(contents));
    const changed = FIELDS.filter((field) =>
      field === "project"
        ? !now || !place.placement.isInProject(now.path, projectId)
        : git?.prints[field] !== file.prints[field],
    );
    const { at, region } = this.newestEdit(replicated) ?? { at: row.updatedAt, region: this.parts.region };
    const edit = {
      at: Math.min(Math.max(at, 0), Date.now()),
      by: region,
      fields: changed.length > 0 ? changed : FIELDS,
    };
    const { versionToken } = stored;
    const change = { id, name: file.name, edit, blob, ...(versionToken && { versionToken }) };
    this.entries.push({ workspace: place.workspace, files, version: `${revision} ${now?.blob}`, change });
  }

  /** Returns a flow's newest edit. Replication captures an edit some moments after a user makes it. */
  private newestEdit(replicated: Replicated | undefined): Replicated["newest"] {
    const { newest, unreadAt } = replicated ?? {};
    return unreadAt === undefined ? newest : { region: this.parts.region, at: unreadAt };
  }

  private async isBehind(id: string, now: FileAt, replicated: Replicated | undefined): Promise<boolean> {
    if (this.tip === undefined || this.look.known.get(id)?.blob === now.blob) return false;
    return isBehind(this.parts, this.tip, id, now, replicated);
  }

  /**
   * Returns whether a file of a rewritten history stays unchanged, or deleted, so that Git does not get removed content
   * back. This ends when LangFlow's flow equals the file, or when a person commits LangFlow's version.
   */
  private async isLeft(
    place: Place,
    now: FileAt | undefined,
    git: FlowFile | undefined,
    file: FlowFile,
  ): Promise<boolean> {
    const { id } = file;
    const known = this.look.known.get(id);
    const blobs = [this.newlyLeft.get(id), known?.leftBlob].filter((blob) => blob !== undefined);
    if (git && FIELDS.every((field) => git.prints[field] === file.prints[field])) return false;
    const isKnown = now ? blobs.includes(now.blob) : blobs.length > 0;
    if (!isKnown) {
      if (!now || this.tip === undefined || known?.blob === now.blob) return false;
      if (!(await isScrubbed(this.parts.repository, this.tip, id, now))) return false;
    }
    this.known.set(id, { ...known, leftBlob: now?.blob ?? blobs[0] });
    this.report.of(place.workspace).held.push({ path: pathOf(id), reason: LEFT, kind: "flow" });
    return true;
  }

  private async holdsSecret(place: Place, row: FlowRow, file: FlowFile): Promise<boolean> {
    // Check the project's name too, because it is part of a path in Git.
    const project = this.look.projects.get(row.projectId ?? "")?.name ?? "";
    const found = await this.parts.findSecrets({ id: file.id, value: { ...file.value, project } });
    if (found.length === 0) return false;
    const said = found.slice(0, FINDINGS_SAID_MAX).map(({ field, rule }) => `${field} (${rule})`);
    if (found.length > said.length) said.push(`${found.length - said.length} more`);
    this.hold(place, row, `may contain a secret: ${said.join(", ")}; ${ALLOW}`, "secret");
    return true;
  }

  private hold(place: Place, { id, revision }: FlowRow, reason: string, kind: Held["kind"] = "flow"): void {
    this.parts.backoff.recordFailure(`record ${id}`, `${revision} ${place.flows.byId.get(id)?.blob}`, { reason, kind });
    this.report.of(place.workspace).held.push({ path: pathOf(id), reason, kind });
  }

  /** Removes the files of flows that were deleted in LangFlow. Holds a flow that is missing there without a delete. */
  private async remove({ workspace, flows }: Place): Promise<void> {
    const gone = [...flows.byId].filter(([id]) => !this.look.rows.has(id) && !this.skipped.has(id));
    if (gone.length === 0) return;
    const replicated = await this.parts.database.replicated(gone.map(([id]) => id));
    for (const [id, file] of gone) {
      // Without replication, a restore sets back all tables of this database together, so a missing flow was deleted.
      const isDeleted = replicated ? replicated.get(id)?.isDeleted : this.look.known.get(id)?.revision !== undefined;
      // The flow was re-created, and the delete was not based on that: the next cycle imports the file.
      if (isDeleted && (await this.isBehind(id, file, replicated?.get(id)))) {
        this.known.set(id, { ...this.look.known.get(id), base: "" });
        continue;
      }
      const waits = this.parts.backoff.blockedReason(`record ${id}`, ` ${file.blob}`);
      if (!isDeleted || waits) {
        this.report.of(workspace).held.push({ path: pathOf(id), reason: waits?.reason ?? MISSING, kind: "flow" });
        continue;
      }
      const name = (await this.fileIn(file))?.name ?? id;
      this.known.set(id, undefined);
      this.entries.push({
        workspace,
        files: new Map([[file.path, undefined]]),
        version: ` ${file.blob}`,
        change: { id, name },
      });
    }
  }

  /** Records in Git which user owns a folder, and which project each folder within it belongs to. */
  private async bind({ userId, workspace, flows, placement }: Place, { unbound }: UserFolders): Promise<void> {
    const user = this.look.users.find(({ id }) => id === userId);
    const entries = this.entries.filter((entry) => entry.workspace === workspace);
    const written = entries.flatMap(({ files }) => [...files].flatMap(([path, blob]) => (blob ? [path] : [])));
    const paths = [...written, ...[...flows.byId.values()].map(({ path }) => path)];
    const texts = new Map<string, string>();
    if (user && unbound.has(userId) && (entries.length > 0 || paths.length > 0))
      texts.set(`${workspace}/${USER_FILE}`, userFileText(user));
    for (const path of paths) {
      const file = placement.projectFile(path);
      if (file) texts.set(file.path, file.text);
    }
    for (const [path, text] of texts) {
      const blob = blobId(Buffer.from(text));
      if (this.parts.backoff.blockedReason(`record ${path}`, blob)) continue;
      if ((await this.parts.findSecrets({ id: "", value: { text } })).length > 0) {
        const reason = "a name in it may contain a secret: rename the user or the project";
        this.report.of(workspace).held.push({ path, reason, kind: "secret" });
        continue;
      }
      await this.parts.repository.store(text);
      this.entries.unshift({ workspace, files: new Map([[path, blob]]), version: blob });
    }
  }

  private fileIn({ blob }: FileAt): Promise<FlowFile | undefined> {
    return flowFileIn(this.parts.repository, blob);
  }
}
