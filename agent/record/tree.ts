import { FLOW_BYTES_MAX, type FlowFile, readFlowFile } from "../../formats/flows/flowFile";
import type { Problem } from "../../formats/flows/version";
import { groupBy } from "../collections/groupBy";
import { folded, meaningOf, PROJECT_FILE } from "../flows/layout";
import { type Binding, bindingIn, USER_FILE } from "../flows/userFolder";
import type { Repository, TreeFile } from "../git/repository";
import { collectAfter } from "../process/memory";

export interface FileAt {
  readonly path: string;
  readonly blob: string;
  /** Size in bytes, if a tree states it. */
  readonly size?: number;
}

/** A folder at the top level of a commit, which may belong to a user. */
export interface TopFolder {
  readonly name: string;
  /** The user that the folder's user.yaml names. */
  readonly userId?: string;
  /** Files that may contain a flow, sorted by path. */
  readonly flows: readonly FileAt[];
  /** Projects by folder. The key "" is the top folder itself. */
  readonly projects: ReadonlyMap<string, Binding>;
  readonly problems: readonly Problem[];
}

/** A commit's files. */
export interface Tree {
  readonly blobs: ReadonlyMap<string, string>;
  readonly folders: ReadonlyMap<string, TopFolder>;
  /** Files that may contain a flow, in places where no flow is expected. */
  readonly strays: readonly FileAt[];
  /** All paths and folders, in the form that `folded` returns. */
  readonly taken: ReadonlySet<string>;
}

/** The flows in a top folder by id, and the files that cannot be read. */
export interface Flows {
  readonly byId: ReadonlyMap<string, FileAt>;
  readonly problems: readonly Problem[];
  /** Flows of other users whose ids are in files of this folder. */
  readonly anothers: ReadonlySet<string>;
  /** Whether a flow has no file here, and its path holds the file of a different flow. */
  readonly replaced: (id: string, path: string | undefined) => boolean;
  /**
   * Whether a flow has no readable file here but may not be deleted: a broken file may contain it, or its path holds a
   * file.
   */
  readonly hidden: (id: string, path: string | undefined) => boolean;
}

/** The flow in a file; or why the file has none, and which flows it may contain. */
interface Identity {
  readonly id?: string;
  readonly problem?: string;
  readonly mentioned?: ReadonlySet<string>;
}

const NO_FILES: Tree = { blobs: new Map(), folders: new Map(), strays: [], taken: new Set() };
const YAML_BYTES_MAX = 4096;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Returns the top folder of a file's path. */
export const topOf = (file: { readonly path?: string | undefined } | undefined): string =>
  file?.path?.split("/", 1)[0] ?? "";

/** Reads the files of commits. Caches parsed content by blob, because a blob never changes. */
export class TreeReader {
  /** The two most recent trees: a cycle compares two commits, usually the same two as the cycle before. */
  #trees: (readonly [commit: string, tree: Tree])[] = [];
  readonly #identities = new Map<string, Identity>();
  readonly #bindings = new Map<string, Binding>();

  constructor(private readonly repository: Pick<Repository, "files" | "contents">) {}

  /**
   * Reads a commit's files.
   *
   * @param commit undefined: the branch has no commit
   */
  async read(commit: string | undefined): Promise<Tree> {
    if (commit === undefined) return NO_FILES;
    const known = this.#trees.find(([each]) => each === commit);
    const tree = known?.[1] ?? (await this.readAnew(commit));
    this.#trees = [[commit, tree] as const, ...this.#trees.filter(([each]) => each !== commit)].slice(0, 2);
    return tree;
  }

  private async readAnew(commit: string): Promise<Tree> {
    const files = await this.repository.files(commit);
    const below = files.filter(({ path }) => path.includes("/"));
    const binding = below.filter(isBinding).map(({ blob }) => blob);
    await this.remember(this.#bindings, binding, bindingIn);
    const byFolder = groupBy(below, ({ path }) => path.slice(0, path.indexOf("/")));
    const folders = new Map([...byFolder].map(([name, own]) => [name, this.folder(name, own)]));
    const flows = new Set([...folders.values()].flatMap((folder) => folder.flows.map(({ path }) => path)));
    return {
      blobs: new Map(files.map(({ path, blob }) => [path, blob])),
      folders,
      strays: files.filter((file) => file.path.endsWith(".json") && !problemOf(file) && !flows.has(file.path)),
      taken: new Set(files.flatMap(({ path }) => withFolders(folded(path)))),
    };
  }

  /** Drops cached content that a commit does not contain. */
  forget({ blobs }: Tree): void {
    const used = new Set(blobs.values());
    for (const memory of [this.#identities, this.#bindings])
      for (const blob of memory.keys()) if (!used.has(blob)) memory.delete(blob);
  }

  /**
   * Finds the flows in a folder.
   *
   * @param known returns a file's flow if it is known, so that the file need not be read
   * @param isAnothers whether a flow belongs to a different user than the folder
   * @param recordedAt returns the flow that was recorded at a path
   */
  async flows(
    { flows, problems }: Pick<TopFolder, "flows" | "problems">,
    known: (file: FileAt) => string | undefined = () => undefined,
    isAnothers: (id: string) => boolean = () => false,
    recordedAt: (path: string) => string | undefined = () => undefined,
  ): Promise<Flows> {
    const anothers = new Set<string>();
    const byId = new Map<string, FileAt>();
    const found: Problem[] = [...problems];
    const mentions = new Set<string>();
    const unreadable = new Set(problems.map(({ path }) => path));
    const readable = new Set<string>();
    const [recorded, others] = [flows.filter((file) => known(file)), flows.filter((file) => !known(file))];
    await this.remember(
      this.#identities,
      others.map(({ blob }) => blob),
      identityIn,
    );
    // If several files contain one flow, the recorded file counts; otherwise the file at the flow's recorded path;
    // otherwise the first file that is not at a different flow's path.
    const rank = ({ path, blob }: FileAt) => {
      const at = recordedAt(path);
      return at === undefined ? 1 : Number(at !== this.#identities.get(blob)?.id) * 2;
    };
    const sorted = [...others].sort((one, other) => rank(one) - rank(other));
    for (const file of [...recorded, ...sorted]) {
      const { id = known(file), problem, mentioned } = this.#identities.get(file.blob) ?? {};
      const other = id === undefined ? undefined : byId.get(id);
      if (id !== undefined && isAnothers(id)) {
        anothers.add(id);
        found.push({ path: file.path, reason: "contains the id of a different user's flow: give it a new id" });
      } else if (id !== undefined && !other) byId.set(id, file);
      else found.push({ path: file.path, reason: problem ?? `has the same flow id as ${other?.path}` });
      (problem === undefined ? readable : unreadable).add(file.path);
      for (const each of mentioned ?? []) mentions.add(each);
    }
    const replaced = (id: string, path = "") => !byId.has(id) && readable.has(path);
    const hidden = (id: string, path = "") =>
      replaced(id, path) || (!byId.has(id) && (mentions.has(id) || unreadable.has(path)));
    return { byId, problems: found, anothers, replaced, hidden };
  }

  private folder(name: string, files: readonly TreeFile[]): TopFolder {
    const flows: FileAt[] = [];
    const problems: Problem[] = [];
    const projects = new Map<string, Binding>();
    let userId: string | undefined;
    for (const file of files) {
      const { path, blob, size } = file;
      const meaning = meaningOf(name, path);
      const binding = isBinding(file) && this.#bindings.get(blob);
      if (meaning.kind === "flow" || (meaning.kind === "other" && path.endsWith(".json"))) {
        const reason = meaning.kind === "flow" ? problemOf(file) : "is in a folder below a project's folder";
        if (reason === undefined) flows.push({ path, blob, size });
        else problems.push({ path, reason });
      } else if (binding && meaning.kind === "project") projects.set(meaning.folder ?? "", binding);
      else if (binding && path === `${name}/${USER_FILE}`) userId = binding.id;
    }
    return { name, ...(userId !== undefined && { userId }), flows, projects, problems };
  }

  private async remember<T>(memory: Map<string, T>, blobs: readonly string[], read: (contents: Buffer) => T) {
    const unread = [...new Set(blobs)].filter((blob) => !memory.has(blob));
    let at = 0;
    for await (const contents of this.repository.contents(unread)) memory.set(unread[at++] ?? "", read(contents));
  }
}

/** Returns whether a file may name the user or the project of its folder. */
const isBinding = ({ path, size, plain }: TreeFile): boolean =>
  plain && size <= YAML_BYTES_MAX && [PROJECT_FILE, USER_FILE].includes(path.split("/").at(-1) ?? "");

function problemOf({ path, size, plain }: TreeFile): string | undefined {
  if (!plain) return "is not a plain file";
  // Git's paths are bytes. A path that is not valid UTF-8 cannot be written back.
  if (path.includes("\uFFFD")) return "has a name that is not UTF-8";
  return size > FLOW_BYTES_MAX ? `has ${size} bytes, ${FLOW_BYTES_MAX} are allowed` : undefined;
}

/**
 * Reads the flow in a file; undefined if the file contains no valid flow.
 *
 * @throws BlobUnread
 */
export async function flowFileIn(repository: Pick<Repository, "read">, blob: string): Promise<FlowFile | undefined> {
  const contents = await repository.read(blob);
  try {
    return readFlowFile(contents);
  } catch {
    return undefined;
  }
}

function identityIn(contents: Buffer): Identity {
  const text = contents.toString("utf8");
  collectAfter(text.length);
  try {
    const id = JSON.parse(text.replace(/^\uFEFF/, ""))?.id;
    if (typeof id === "string" && UUID.test(id.toLowerCase())) return { id: id.toLowerCase() };
    return { problem: "has no flow id at its top level", mentioned: idsIn(text) };
  } catch {
    return { problem: "is not JSON", mentioned: idsIn(text) };
  }
}

/** Returns the ids in a text that look like a flow's own id. The text may be UTF-16 that an editor saved. */
function idsIn(text: string): ReadonlySet<string> {
  const ids = text.replaceAll("\0", "").matchAll(/"id"\s*:\s*"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"/gi);
  return new Set([...ids].map(([, id = ""]) => id.toLowerCase()));
}

/**
 * Returns a path and its parent folders: for `a/b/c`, the paths a, a/b and a/b/c. None of them is available for a
 * different kind of file.
 */
function withFolders(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_, depth) => parts.slice(0, depth + 1).join("/"));
}
