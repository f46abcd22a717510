import { createHash } from "node:crypto";

/** Maximum length of a file name, in bytes: the limit of common file systems minus space for a suffix. */
const NAME_BYTES_MAX = 200;
/** Name of the file that binds a folder to a project. It holds the project's id and name. */
export const PROJECT_FILE = "project.yaml";
/** Matches names that Windows reserves for devices, with any extension. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])$/i;

/** Role of a path of the repository within a workspace. */
export type PathMeaning =
  | { readonly kind: "flow"; readonly folder?: string }
  | { readonly kind: "project"; readonly folder?: string }
  | { readonly kind: "other" };

/**
 * Determines the role of a path. Flows of the default project are stored in the workspace's folder, and flows of any
 * other project in a subfolder. `lfx push`, `pull` and `status` work on each folder.
 *
 * @param path relative to the repository's root
 */
export function meaningOf(workspace: string, path: string): PathMeaning {
  const [root, ...rest] = path.split("/");
  const file = rest.at(-1);
  if (root !== workspace || file === undefined || rest.length > 2) return { kind: "other" };
  const [folder] = rest.length === 2 ? rest : [];
  const at = folder === undefined ? {} : { folder };
  if (file === PROJECT_FILE) return { kind: "project", ...at };
  return file.endsWith(".json") ? { kind: "flow", ...at } : { kind: "other" };
}

/** Folds a path as case-insensitive and normalization-insensitive file systems (Windows, macOS) compare it. */
export const folded = (path: string): string => path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");

/** Returns true if Windows and macOS can check out the path. */
export function isPortable(path: string): boolean {
  return path.split("/").every(
    (name) =>
      !DEVICE.test(name.split(".", 1)[0] ?? "") &&
      !/[. ]$/.test(name) &&
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
      !/[\x00-\x1f<>:"|?*\\]/.test(name),
  );
}

/**
 * Converts a name to a file name as `lfx` does: letters, digits, `-` and `_` stay, spaces become `_`.
 *
 * @returns a name that is never empty, has no separator or dot, and is not a device name
 */
export function safeName(name: string): string {
  const safe = name
    .replace(/[^\p{L}\p{N}\-_ ]/gu, "_")
    .trim()
    .replaceAll(" ", "_");
  let cut = safe;
  while (Buffer.byteLength(cut) > NAME_BYTES_MAX) cut = [...cut].slice(0, -1).join("");
  return cut === "" || DEVICE.test(cut) ? `${cut}_` : cut;
}

/** Returns the path of a new flow. `taken` contains paths folded by {@link folded}. */
export function flowPath(
  workspace: string,
  folder: string | undefined,
  flow: { id: string; name: string },
  taken: ReadonlySet<string>,
): string {
  const start = `${folder === undefined ? workspace : `${workspace}/${folder}`}/${safeName(flow.name)}`;
  return firstFree(
    flow.id,
    (suffix) => `${start}${suffix}.json`,
    (path) => taken.has(path),
  );
}

/**
 * Returns the folder of a new project.
 *
 * @param isTaken checks a name folded by {@link folded}
 */
export function projectFolder(project: string, isTaken: (name: string) => boolean): string {
  const hash = createHash("sha256").update(project).digest("hex");
  return firstFree(hash, (suffix) => `${safeName(project)}${suffix}`, isTaken);
}

/** Returns the plain name or, if it is taken, the name with an increasingly long part of the identity. */
function firstFree(identity: string, named: (suffix: string) => string, isTaken: (name: string) => boolean): string {
  const suffixes = ["", ...[8, identity.length].map((length) => `_${identity.slice(0, length)}`)];
  const free = suffixes.map(named).find((name) => !isTaken(folded(name)));
  return free ?? named(`_${identity}_${Date.now()}`);
}
