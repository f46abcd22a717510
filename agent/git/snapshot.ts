import { parse, stringify } from "yaml";
import { eachOf } from "../eachOf";
import { FLOW_BYTES_MAX, NotAFlow, readFlowFile } from "../flows/flowFile";
import {
  DEFAULT_PROJECT,
  flowPath,
  meaningOf,
  type PathMeaning,
  projectFilePath,
  projectFolder,
} from "../flows/layout";
import { type Prints, type Problem, print, type Version } from "../flows/version";
import { AGENT_AUTHOR } from "./git";
import type { Repository, TreeFile } from "./repository";

/** A flow of a commit. */
export interface GitFlow extends Version {
  readonly path: string;
  readonly blob: string;
  /** Written in another way than equal flows are: to be written anew, with nothing changed. */
  readonly untidy?: boolean;
}

/** A file that is skipped. */
export interface FileProblem extends Problem {
  /** Flows that it may be about all the same; undefined: nobody can tell which. */
  readonly mentions: ReadonlySet<string> | undefined;
}

/** One workspace as a commit has it. */
export interface Snapshot {
  readonly flows: ReadonlyMap<string, GitFlow>;
  readonly problems: readonly FileProblem[];
  /** Name of each project's folder, by the project's name. */
  readonly folders: ReadonlyMap<string, string>;
  /** All paths, in lower case, those of folders included. */
  readonly taken: ReadonlySet<string>;
}

export const EMPTY_SNAPSHOT: Snapshot = { flows: new Map(), problems: [], folders: new Map(), taken: new Set() };

/** What a file says by itself; its project is said by its place. */
export type FileVersion = { readonly id: string; readonly prints: Omit<Prints, "project"> } & Omit<
  Version,
  "project" | "prints"
>;

/** What is known of a file without its being read; undefined: nothing. */
export type Known = (workspace: string, path: string, blob: string) => FileVersion | undefined;

type Parsed =
  | { readonly version: FileVersion; readonly untidy: boolean }
  | { readonly problem: string; readonly mentions?: ReadonlySet<string> };

const PROJECT_FILE_BYTES_MAX = 4096;

/** Reads workspaces out of commits. Remembers what the last commit used: contents never change under their id. */
export class SnapshotReader {
  #parsed = new Map<string, Promise<Parsed>>();
  /** Undefined: the file names no project. */
  #projects = new Map<string, string | undefined>();
  /** Whether an agent wrote contents that are not as this one writes them. */
  #byAgent = new Map<string, boolean>();

  constructor(private readonly repository: Repository) {}

  /**
   * All workspaces, by name, out of one list of files.
   *
   * @throws GitUnreachable, BlobUnread: nothing is taken for unreadable that was not read
   */
  async read(commit: string, workspaces: readonly string[], known: Known): Promise<ReadonlyMap<string, Snapshot>> {
    const files = new Map<string, TreeFile[]>(workspaces.map((workspace) => [workspace, []]));
    for (const file of await this.repository.files(commit))
      files.get(file.path.slice(0, Math.max(0, file.path.indexOf("/"))))?.push(file);
    const snapshots = new Map<string, Snapshot>();
    for (const [workspace, own] of files) snapshots.set(workspace, await this.snapshot(commit, workspace, own, known));
    const blobs = new Set([...files.values()].flat().map(({ blob }) => blob));
    for (const memory of [this.#parsed, this.#projects, this.#byAgent])
      for (const blob of memory.keys()) if (!blobs.has(blob)) memory.delete(blob);
    return snapshots;
  }

  private async snapshot(
    commit: string,
    workspace: string,
    files: readonly TreeFile[],
    known: Known,
  ): Promise<Snapshot> {
    const meanings = new Map(files.map(({ path }) => [path, meaningOf(workspace, path)]));
    const names = await this.projectNames(files, meanings);
    const projects = new Map([...names.values()].map((name) => [name, print(name)]));
    const none = print("");
    const read = new Map<string, Parsed>();
    const deep = (path: string) => meanings.get(path)?.kind === "other" && path.endsWith(".json");
    const unread = files.filter((file) => {
      if (meanings.get(file.path)?.kind !== "flow" && !deep(file.path)) return false;
      const told = this.told(workspace, file, known);
      if (told) read.set(file.path, told);
      return !told;
    });
    await eachOf(unread, async (file) => void read.set(file.path, await this.parse(file)));
    await this.tellAgents(commit, workspace, files, read);
    const found = new Map<string, GitFlow[]>();
    const problems: FileProblem[] = [];
    for (const { path, blob } of files) {
      const place = meanings.get(path);
      const parsed = read.get(path);
      if (!parsed) continue;
      if ("problem" in parsed) {
        problems.push({ path, reason: parsed.problem, mentions: parsed.mentions });
        continue;
      }
      if (place?.kind !== "flow") {
        problems.push({ path, reason: "lies deeper than a project's folder", mentions: new Set([parsed.version.id]) });
        continue;
      }
      const { id, prints, ...version } = parsed.version;
      const named = place.folder === undefined ? undefined : names.get(place.folder);
      const project = named === DEFAULT_PROJECT ? undefined : named;
      const flow: GitFlow = {
        ...version,
        prints: { ...prints, project: project === undefined ? none : (projects.get(project) ?? none) },
        ...(project !== undefined && { project }),
        path,
        blob,
        ...(parsed.untidy && !this.#byAgent.get(blob) && { untidy: true }),
      };
      found.set(id, [...(found.get(id) ?? []), flow]);
    }
    const flows = new Map<string, GitFlow>();
    for (const [id, rivals] of found) {
      const kept = await this.elect(commit, rivals);
      flows.set(id, kept);
      for (const { path } of rivals)
        if (path !== kept.path)
          problems.push({ path, reason: `holds the same flow id as ${kept.path}`, mentions: new Set([id]) });
    }
    return {
      flows,
      problems,
      folders: new Map([...names].map(([folder, name]) => [name, folder])),
      taken: new Set(files.flatMap(({ path }) => withFolders(path.toLowerCase()))),
    };
  }

  /**
   * The one of several files that hold one flow: what an agent wrote last, else the first by its path. A rule of Git
   * alone, so that every region elects the same.
   */
  private async elect(commit: string, rivals: readonly GitFlow[]): Promise<GitFlow> {
    const [first] = rivals as readonly [GitFlow];
    if (rivals.length === 1) return first;
    for (const flow of rivals) {
      const change = await this.repository.lastChange(commit, flow.path);
      if (change?.author.startsWith(AGENT_AUTHOR)) return flow;
    }
    return first;
  }

  /** What need not be read for; undefined: it must be, or was. */
  private told(workspace: string, { path, blob, size, plain }: TreeFile, known: Known): Parsed | undefined {
    if (!plain) return { problem: "is no plain file", mentions: new Set() };
    // Git's paths are bytes: one that is no text cannot be written back.
    if (path.includes("\uFFFD")) return { problem: "has a name that is not UTF-8" };
    if (size > FLOW_BYTES_MAX) return { problem: `has ${size} bytes, ${FLOW_BYTES_MAX} are allowed` };
    const version = this.#parsed.has(blob) ? undefined : known(workspace, path, blob);
    return version && { version, untidy: false };
  }

  private parse({ blob }: TreeFile): Promise<Parsed> {
    const before = this.#parsed.get(blob);
    if (before) return before;
    const parsed = this.repository.read(blob).then(parsedFile);
    this.#parsed.set(blob, parsed);
    // What was not read says nothing about the file.
    parsed.catch(() => this.#parsed.delete(blob));
    return parsed;
  }

  /**
   * What an agent of another version wrote in its own way is left as it is: each would write the other's files anew for
   * ever.
   */
  private async tellAgents(
    commit: string,
    workspace: string,
    files: readonly TreeFile[],
    read: ReadonlyMap<string, Parsed>,
  ): Promise<void> {
    const news = files.flatMap(({ path, blob }) => {
      const parsed = read.get(path);
      return parsed && "untidy" in parsed && parsed.untidy && !this.#byAgent.has(blob) ? [blob] : [];
    });
    const found = await this.repository.findContents(commit, workspace, new Set(news));
    for (const blob of news) this.#byAgent.set(blob, found.get(blob)?.author.startsWith(AGENT_AUTHOR) ?? false);
  }

  /** The project of each folder. */
  private async projectNames(
    files: readonly TreeFile[],
    meanings: ReadonlyMap<string, PathMeaning>,
  ): Promise<Map<string, string>> {
    const names = new Map<string, string>();
    for (const { path, blob, size, plain } of files) {
      const place = meanings.get(path);
      if (place?.kind === "flow" && place.folder !== undefined && !names.has(place.folder))
        names.set(place.folder, place.folder);
      if (place?.kind !== "project" || !plain || size > PROJECT_FILE_BYTES_MAX) continue;
      if (!this.#projects.has(blob)) this.#projects.set(blob, projectName(await this.repository.read(blob)));
      const name = this.#projects.get(blob);
      if (name !== undefined) names.set(place.folder, name);
    }
    return names;
  }
}

function parsedFile(contents: Buffer): Parsed {
  try {
    const { id, name, endpointName, prints, text } = readFlowFile(contents);
    const version = { id, name, ...(endpointName && { endpointName }), prints };
    return { version, untidy: !contents.equals(Buffer.from(text)) };
  } catch (error) {
    if (!(error instanceof NotAFlow)) throw error;
    return { problem: error.message, mentions: idsIn(contents.toString("latin1")) };
  }
}

/** Ids that stand in a text as a flow's own does. */
function idsIn(text: string): ReadonlySet<string> {
  const ids = text.matchAll(/"id"\s*:\s*"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"/gi);
  return new Set([...ids].map(([, id = ""]) => id.toLowerCase()));
}

/** `a/b/c` as a, a/b and a/b/c: none of them is free for a file of another kind. */
function withFolders(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_, depth) => parts.slice(0, depth + 1).join("/"));
}

/** The name that a project's file gives; undefined where it gives none, and the folder's own will do. */
function projectName(contents: Buffer): string | undefined {
  try {
    const { name } = parse(contents.toString("utf8"), { maxAliasCount: 0 }) ?? {};
    return typeof name === "string" && name.trim() !== "" ? name : undefined;
  } catch {
    return undefined;
  }
}

/** Where flows go in a commit that follows a snapshot, and the files that name their projects. */
export class Placement {
  readonly #taken: Set<string>;
  readonly #folders: Map<string, string>;
  /** Files to write beside the flows, by path. */
  readonly projectFiles = new Map<string, string>();

  constructor(
    private readonly workspace: string,
    private readonly snapshot: Snapshot,
  ) {
    this.#taken = new Set(snapshot.taken);
    this.#folders = new Map(snapshot.folders);
  }

  /** The flow's path: the one it has, where name and project are the same. */
  place(id: string, { name, project }: { name: string; project?: string }): string {
    const now = this.snapshot.flows.get(id);
    if (now && now.name === name && now.project === project) return now.path;
    const path = flowPath(this.workspace, this.folder(project), { id, name }, this.#taken);
    this.#taken.add(path.toLowerCase());
    return path;
  }

  private folder(project: string | undefined): string | undefined {
    if (project === undefined) return undefined;
    const known = this.#folders.get(project);
    if (known !== undefined) return known;
    const others = new Set([...this.#folders.values()].map((each) => each.toLowerCase()));
    const isTaken = (name: string) => others.has(name) || this.#taken.has(`${this.workspace}/${name}`.toLowerCase());
    const folder = projectFolder(project, isTaken);
    this.#folders.set(project, folder);
    if (folder !== project)
      this.projectFiles.set(projectFilePath(this.workspace, folder), stringify({ name: project }));
    return folder;
  }
}
