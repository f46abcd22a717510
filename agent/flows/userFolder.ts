import { parse, stringify } from "yaml";
import { z } from "zod";
import { isCredential } from "./credentialShapes";
import { isPortable } from "./layout";

/** The superuser's folder: no other user's, and there is no file in it that says whose it is. */
export const DEFAULT_FOLDER = "default";
/** Says whose a folder is, for good. */
export const USER_FILE = "user.yaml";

const FOLDER_LENGTH_MAX = 63;
/** Digits of a user's id that tell a folder from another's; then all of them. */
const SUFFIXES = [8, 32];

/** A user, as far as a folder is named for one. */
export interface FolderUser {
  readonly id: string;
  readonly name: string;
}

/** A user's name as a folder: `a` to `z`, digits and single hyphens between them, 63 at most. Several names have one. */
export function folderName(username: string): string {
  const plain = username
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-");
  return cut(plain.replace(/^-/, ""), FOLDER_LENGTH_MAX) || "user";
}

/**
 * A new folder for a user: the plain name where it is free, else with a part of the user's id. The same in whichever region
 * it is asked for.
 *
 * @param isTaken of a name in lower case, since not all file systems tell cases apart
 */
export function userFolder({ id, name }: FolderUser, isTaken: (folder: string) => boolean): string {
  const plain = folderName(shownName(name));
  const digits = id.replaceAll("-", "");
  const suffixed = SUFFIXES.map((length) => {
    const suffix = `-${digits.slice(0, length)}`;
    return `${cut(plain, FOLDER_LENGTH_MAX - suffix.length)}${suffix}`;
  });
  const isFree = (folder: string) => folder !== DEFAULT_FOLDER && isPortable(folder) && !isTaken(folder);
  return [plain, ...suffixed].find(isFree) ?? `user-${digits}`;
}

function cut(name: string, length: number): string {
  return name.slice(0, length).replace(/-$/, "");
}

/** What the file says of a user: the id by which the folder is bound, and the name as it was then, for people. */
export function userFileText({ id, name }: FolderUser): string {
  return stringify({ id, name: shownName(name) });
}

/** A key that somebody pasted where a name belongs is shown to no reader of Git. */
const shownName = (name: string): string => (isCredential(name) ? "user" : name);

/** What a YAML file says of the folder it is in. */
export interface Binding {
  readonly id?: string;
  readonly name?: string;
}

/** The id by which a folder is bound to its user or project, in lower case, and the name as it was then. */
export function bindingIn(contents: Buffer): Binding {
  try {
    const { id, name } = parse(contents.toString("utf8"), { maxAliasCount: 0 }) ?? {};
    return {
      ...(z.guid().safeParse(id).success && { id: id.toLowerCase() }),
      ...(typeof name === "string" && name.trim() !== "" && { name }),
    };
  } catch {
    return {};
  }
}
