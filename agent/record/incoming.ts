import type { FlowFile } from "../../formats/flows/flowFile";
import { FIELDS } from "../../formats/flows/version";
import { groupBy } from "../collections/groupBy";
import type { Change } from "../git/history";
import { GitUnreachable } from "../git/repository";
import type { Known, Look } from "./database";
import { isAgents, isRecorders, isScrubbed, listedIn } from "./edits";
import { folderIn, Placement, type UserFolders } from "./folders";
import type { Edit, PlacedFile } from "./imports";
import type { Parts } from "./parts";
import { type FileAt, type Flows, flowFileIn, type TopFolder, type Tree, topOf } from "./tree";

/** How the host's history relates to the commit on which this database and Git last agreed. */
export interface Relation {
  /** The commit after which people's edits are to be imported; undefined: no agent has ever written to this branch. */
  readonly base: string | undefined;
  /** Set if Git's history was rewritten: the newest commit of the old history that is still known. */
  readonly rewritten?: { readonly from: string | undefined };
  /** Edits that waited when another region's recorder wrote the base; undefined: this database's own list is newer. */
  readonly waiting?: ReadonlyMap<string, string>;
  /** Files that the other recorder left unchanged, by flow. */
  readonly left?: ReadonlyMap<string, string>;
}

/** A version of a file, and the commit that wrote it. */
interface Version {
  readonly change: Change;
  readonly blob: string;
}

/** The history before it was rewritten. */
interface Old {
  /** Each user's folder in the newest commit of this history. */
  readonly places: readonly Place[];
  /** The versions of each file, newest first. */
  readonly versions: ReadonlyMap<string, readonly Version[]>;
  /** Whether the clone has all of this history. */
  readonly isWhole: boolean;
}

/** Maximum number of versions of a file that are compared with an edit. */
const VERSIONS_COMPARED = 30;
const NOBODY: Change = { commit: "", author: "git", authoredAt: 0, committer: "git", committedAt: 0, message: "" };

/**
 * Determines after which commit people's edits are to be imported. A recorder's own commits need not be imported: they
 * come from the database, and the recorder had imported everything before them. Commits by agents of earlier releases
 * are imported like people's edits.
 *
 * @param from the commit on which the database and Git last agreed; undefined: this region has none yet
 * @param seenByAny the newest commit whose edits any recorder has imported
 * @throws GitUnreachable
 */
export async function relationOf(
  { repository, isOnlyRecorder }: Pick<Parts, "repository" | "isOnlyRecorder">,
  head: string,
  from: string | undefined,
  seenByAny: string | undefined,
): Promise<Relation> {
  const seen = isOnlyRecorder() ? seenByAny : undefined;
  const isPassing = (change: Change) => isOnlyRecorder() && isRecorders(change);
  const old = from ?? seen;
  const isRewritten = old !== undefined && !(await repository.leadsTo(old, head));
  const newest = isRewritten ? await repository.newest(head, isAgents) : undefined;
  const isPassed =
    old !== undefined && newest !== undefined && isPassing(newest) && (await isNew(repository, newest, old));
  if (isRewritten && !isPassed) {
    const known = (await repository.has(old)) ? old : seen;
    const isOld = await madeBefore(repository, known);
    const base = await repository.newest(head, (change) => isAgents(change) || isOld(change));
    return { base: base?.commit, rewritten: { from: known } };
  }
  const own = isPassed ? undefined : from;
  const begins = (change: Change) =>
    own === undefined ? isAgents(change) : isPassing(change) || change.commit === own;
  const base =
    own === head ? undefined : await repository.newest(head, (change) => begins(change) || change.commit === seen);
  if (own !== undefined && (base === undefined || base.commit === own)) return { base: own };
  // The message of the base lists the edits that wait, except if the base's edits are known as imported. The newest
  // recorder's commit up to the base lists the files that stay unchanged.
  const recorders = base && (isRecorders(base) ? base : await repository.newest(base.commit, isRecorders));
  const waiting = listedIn(base && base.commit !== seen ? base.message : "", "Waiting");
  const left = listedIn(recorders?.message ?? "", "Left");
  return { base: base?.commit, waiting, left };
}

/**
 * Returns whether a recorder's commit has no counterpart in the old history. A recorder then made it after the rewrite,
 * and has already handled the rewrite.
 */
async function isNew(repository: Parts["repository"], { message, authoredAt }: Change, old: string): Promise<boolean> {
  if (!(await repository.has(old))) return false;
  for await (const change of repository.commits(old))
    if (change.message === message && change.authoredAt === authoredAt) return false;
  return true;
}

/**
 * Returns a function that tells by a commit's dates whether it was made before the history was rewritten, whatever the
 * commit contains now.
 */
async function madeBefore(
  repository: Parts["repository"],
  old: string | undefined,
): Promise<(change: Change) => boolean> {
  const dates = ({ authoredAt, committedAt }: Change) => `${authoredAt} ${committedAt}`;
  const known = new Set<string>();
  if (old !== undefined && (await repository.has(old)))
    for await (const change of repository.commits(old)) known.add(dates(change));
  return (change) => known.has(dates(change));
}

/** One user's folder in a commit. */
export interface Place {
  readonly userId: string;
  /** Whether the user may sign in to LangFlow. */
  readonly isActive: boolean;
  readonly workspace: string;
  readonly top: TopFolder | undefined;
  readonly flows: Flows;
  readonly placement: Placement;
}

/** Returns every user's folder in a commit. */
export async function placesIn(
  { reader }: Pick<Parts, "reader">,
  tree: Tree,
  { users, rows, projects, known }: Look,
  folders: UserFolders,
): Promise<Place[]> {
  const byFolder = new Map([...folders.byUser].map(([userId, name]) => [name, userId]));
  // The recorded file of a deleted flow shows who owned the flow.
  const ownerOf = (id: string) => rows.get(id)?.userId ?? byFolder.get(topOf(known.get(id)));
  const inFolder = groupBy(
    [...known].filter(([id, { path }]) => path && rows.has(id)),
    ([, each]) => topOf(each),
  );
  const ids = new Map([...known].flatMap(([id, { path, blob }]) => (path ? [[`${blob} ${path}`, id] as const] : [])));
  const byPath = new Map([...known].flatMap(([id, { path }]) => (path ? [[path, id] as const] : [])));
  const copies = await copiedFolders(reader, tree, rows, byFolder);
  const places: Place[] = [];
  for (const { id: userId, isActive } of users) {
    const workspace = folders.byUser.get(userId);
    if (workspace === undefined) continue;
    const top = tree.folders.get(workspace);
    const own = new Map([...projects].filter(([, project]) => project.userId === userId));
    const found = await reader.flows(
      top ?? { flows: [], problems: [] },
      ({ blob, path }) => ids.get(`${blob} ${path}`),
      (id) => (ownerOf(id) ?? userId) !== userId,
      (path) => byPath.get(path),
    );
    const recorded = recordedIn(workspace, inFolder.get(workspace) ?? [], rows);
    const placement = new Placement(workspace, own, top, tree, recorded);
    const reason = `belongs to no user, and its flows are recorded in ${workspace}: move changed files there, and delete this folder`;
    const problems = (copies.get(userId) ?? []).map((path) => ({ path, reason }));
    const flows = { ...found, problems: [...found.problems, ...problems] };
    places.push({ userId, isActive, workspace, top, flows, placement });
  }
  return places;
}

/**
 * Returns folders that belong to no user, by the users whose flows they contain or whom they name. A person has renamed
 * or copied a user's folder.
 */
async function copiedFolders(
  reader: Parts["reader"],
  { folders }: Tree,
  rows: Look["rows"],
  owners: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const byUser: (readonly [userId: string, folder: string])[] = [];
  for (const folder of folders.values()) {
    if (owners.has(folder.name) || folder.flows.length === 0) continue;
    const { byId } = await reader.flows(folder);
    const users = [...byId.keys()].map((id) => rows.get(id)?.userId);
    for (const userId of new Set([...users, folder.userId].flatMap((id) => id ?? [])))
      byUser.push([userId, folder.name]);
  }
  const groups = groupBy(byUser, ([userId]) => userId);
  return new Map([...groups].map(([userId, own]) => [userId, own.map(([, name]) => name)]));
}

/**
 * Maps each of a user's folders in Git to the LangFlow project of the flows recorded in it. Uses the flows that are
 * unchanged since they were recorded, or all flows if none is unchanged. Omits folders whose flows are in several
 * projects.
 *
 * @param known the recorded flows in the user's folder
 */
function recordedIn(
  workspace: string,
  known: readonly (readonly [id: string, known: Known])[],
  rows: Look["rows"],
): ReadonlyMap<string, string> {
  const found = new Map<string, ReadonlySet<string | undefined>>();
  for (const isAsRecorded of [true, false]) {
    const own = known.filter(([id, { revision }]) => (rows.get(id)?.revision === revision) === isAsRecorded);
    for (const [folder, flows] of groupBy(own, ([, { path = "" }]) => folderIn(workspace, path)))
      if (!found.has(folder)) found.set(folder, new Set(flows.map(([id]) => rows.get(id)?.projectId)));
  }
  const single = [...found].filter(([, projects]) => projects.size === 1);
  return new Map(single.flatMap(([folder, [project]]) => (project === undefined ? [] : [[folder, project] as const])));
}

/** Determines which of the changes that people made between two commits are to be imported. */
export class Incoming {
  /** Waiting edits, with the blob on which each is based. */
  private readonly waits: ReadonlyMap<string, string>;

  /** @param base the files of the relation's base */
  constructor(
    private readonly parts: Pick<Parts, "repository" | "reader" | "database">,
    private readonly look: Look,
    private readonly relation: Relation,
    private readonly base: Tree,
    private readonly head: Tree,
    private readonly headCommit: string,
  ) {
    this.waits = relation.waiting ?? waitingOf(look);
  }

  /**
   * Returns the edits to import, and the files that stay unchanged after a rewrite of the history.
   *
   * @param places each user's folder in the head
   */
  async edits(
    places: readonly Place[],
    folders: UserFolders,
  ): Promise<{ edits: readonly Edit[]; left: ReadonlyMap<string, string> }> {
    const changes = await this.changesByPath();
    const before = await placesIn(this.parts, this.base, this.look, folders);
    const { rewritten, left = new Map() } = this.relation;
    const history = rewritten && (await this.oldHistory(rewritten.from, folders));
    const blobs = new Set(this.head.blobs.values());
    let isNamed: ((id: string) => boolean) | undefined;
    /**
     * Flows whose path now holds something different. Their recorded path is kept, because it shows which flow the path
     * belonged to.
     */
    const hidden = new Map<string, Known>();
    const edits: Edit[] = [];
    for (const place of places) {
      const was = before.find(({ userId }) => userId === place.userId);
      const waiting = [...this.waits.keys()].filter((id) => this.look.rows.get(id)?.userId === place.userId);
      for (const id of new Set([...place.flows.byId.keys(), ...(was?.flows.byId.keys() ?? []), ...waiting])) {
        const edit = await this.editOf(id, place, was, changes, history);
        if (!edit) continue;
        // LangFlow hides an inactive user's flows. Changed files wait. Deleted files are recorded again when the user
        // returns.
        if (!place.isActive && !(edit.isChanged && edit.head)) continue;
        // The flow is not deleted if its file was only moved, is unreadable, or is in a folder below a project's
        // folder.
        if (edit.head === undefined) {
          const { path, blob } = edit.base ?? {};
          if (place.flows.hidden(id, path)) {
            const known = this.look.known.get(id);
            if (path && blob && known?.path !== path) hidden.set(id, { ...known, path, blob, revision: undefined });
            continue;
          }
          if (blob !== undefined && blobs.has(blob)) continue;
          isNamed ??= await this.namedAnywhere(places);
          if (isNamed(id)) continue;
        }
        edits.push(edit);
      }
    }
    await this.parts.database.remember(hidden);
    return rewritten ? this.withoutOld(edits, places, history) : { edits, left };
  }

  private async editOf(
    id: string,
    place: Place,
    was: Place | undefined,
    changes: ReadonlyMap<string, Change>,
    history: Old | undefined,
  ): Promise<Edit | undefined> {
    const known = this.look.known.get(id);
    const isHere = this.look.rows.has(id);
    const head = placed(place.flows.byId.get(id), place);
    const old = placed(was?.flows.byId.get(id), was);
    const waits = this.waits.get(id);
    const isChanged = waits !== undefined || !isSame(old, head);
    const isMissing = head !== undefined && !isHere && known?.revision === undefined;
    if (!isChanged && !isMissing) return undefined;
    if (waits !== undefined && !head && !isHere) return undefined;
    // A cycle of this recorder that did not finish has already imported the edit.
    const isRecorded = isHere && head !== undefined && known?.blob === head.blob && known.path === head.path;
    if (isRecorded && waits === undefined && this.relation.waiting === undefined) return undefined;
    const path = head?.path ?? old?.path ?? known?.path ?? "";
    // This region does not know the path of a waiting delete that another region's recorder listed.
    const isSought = isChanged && !changes.has(path) && path !== "";
    const earlier = isSought ? await this.parts.repository.lastChange(this.headCommit, path) : undefined;
    const change = changes.get(path) ?? earlier ?? NOBODY;
    // A waiting edit keeps its original base. An edit that repairs a broken file is based on the last recorded file.
    const blob = waits ?? (was?.flows.hidden(id, known?.path) ? known?.blob : undefined);
    const remembered = blob ? { path, blob } : undefined;
    const then = head && history?.isWhole ? await this.baseIn(history, id, head, old, change) : old;
    const base = waits === undefined ? (then ?? remembered) : remembered;
    const isLeft = isChanged && (await this.isLeft(id, base, old));
    return { workspace: place.workspace, userId: place.userId, id, base, head, change, isChanged, isLeft };
  }

  /**
   * Returns whether something was removed from the file on which an edit is based.
   *
   * @param old the file in the relation's base
   */
  private async isLeft(id: string, base: FileAt | undefined, old: FileAt | undefined): Promise<boolean> {
    if (!base) return false;
    const known = this.look.known.get(id);
    if (base.blob === this.relation.left?.get(id) || base.blob === known?.leftBlob) return true;
    if (base.blob !== old?.blob || base.blob === known?.blob || this.relation.base === undefined) return false;
    return isScrubbed(this.parts.repository, this.relation.base, id, old);
  }

  /** Returns a function that tells whether any file of the head has a flow's id, even where no flow is expected. */
  private async namedAnywhere(places: readonly Place[]): Promise<(id: string) => boolean> {
    const { reader } = this.parts;
    const read = new Set(places.map(({ workspace }) => workspace));
    const found = places.map(({ flows }) => flows);
    for (const folder of this.head.folders.values()) if (!read.has(folder.name)) found.push(await reader.flows(folder));
    found.push(await reader.flows({ flows: this.head.strays, problems: [] }));
    return (id) => found.some((flows) => flows.byId.has(id) || flows.anothers.has(id) || flows.hidden(id, undefined));
  }

  /** Returns the newest commit since the base that changed each file. */
  private async changesByPath(): Promise<ReadonlyMap<string, Change>> {
    const changes = new Map<string, Change>();
    if (this.relation.base === this.headCommit) return changes;
    for await (const { files, ...change } of this.parts.repository.commits(this.headCommit, this.relation.base))
      for (const path of files.keys()) if (!changes.has(path)) changes.set(path, change);
    return changes;
  }

  /**
   * Reads the history before the rewrite.
   *
   * @param from the newest commit of that history that is still known
   */
  private async oldHistory(from: string | undefined, folders: UserFolders): Promise<Old | undefined> {
    if (from === undefined) return undefined;
    const { repository, reader } = this.parts;
    // This searches for a commit that does not exist. The search succeeds only if the clone has the whole history.
    const isWhole = await repository
      .newest(from, () => false)
      .then(
        () => true,
        (error: unknown) => {
          if (error instanceof GitUnreachable) return false;
          throw error;
        },
      );
    const versions = new Map<string, Version[]>();
    for await (const { files, ...change } of repository.commits(from))
      for (const [path, blob] of files) {
        const known = versions.get(path) ?? [];
        versions.set(path, known);
        if (blob !== undefined) known.push({ change, blob });
      }
    const places = await placesIn(this.parts, await reader.read(from), this.look, folders);
    return { places, versions, isWhole };
  }

  /**
   * Returns the file on which an edit in a rewritten history is based. An author who made the newest old version and
   * amends it has seen that version. Every other author has seen the newest agent's commit of the new history. If that
   * commit lacks the file, the base is the old version from which the edit differs least.
   *
   * @param old the file in the newest agent's commit of the new history
   */
  private async baseIn(history: Old, id: string, head: FileAt, old: PlacedFile | undefined, { author }: Change) {
    const place = history.places.find(({ flows }) => flows.byId.has(id));
    const last = placed(place?.flows.byId.get(id), place);
    if (!last) return old;
    const all = history.versions.get(last.path)?.slice(0, VERSIONS_COMPARED) ?? [];
    if (old) return (await this.isOwn(all, author)) ? last : old;
    const file = await this.fileIn(head.blob);
    const nearest = { blob: last.blob, changed: Number.POSITIVE_INFINITY };
    for (const { blob } of all) {
      const changed = differing(file, await this.fileIn(blob));
      if (changed < nearest.changed) Object.assign(nearest, { blob, changed });
    }
    return { ...last, blob: nearest.blob };
  }

  /**
   * Returns whether an author made the newest version of a file. A version that a recorder only reformatted still
   * counts as the author's.
   */
  private async isOwn(versions: readonly Version[], author: string): Promise<boolean> {
    for (const [at, { change, blob }] of versions.entries()) {
      if (!isAgents(change)) return change.author === author;
      const before = versions[at + 1];
      if (!before || differing(await this.fileIn(blob), await this.fileIn(before.blob)) > 0) return false;
    }
    return false;
  }

  private fileIn(blob: string): Promise<FlowFile | undefined> {
    return flowFileIn(this.parts.repository, blob);
  }

  /**
   * Filters the edits after a rewrite of the history. A file with content from the old history is not an edit, and
   * neither is a missing file. A file that differs from all known versions, and that has no edit since, stays
   * unchanged.
   */
  private async withoutOld(
    edits: readonly Edit[],
    places: readonly Place[],
    history: Old | undefined,
  ): Promise<{ edits: readonly Edit[]; left: ReadonlyMap<string, string> }> {
    const old = new Set([...(history?.versions.values() ?? [])].flat().map(({ blob }) => blob));
    for (const { blob } of this.look.known.values()) if (blob !== undefined) old.add(blob);
    const own = edits
      .filter(({ head }) => head !== undefined && !old.has(head.blob))
      .map((edit) => (history?.isWhole && edit.base && !old.has(edit.base.blob) ? { ...edit, isLeft: true } : edit));
    const edited = new Set(own.map(({ id }) => id));
    const last = new Map(history?.places.flatMap(({ flows }) => [...flows.byId]));
    const left = new Map<string, string>();
    const passed = new Map<string, Known>();
    for (const { flows } of places)
      for (const [id, { path, blob }] of flows.byId) {
        if (!this.look.rows.has(id) || edited.has(id)) continue;
        if (!old.has(blob)) left.set(id, blob);
        // A version from the old history is no edit, whoever committed it: record it as known.
        else if (last.has(id) && last.get(id)?.blob !== blob)
          passed.set(id, { ...this.look.known.get(id), path, blob, revision: undefined });
      }
    await this.parts.database.remember(passed);
    return { edits: own, left };
  }
}

/** Returns the flows with a waiting edit, and the blob on which each edit is based; empty: no file. */
export const waitingOf = ({ known }: Pick<Look, "known">): ReadonlyMap<string, string> =>
  new Map([...known].flatMap(([id, { base }]) => (base === undefined ? [] : [[id, base] as const])));

/** Returns the number of fields in which two files differ. */
const differing = (one: FlowFile | undefined, other: FlowFile | undefined): number =>
  FIELDS.filter((field) => !one || !other || one.prints[field] !== other.prints[field]).length;

const placed = (file: FileAt | undefined, place: Place | undefined): PlacedFile | undefined =>
  file && place && { ...file, project: place.placement.projectAt(file.path) };

/**
 * Returns whether nothing of a flow changed. A change of a folder's project.yaml is not an edit of the flows in the
 * folder.
 */
const isSame = (one: PlacedFile | undefined, other: PlacedFile | undefined): boolean =>
  one?.blob === other?.blob &&
  (one?.path === other?.path || (one?.project.id === other?.project.id && one?.project.name === other?.project.name));
