import { createHash } from "node:crypto";

/** Longest file name of common file systems, in bytes, less room for a suffix. */
const NAME_BYTES_MAX = 200;
/** LangFlow's name for the project that every user has; to the agent its flows belong to no project. */
export const DEFAULT_PROJECT = "Starter Project";
/** Says what a project is called where its folder cannot. */
const PROJECT_FILE = "project.yaml";

/** What a path in the repository is to a workspace. */
export type PathMeaning =
  | { readonly kind: "flow"; readonly folder?: string }
  | { readonly kind: "project"; readonly folder: string }
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
  if (folder !== undefined && file === PROJECT_FILE) return { kind: "project", folder };
  return file.endsWith(".json") ? { kind: "flow", ...(folder !== undefined && { folder }) } : { kind: "other" };
}

export const projectFilePath = (workspace: string, folder: string): string => `${workspace}/${folder}/${PROJECT_FILE}`;

/**
 * A name as `lfx` makes file names of it: letters, digits, `-` and `_`, spaces as `_`.
 *
 * @returns never empty, never with a separator or a leading dot
 */
export function safeName(name: string): string {
  const safe = name
    .replace(/[^\p{L}\p{N}\-_ ]/gu, "_")
    .trim()
    .replaceAll(" ", "_");
  let cut = safe;
  while (Buffer.byteLength(cut) > NAME_BYTES_MAX) cut = [...cut].slice(0, -1).join("");
  return cut === "" ? "_" : cut;
}

/** Where a new flow goes. `taken`: paths in lower case, since not all file systems tell cases apart. */
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
 * @param isTaken of a name in lower case
 */
export function projectFolder(project: string, isTaken: (name: string) => boolean): string {
  const hash = createHash("sha256").update(project).digest("hex");
  return firstFree(hash, (suffix) => `${safeName(project)}${suffix}`, isTaken);
}

/** The plain name, else with ever more of what tells it from others. */
function firstFree(identity: string, named: (suffix: string) => string, isTaken: (name: string) => boolean): string {
  const suffixes = ["", ...[8, identity.length].map((length) => `_${identity.slice(0, length)}`)];
  const free = suffixes.map(named).find((name) => !isTaken(name.toLowerCase()));
  return free ?? named(`_${identity}_${Date.now()}`);
}
