import { stringify } from "yaml";
import { DEFAULT_PROJECT } from "../../formats/flows/defaultProject";
import { groupBy } from "../collections/groupBy";
import { flowPath, folded, isPortable, meaningOf, PROJECT_FILE, projectFolder } from "../flows/layout";
import { DEFAULT_FOLDER, folderName, userFolder } from "../flows/userFolder";
import type { Project, User } from "./database";
import type { TopFolder, Tree } from "./tree";

/** The assignment of folders to users. */
export interface UserFolders {
  readonly byUser: ReadonlyMap<string, string>;
  /** Users whose folder is not bound to them by a user.yaml in Git yet. */
  readonly unbound: ReadonlySet<string>;
}

export interface FoldersOf {
  /** The user whose folder is `default`. */
  readonly defaultUserId: string | undefined;
  /** The users, sorted by id. */
  readonly users: readonly User[];
  readonly tree: Tree;
  readonly hasFlows: (userId: string) => boolean;
  /** Counts the flows in a folder that LangFlow has, by the user who owns them. */
  readonly owners: (folder: TopFolder) => Promise<ReadonlyMap<string, number>>;
  /** By folder, the user with most of the flows that were recorded in it. */
  readonly recorded: ReadonlyMap<string, string>;
  /** Returns which of these folders has had a user.yaml for longest; the first one if the history does not show it. */
  readonly oldest: (folders: readonly string[]) => Promise<string>;
}

/**
 * Assigns at most one folder to each user, and no folder to two users. A user.yaml binds a folder to its user
 * permanently. If several folders name one user, because a person copied the user's folder, the one in which the user's
 * flows were recorded counts, otherwise the oldest. A user whom no folder names keeps the folder in which the user's
 * flows were recorded. A folder without a user.yaml, from an earlier release, belongs to the user who owns its flows in
 * the database; failing that, to the single user of the same name. A user with flows but without a folder gets a new
 * one.
 */
export async function userFolders(of: FoldersOf): Promise<UserFolders> {
  const { defaultUserId, users, tree, hasFlows, owners, recorded, oldest } = of;
  const byUser = new Map<string, string>();
  const unbound = new Set<string>();
  if (defaultUserId !== undefined) byUser.set(defaultUserId, DEFAULT_FOLDER);
  const folders = [...tree.folders.values()]
    .filter(({ name }) => name !== DEFAULT_FOLDER)
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const named = groupBy(folders, ({ userId }) => userId);
  const isWithout = (id: string | undefined): id is string =>
    id !== undefined && !byUser.has(id) && users.some((user) => user.id === id);
  const given = new Set<string>();
  const give = (userId: string, folder: string) => {
    byUser.set(userId, folder);
    unbound.add(userId);
    given.add(folder);
  };
  // A person may have overwritten this folder's user.yaml with that of a different user.
  for (const { name } of folders) {
    const userId = recorded.get(name);
    if (isWithout(userId) && !named.has(userId)) give(userId, name);
  }
  for (const [userId, claims] of named) {
    const names = claims.map(({ name }) => name).filter((name) => !given.has(name));
    if (userId === undefined || byUser.has(userId) || names.length === 0) continue;
    const own = names.filter((name) => recorded.get(name) === userId);
    byUser.set(userId, await oldest(own.length > 0 ? own : names));
  }
  for (const folder of users.every(({ id }) => byUser.has(id)) ? [] : folders) {
    if (folder.userId !== undefined || folder.flows.length === 0 || given.has(folder.name)) continue;
    const owner = ownerOf(folder.name, await owners(folder), users);
    if (isWithout(owner)) give(owner, folder.name);
  }
  const taken = new Set(tree.taken);
  for (const user of users) {
    if (!user.isActive || byUser.has(user.id) || !hasFlows(user.id)) continue;
    const folder = userFolder(user, (name) => taken.has(folded(name)));
    taken.add(folded(folder));
    give(user.id, folder);
  }
  return { byUser, unbound };
}

function ownerOf(folder: string, counts: ReadonlyMap<string, number>, users: readonly User[]): string | undefined {
  const [most] = [...counts].sort(([one, ofOne], [other, ofOther]) => ofOther - ofOne || (one < other ? -1 : 1));
  if (most) return most[0];
  const named = users.filter((user) => folderName(user.name) === folder);
  return named.length === 1 ? named[0]?.id : undefined;
}

/** A project that a path names. It has no id if the user has no such project. */
export interface NamedProject {
  readonly id?: string;
  readonly name: string;
}

/** The projects of the folders within one user's folder, and the paths of the flow files. */
export class Placement {
  readonly #taken: Set<string>;
  /** Project ids by folder. The key "" is the user's folder itself. */
  readonly #bound = new Map<string, string>();
  /** Projects that a project.yaml names by id. */
  readonly #claimed: ReadonlySet<string>;
  /** Projects by folder, as far as they have been looked up. */
  readonly #found = new Map<string, NamedProject>();

  /** @param recorded the project of the flows that were recorded in each folder */
  constructor(
    readonly workspace: string,
    private readonly projects: ReadonlyMap<string, Project>,
    private readonly top: Pick<TopFolder, "flows" | "projects"> | undefined,
    tree: Pick<Tree, "taken">,
    private readonly recorded: ReadonlyMap<string, string> = new Map(),
  ) {
    this.#taken = new Set(tree.taken);
    this.#claimed = new Set([...(top?.projects.values() ?? [])].flatMap(({ id }) => id ?? []));
    const names = new Set([...(top?.projects.keys() ?? [])]);
    for (const { path } of top?.flows ?? []) names.add(folderIn(workspace, path));
    for (const folder of ["", ...[...names].sort()]) {
      const { id } = this.projectOf(folder);
      if (id !== undefined) this.#bound.set(folder, id);
    }
  }

  /**
   * Returns the project of the flow at a path: the project with the id in project.yaml; otherwise the project of the
   * folder's recorded flows; otherwise the project with the folder's name; otherwise the project whose folder would get
   * this name.
   */
  projectAt(path: string): NamedProject {
    return this.projectOf(folderIn(this.workspace, path));
  }

  /**
   * Returns the path for a flow's file. The path stays the same unless the flow's name or project has changed, or
   * Windows or macOS cannot check out the path.
   *
   * @param now the file's current path, and the flow's name in the file
   */
  place(
    flow: { readonly id: string; readonly name: string; readonly projectId: string | undefined },
    now: { readonly path: string; readonly name?: string } | undefined,
  ): string {
    const isInPlace = now !== undefined && this.isInProject(now.path, flow.projectId);
    if (isInPlace && (now.name ?? flow.name) === flow.name && isPortable(now.path)) return now.path;
    const folder = this.folderFor(flow.projectId);
    // The flow's own file must not block a name that differs from its own only in case.
    if (now) this.#taken.delete(folded(now.path));
    const path = flowPath(this.workspace, folder === "" ? undefined : folder, flow, this.#taken);
    this.#taken.add(folded(path));
    return path;
  }

  isInProject(path: string, projectId: string | undefined): boolean {
    const folder = folderIn(this.workspace, path);
    return projectId === undefined ? folder === "" : this.#bound.get(folder) === projectId;
  }

  /**
   * Returns the project.yaml to write for a path's folder; undefined if the folder has no project, or its file is up to
   * date.
   */
  projectFile(path: string): { path: string; text: string } | undefined {
    const folder = folderIn(this.workspace, path);
    const project = this.projects.get(this.#bound.get(folder) ?? "");
    if (!project) return undefined;
    const now = this.top?.projects.get(folder);
    if (now?.id === project.id && now.name === project.name) return undefined;
    const place = [this.workspace, folder, PROJECT_FILE].filter(Boolean).join("/");
    return { path: place, text: stringify({ id: project.id, name: project.name }) };
  }

  private projectOf(folder: string): NamedProject {
    const project = this.#found.get(folder) ?? this.findProject(folder);
    this.#found.set(folder, project);
    return project;
  }

  private findProject(folder: string): NamedProject {
    const file = this.top?.projects.get(folder);
    const byId = file?.id === undefined ? undefined : this.projects.get(file.id);
    if (byId) return byId;
    const isFree = ({ id }: Project) => !this.#claimed.has(id);
    const known = this.projects.get(this.recorded.get(folder) ?? "");
    if (known && isFree(known)) return known;
    const plain = folder === "" ? DEFAULT_PROJECT : folder;
    const name = file?.name ?? plain;
    const all = [...this.projects.values()];
    const byName = all.find((project) => project.name === name);
    const free = all.filter(isFree);
    const called = free.filter((project) => folder !== "" && isFolderOf(folder, project.name));
    const byFolder = free.find((project) => project.name === plain) ?? (called.length === 1 ? called[0] : undefined);
    return byName ?? byFolder ?? { name };
  }

  private folderFor(projectId: string | undefined): string {
    const project = this.projects.get(projectId ?? "");
    if (!project) return "";
    for (const [folder, id] of this.#bound) if (id === project.id && isPortable(folder)) return folder;
    const isTaken = (name: string) => this.#taken.has(folded(`${this.workspace}/${name}`));
    const isRootFree = project.name === DEFAULT_PROJECT && !this.#bound.has("");
    const folder = isRootFree ? "" : projectFolder(project.name, isTaken);
    this.#taken.add(folded(`${this.workspace}/${folder}`));
    this.#bound.set(folder, project.id);
    return folder;
  }
}

/** Returns whether the agent would give a project's folder this name. */
function isFolderOf(folder: string, project: string): boolean {
  return projectFolder(project, (each) => each !== folded(folder)) === folder;
}

/** Returns the folder of a flow's file within the user's folder. */
export function folderIn(workspace: string, path: string): string {
  const meaning = meaningOf(workspace, path);
  return meaning.kind === "other" ? "" : (meaning.folder ?? "");
}
