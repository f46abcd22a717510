import { DEFAULT_FOLDER, folderName, userFolder } from "../flows/userFolder";
import type { User } from "../langflow/store";

/** A folder in Git, as far as it says whose it is. */
export interface Folder {
  readonly name: string;
  /** Id of the user that its file names; undefined where there is none, as in folders of earlier releases. */
  readonly userId?: string;
  /** How many flows it has. */
  readonly flows: number;
  /** How many of these LangFlow has, by the id of the user whose they are. Only of a folder whose file names nobody. */
  readonly flowsOf?: ReadonlyMap<string, number>;
}

/** Whose folder is whose. */
export interface Folders {
  /** By the user's id: each user's one folder, where there is one or must be one. */
  readonly byUser: ReadonlyMap<string, string>;
  /** Those of them that Git does not know yet as that user's. */
  readonly given: ReadonlyMap<string, string>;
}

/**
 * Gives each user one folder, and no folder to two. What a file in Git says holds for good, whatever the user is called by
 * now. A folder without such a file is the user's whose flows are in it, else the one's who is called so. A user who has
 * flows and no folder gets a new one.
 *
 * @param defaultUserId the user whose folder is `default`
 * @param users in the order of their ids
 * @param folders in the order of their names
 * @param taken names at the top, in lower case
 */
export function foldersOf(
  defaultUserId: string | undefined,
  users: readonly User[],
  folders: readonly Folder[],
  taken: ReadonlySet<string>,
): Folders {
  const byUser = new Map<string, string>();
  const given = new Map<string, string>();
  const give = (userId: string, folder: string) => {
    byUser.set(userId, folder);
    given.set(userId, folder);
  };
  if (defaultUserId !== undefined) byUser.set(defaultUserId, DEFAULT_FOLDER);
  const others = folders.filter(({ name }) => name !== DEFAULT_FOLDER);
  // Somebody may have copied a folder: the first one counts, in every region.
  for (const { userId, name } of others) if (userId !== undefined && !byUser.has(userId)) byUser.set(userId, name);

  const known = new Set(users.map(({ id }) => id));
  const without = (id: string) => known.has(id) && !byUser.has(id);
  for (const folder of others) {
    if (folder.userId !== undefined || folder.flows === 0) continue;
    const owner = ownerOf(folder, users, without);
    if (owner !== undefined) give(owner, folder.name);
  }
  const names = new Set(taken);
  for (const user of users) {
    if (!user.isActive || !user.hasFlows || byUser.has(user.id)) continue;
    const folder = userFolder(user, (name) => names.has(name));
    names.add(folder);
    give(user.id, folder);
  }
  return { byUser, given };
}

/** The user of a folder whose file names nobody; undefined where that is not sure. */
function ownerOf(
  { name, flowsOf }: Folder,
  users: readonly User[],
  without: (userId: string) => boolean,
): string | undefined {
  const counts = [...(flowsOf ?? [])].sort(
    ([one, ofOne], [other, ofOther]) => ofOther - ofOne || (one < other ? -1 : 1),
  );
  const [most] = counts;
  if (most) return without(most[0]) ? most[0] : undefined;
  const called = users.filter((user) => folderName(user.name) === name);
  const [only] = called;
  return only && called.length === 1 && without(only.id) ? only.id : undefined;
}
