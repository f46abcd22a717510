import { groupBy } from "../collections/groupBy";
import { FLOW_BYTES_MAX, type FlowFile, readFlowFile } from "../flows/flowFile";
import { folded, meaningOf, PROJECT_FILE } from "../flows/layout";
import { type Binding, bindingIn, USER_FILE } from "../flows/userFolder";
import type { Problem } from "../flows/version";
import type { Repository, TreeFile } from "../git/repository";
import { collectAfter } from "../process/memory";

export interface FileAt {
  readonly path: string;
  readonly blob: string;
  /** Bytes, where a tree says it. */
  readonly size?: number;
}

/** A folder at the top of a commit: one user's, if it says so. */
export interface TopFolder {
  readonly name: string;
  /** The user that the folder's user.yaml names. */
  readonly userId?: string;
  /** Files that may hold a flow, sorted by path. */
  readonly flows: readonly FileAt[];
  /** By folder; that of the top folder itself is under "". */
  readonly projects: ReadonlyMap<string, Binding>;
  readonly problems: readonly Problem[];
}

/** A commit's files. */
export interface Tree {
  readonly blobs: ReadonlyMap<string, string>;
  readonly folders: ReadonlyMap<string, TopFolder>;
  /** Files that may hold a flow, where none is looked for. */
  readonly strays: readonly FileAt[];
  /** All paths and folders, as `folded` gives them. */
  readonly taken: ReadonlySet<string>;
}

/** A top folder's flows by id, and the files that cannot be read. */
export interface Flows {
  readonly byId: ReadonlyMap<string, FileAt>;
  readonly problems: readonly Problem[];
  /** Other users' flows that files in this folder name. */
  readonly anothers: ReadonlySet<string>;
  /** Whether a flow has no file here and its path holds the file of a different flow. */
  readonly replaced: (id: string, path: string | undefined) => boolean;
  /** Whether a flow has no file here that can be read, while a broken file may hold it, or its path holds any file. */
  readonly hidden: (id: string, path: string | undefined) => boolean;
}

/** Of a file: its flow, or why it has none and which flows it may hold. */
interface Identity {
  readonly id?: string;
  readonly problem?: string;
  readonly mentioned?: ReadonlySet<string>;
}

const NO_FILES: Tree = { blobs: new Map(), folders: new Map(), strays: [], taken: new Set() };
const YAML_BYTES_MAX = 4096;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The user's folder that a file is in, as a flow was recorded. */
export const topOf = (file: { readonly path?: string | undefined } | undefined): string =>
  file?.path?.split("/", 1)[0] ?? "";

/** Reads what commits hold. It remembers what the newest of them used, since contents never change under their id. */
export class TreeReader {
  /** The last two: a cycle compares two commits, mostly the same as the cycle before. */
  #trees: (readonly [commit: string, tree: Tree])[] = [];
  readonly #identities = new Map<string, Identity>();
  readonly #bindings = new Map<string, Binding>();

  constructor(private readonly repository: Pick<Repository, "files" | "contents">) {}

  /** @param commit undefined: nothing was ever committed */
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

  /** Forgets contents that a commit does not have. */
  forget({ blobs }: Tree): void {
    const used = new Set(blobs.values());
    for (const memory of [this.#identities, this.#bindings])
      for (const blob of memory.keys()) if (!used.has(blob)) memory.delete(blob);
  }

  /**
   * @param known a file's flow where that is remembered: then the file need not be read
   * @param isAnothers whether a flow belongs to a user whose folder this is not
   * @param recordedAt the flow that was recorded at a path
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
    // Of several files with one flow, the file that the flow was recorded in counts, else the one at its path, else the first
    // that is not at the path of a different flow.
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
        found.push({ path: file.path, reason: "is the file of another user's flow: give it an id of its own" });
      } else if (id !== undefined && !other) byId.set(id, file);
      else found.push({ path: file.path, reason: problem ?? `holds the same flow id as ${other?.path}` });
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

/** Whether a file may say whose, or of which project, its folder is. */
const isBinding = ({ path, size, plain }: TreeFile): boolean =>
  plain && size <= YAML_BYTES_MAX && [PROJECT_FILE, USER_FILE].includes(path.split("/").at(-1) ?? "");

function problemOf({ path, size, plain }: TreeFile): string | undefined {
  if (!plain) return "is not a plain file";
  // Git's paths are bytes: one that is no text cannot be written back.
  if (path.includes("\uFFFD")) return "has a name that is not UTF-8";
  return size > FLOW_BYTES_MAX ? `has ${size} bytes, ${FLOW_BYTES_MAX} are allowed` : undefined;
}

/**
 * The flow in a file; undefined where it holds none that can be read.
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

/** Ids that stand in a text as a flow's own does, also in one that an editor saved as UTF-16. */
function idsIn(text: string): ReadonlySet<string> {
  const ids = text.replaceAll("\0", "").matchAll(/"id"\s*:\s*"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"/gi);
  return new Set([...ids].map(([, id = ""]) => id.toLowerCase()));
}

/** `a/b/c` as a, a/b and a/b/c: none of them is free for a file of another kind. */
function withFolders(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_, depth) => parts.slice(0, depth + 1).join("/"));
}
