import { createHash } from "node:crypto";

/** Longest file name of common file systems, in bytes, less room for a suffix. */
const NAME_BYTES_MAX = 200;
/** LangFlow's name for the project that every user has; to the agent its flows belong to no project. */
export const DEFAULT_PROJECT = "Starter Project";
/** Binds a folder to a project by its id, and says the project's name. */
export const PROJECT_FILE = "project.yaml";
/** Windows opens a device by such a name, whatever follows the first dot. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])$/i;

/** What a path in the repository is to a workspace. */
export type PathMeaning =
  | { readonly kind: "flow"; readonly folder?: string }
  | { readonly kind: "project"; readonly folder?: string }
  | { readonly kind: "other" };

/**
 * Flows of LangFlow's default project lie in the workspace's folder, those of another project in a folder in it: each
 * folder is one that `lfx push`, `pull` and `status` can be pointed at.
 *
 * @param path from the repository's root
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

/** A path as file systems compare it that tell neither cases nor compositions of letters apart (Windows, macOS). */
export const folded = (path: string): string => path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");

/** Whether Windows and macOS can check a path out. */
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
 * A name as `lfx` makes file names of it: letters, digits, `-` and `_`, spaces as `_`.
 *
 * @returns never empty, never with a separator or a dot, and no device's name
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

/** Where a new flow goes. `taken`: paths as {@link folded} gives them. */
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
 * The folder of a new project.
 *
 * @param isTaken of a name as {@link folded} gives it
 */
export function projectFolder(project: string, isTaken: (name: string) => boolean): string {
  const hash = createHash("sha256").update(project).digest("hex");
  return firstFree(hash, (suffix) => `${safeName(project)}${suffix}`, isTaken);
}

/** The plain name, else with ever more of what tells it from others. */
function firstFree(identity: string, named: (suffix: string) => string, isTaken: (name: string) => boolean): string {
  const suffixes = ["", ...[8, identity.length].map((length) => `_${identity.slice(0, length)}`)];
  const free = suffixes.map(named).find((name) => !isTaken(folded(name)));
  return free ?? named(`_${identity}_${Date.now()}`);
}
