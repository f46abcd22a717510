import { parse, stringify } from "yaml";
import { eachOf } from "../eachOf";
import { FLOW_BYTES_MAX, NotAFlow, readFlowFile } from "../flows/flowFile";
import { flowPath, placeOf, projectFilePath, projectFolder } from "../flows/layout";
import type { Version } from "../sync/merge";
import type { Repository, TreeFile } from "./repository";

/** A flow of a commit. */
export interface GitFlow extends Version {
  readonly path: string;
  readonly blob: string;
}

/** A file that is skipped, and why. */
export interface Problem {
  readonly path: string;
  readonly reason: string;
}

/** One workspace as a commit has it. */
export interface Snapshot {
  readonly flows: ReadonlyMap<string, GitFlow>;
  readonly problems: readonly Problem[];
  /** Name of each project's folder, by the project's name. */
  readonly folders: ReadonlyMap<string, string>;
  /** All paths, in lower case. */
  readonly taken: ReadonlySet<string>;
}

export const EMPTY_SNAPSHOT: Snapshot = { flows: new Map(), problems: [], folders: new Map(), taken: new Set() };

type Parsed = ({ id: string } & Omit<Version, "project">) | { problem: string };

/** Reads workspaces out of commits. Remembers what it read: contents never change under their id. */
export class SnapshotReader {
  readonly #parsed = new Map<string, Parsed>();

  constructor(private readonly repository: Repository) {}

  /**
   * @param preferred path of each flow before: where two files hold one flow, that one is it
   */
  async read(commit: string, workspace: string, preferred: ReadonlyMap<string, GitFlow>): Promise<Snapshot> {
    const files = await this.repository.files(commit, workspace);
    const names = await this.projectNames(workspace, files);
    const parsed = new Map<string, Parsed>();
    const flowFiles = files.filter(({ path }) => placeOf(workspace, path).kind === "flow");
    await eachOf(flowFiles, async (file) => void parsed.set(file.path, await this.parse(file)));
    const flows = new Map<string, GitFlow>();
    const problems: Problem[] = [];
    for (const file of files) {
      const place = placeOf(workspace, file.path);
      const read = parsed.get(file.path);
      if (place.kind === "other" && file.path.endsWith(".json"))
        problems.push({ path: file.path, reason: "lies deeper than a project's folder" });
      if (place.kind !== "flow" || !read) continue;
      if ("problem" in read) {
        problems.push({ path: file.path, reason: read.problem });
        continue;
      }
      const { id, ...version } = read;
      const project = place.folder === undefined ? undefined : (names.get(place.folder) ?? place.folder);
      const flow: GitFlow = { ...version, ...(project !== undefined && { project }), path: file.path, blob: file.blob };
      const rival = flows.get(id);
      const [kept, other] = !rival || preferred.get(id)?.path === file.path ? [flow, rival] : [rival, flow];
      flows.set(id, kept);
      if (other) problems.push({ path: other.path, reason: `holds the same flow id as ${kept.path}` });
    }
    return {
      flows,
      problems,
      folders: new Map([...names].map(([folder, name]) => [name, folder])),
      taken: new Set(files.map(({ path }) => path.toLowerCase())),
    };
  }

  /** Forgets all but what these snapshots hold. */
  keepOnly(snapshots: readonly Snapshot[]): void {
    const used = new Set(snapshots.flatMap(({ flows }) => [...flows.values()].map(({ blob }) => blob)));
    for (const [blob, parsed] of this.#parsed) if (!used.has(blob) && !("problem" in parsed)) this.#parsed.delete(blob);
  }

  private async parse({ blob, size, plain }: TreeFile): Promise<Parsed> {
    if (!plain) return { problem: "is no plain file" };
    if (size > FLOW_BYTES_MAX) return { problem: `has ${size} bytes, ${FLOW_BYTES_MAX} are allowed` };
    const known = this.#parsed.get(blob);
    if (known) return known;
    let parsed: Parsed;
    try {
      const contents = await this.repository.read(blob);
      const { id, name, endpointName, fingerprint, text } = readFlowFile(contents);
      const untidy = !contents.equals(Buffer.from(text));
      parsed = { id, name, ...(endpointName && { endpointName }), fingerprint, ...(untidy && { untidy }) };
    } catch (error) {
      if (!(error instanceof NotAFlow)) throw error;
      parsed = { problem: error.message };
    }
    this.#parsed.set(blob, parsed);
    return parsed;
  }

  private async projectNames(workspace: string, files: readonly TreeFile[]): Promise<Map<string, string>> {
    const names = new Map<string, string>();
    for (const file of files) {
      const place = placeOf(workspace, file.path);
      if (place.kind === "flow" && place.folder !== undefined && !names.has(place.folder))
        names.set(place.folder, place.folder);
      if (place.kind !== "project" || !file.plain || file.size > 4096) continue;
      try {
        const { name } = parse((await this.repository.read(file.blob)).toString("utf8"), { maxAliasCount: 0 }) ?? {};
        if (typeof name === "string" && name.trim() !== "") names.set(place.folder, name);
      } catch {
        // The folder's own name will do.
      }
    }
    return names;
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
    const folder = projectFolder(project, new Set([...this.#folders.values()].map((each) => each.toLowerCase())));
    this.#folders.set(project, folder);
    if (folder !== project)
      this.projectFiles.set(projectFilePath(this.workspace, folder), stringify({ name: project }));
    return folder;
  }
}
