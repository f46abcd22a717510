import { parse } from "yaml";
import { FLOW_BYTES_MAX } from "../flows/flowFile";
import { folded, meaningOf } from "../flows/layout";
import { USER_FILE, userIn } from "../flows/userFolder";
import type { Problem } from "../flows/version";
import type { Repository, TreeFile } from "../git/repository";
import { groupsOf } from "../groups";

export interface FileAt {
  readonly path: string;
  readonly blob: string;
}

/** What a folder's project.yaml says. */
export interface ProjectFile {
  readonly blob: string;
  readonly id?: string;
  readonly name?: string;
}

/** A folder at the top of a commit: one user's, if it says so. */
export interface TopFolder {
  readonly name: string;
  /** The user that the folder's user.yaml names. */
  readonly userId?: string;
  /** Files that may hold a flow, sorted by path. */
  readonly flows: readonly FileAt[];
  /** By folder; that of the top folder itself is under "". */
  readonly projects: ReadonlyMap<string, ProjectFile>;
  readonly problems: readonly Problem[];
}

/** A commit's files. */
export interface Tree {
  readonly blobs: ReadonlyMap<string, string>;
  readonly folders: ReadonlyMap<string, TopFolder>;
  /** All paths and folders, as `folded` gives them. */
  readonly taken: ReadonlySet<string>;
}

/** A top folder's flows by id, and the files that cannot be read. */
export interface Flows {
  readonly byId: ReadonlyMap<string, FileAt>;
  readonly problems: readonly Problem[];
  /** Flows that a file which cannot be read may hold. */
  readonly hidden: (id: string, path: string | undefined) => boolean;
}

type Identity = { readonly id: string } | { readonly problem: string; readonly mentions: ReadonlySet<string> };

const NO_FILES: Tree = { blobs: new Map(), folders: new Map(), taken: new Set() };
const YAML_BYTES_MAX = 4096;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Reads what commits hold. It remembers what the newest of them used, since contents never change under their id. */
export class TreeReader {
  /** The last two: a cycle compares two commits, mostly the same as the cycle before. */
  #trees: (readonly [commit: string, tree: Tree])[] = [];
  readonly #identities = new Map<string, Identity>();
  readonly #users = new Map<string, string | undefined>();
  readonly #projects = new Map<string, Omit<ProjectFile, "blob">>();

  constructor(private readonly repository: Pick<Repository, "files" | "read">) {}

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
    const byFolder = groupsOf(below, ({ path }) => path.slice(0, path.indexOf("/")));
    const folders = new Map<string, TopFolder>();
    for (const [name, own] of byFolder) folders.set(name, await this.folder(name, own));
    return {
      blobs: new Map(files.map(({ path, blob }) => [path, blob])),
      folders,
      taken: new Set(files.flatMap(({ path }) => withFolders(folded(path)))),
    };
  }

  /** Forgets contents that a commit does not have. */
  forget({ blobs }: Tree): void {
    const used = new Set(blobs.values());
    for (const memory of [this.#identities, this.#users, this.#projects])
      for (const blob of memory.keys()) if (!used.has(blob)) memory.delete(blob);
  }

  /** @param known a file's flow where that is remembered: then the file need not be read */
  async flows(
    { flows, problems }: Pick<TopFolder, "flows" | "problems">,
    known: (file: FileAt) => string | undefined = () => undefined,
  ): Promise<Flows> {
    const byId = new Map<string, FileAt>();
    const found: Problem[] = [...problems];
    const mentions = new Set<string>();
    const unreadable = new Set(problems.map(({ path }) => path));
    const remembered = new Set<string>();
    for (const file of flows) {
      const knownId = known(file);
      const identity = knownId === undefined ? await this.identity(file.blob) : { id: knownId };
      if ("problem" in identity) {
        found.push({ path: file.path, reason: identity.problem });
        unreadable.add(file.path);
        for (const id of identity.mentions) mentions.add(id);
        continue;
      }
      const { id } = identity;
      const other = byId.get(id);
      // Of several files with one flow, the file that the flow was recorded in counts, else the first one.
      if (!other || (knownId !== undefined && !remembered.has(id))) byId.set(id, file);
      if (other) {
        const [kept, extra] = byId.get(id) === file ? [file, other] : [other, file];
        found.push({ path: extra.path, reason: `holds the same flow id as ${kept.path}` });
      }
      if (knownId !== undefined) remembered.add(id);
    }
    return {
      byId,
      problems: found,
      hidden: (id, path) => !byId.has(id) && (mentions.has(id) || (path !== undefined && unreadable.has(path))),
    };
  }

  private async identity(blob: string): Promise<Identity> {
    const before = this.#identities.get(blob);
    if (before) return before;
    const identity = identityIn(await this.repository.read(blob));
    this.#identities.set(blob, identity);
    return identity;
  }

  private async folder(name: string, files: readonly TreeFile[]): Promise<TopFolder> {
    const flows: FileAt[] = [];
    const problems: Problem[] = [];
    const projects = new Map<string, ProjectFile>();
    let userId: string | undefined;
    for (const file of files) {
      const { path, blob, size, plain } = file;
      const meaning = meaningOf(name, path);
      const isYaml = plain && size <= YAML_BYTES_MAX;
      if (meaning.kind === "flow" || (meaning.kind === "other" && path.endsWith(".json"))) {
        const reason = meaning.kind === "flow" ? problemOf(file) : "is in a folder below a project's folder";
        if (reason === undefined) flows.push({ path, blob });
        else problems.push({ path, reason });
      } else if (meaning.kind === "project" && isYaml) {
        projects.set(meaning.folder ?? "", { blob, ...(await this.cached(this.#projects, blob, projectIn)) });
      } else if (path === `${name}/${USER_FILE}` && isYaml) userId = await this.cached(this.#users, blob, userIn);
    }
    return { name, ...(userId !== undefined && { userId }), flows, projects, problems };
  }

  private async cached<T>(memory: Map<string, T>, blob: string, read: (contents: Buffer) => T): Promise<T> {
    if (!memory.has(blob)) memory.set(blob, read(await this.repository.read(blob)));
    return memory.get(blob) as T;
  }
}

function problemOf({ path, size, plain }: TreeFile): string | undefined {
  if (!plain) return "is not a plain file";
  // Git's paths are bytes: one that is no text cannot be written back.
  if (path.includes("\uFFFD")) return "has a name that is not UTF-8";
  return size > FLOW_BYTES_MAX ? `has ${size} bytes, ${FLOW_BYTES_MAX} are allowed` : undefined;
}

function identityIn(contents: Buffer): Identity {
  const text = contents.toString("utf8");
  try {
    const id = JSON.parse(text.replace(/^\uFEFF/, ""))?.id;
    if (typeof id === "string" && UUID.test(id.toLowerCase())) return { id: id.toLowerCase() };
    return { problem: "has no flow id at its top level", mentions: idsIn(text) };
  } catch {
    return { problem: "is not JSON", mentions: idsIn(text) };
  }
}

/** Ids that stand in a text as a flow's own does. */
function idsIn(text: string): ReadonlySet<string> {
  const ids = text.matchAll(/"id"\s*:\s*"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"/gi);
  return new Set([...ids].map(([, id = ""]) => id.toLowerCase()));
}

function projectIn(contents: Buffer): Omit<ProjectFile, "blob"> {
  try {
    const { id, name } = parse(contents.toString("utf8"), { maxAliasCount: 0 }) ?? {};
    return {
      ...(typeof id === "string" && UUID.test(id.toLowerCase()) && { id: id.toLowerCase() }),
      ...(typeof name === "string" && name.trim() !== "" && { name }),
    };
  } catch {
    return {};
  }
}

/** `a/b/c` as a, a/b and a/b/c: none of them is free for a file of another kind. */
function withFolders(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_, depth) => parts.slice(0, depth + 1).join("/"));
}
