import { parse, stringify } from "yaml";
import { z } from "zod";
import { isCredential } from "../../formats/flows/credentialShapes";
import { isPortable } from "./layout";

/** Folder of the superuser. It is reserved for the superuser and has no file that binds it to a user. */
export const DEFAULT_FOLDER = "default";
/** Name of the file that binds a folder to its user permanently. */
export const USER_FILE = "user.yaml";

const FOLDER_LENGTH_MAX = 63;
/** Numbers of digits of a user's id that are appended to make a folder unique. The last one is the complete id. */
const SUFFIXES = [8, 32];

/** The properties of a user from which a folder is named. */
export interface FolderUser {
  readonly id: string;
  readonly name: string;
}

/**
 * Converts a user's name to a folder name: `a` to `z`, digits and single hyphens between them, at most 63 characters.
 * Different names may get the same folder name.
 */
export function folderName(username: string): string {
  const plain = username
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-");
  return cut(plain.replace(/^-/, ""), FOLDER_LENGTH_MAX) || "user";
}

/**
 * Returns a new folder for a user: the plain name if it is free, otherwise the name with a part of the user's id. Every
 * region computes the same folder.
 *
 * @param isTaken checks a name in lower case, because some file systems ignore case
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

/**
 * Returns the content of a user's file: the id that binds the folder, and the name at the time of writing, for people.
 */
export function userFileText({ id, name }: FolderUser): string {
  return stringify({ id, name: shownName(name) });
}

/** Hides a credential that was pasted in place of a name, because everyone with access to Git can read names. */
const shownName = (name: string): string => (isCredential(name) ? "user" : name);

/** Content of the YAML file that binds its folder. */
export interface Binding {
  readonly id?: string;
  readonly name?: string;
}

/** Parses the id that binds a folder to its user or project, in lower case, and the name at the time of writing. */
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
