import { NotAFlow, readFlowFile } from "../flows/flowFile";
import { meaningOf } from "../flows/layout";
import { USER_FILE, USER_FILE_BYTES_MAX, userIn } from "../flows/userFolder";
import { groupsOf } from "../groups";
import type { Repository, TreeFile } from "./repository";

/** What a commit has at its top. */
export interface Top {
  readonly folders: readonly TopFolder[];
  /** Names of files and folders, in lower case. */
  readonly taken: ReadonlySet<string>;
}

/** A folder at the top of a commit. */
export interface TopFolder {
  readonly name: string;
  /** Id of the user that the file in it names. */
  readonly userId?: string;
  /** Contents of the flows in it. */
  readonly flows: readonly string[];
}

export const NOTHING: Top = { folders: [], taken: new Set() };

/** Reads whose folders a commit has. What an unchanged commit or file says is remembered. */
export class TopFolderReader {
  #last: { readonly commit: string; readonly top: Top } | undefined;
  #users = new Map<string, string | undefined>();
  #ids = new Map<string, string | undefined>();

  constructor(private readonly repository: Pick<Repository, "files" | "read">) {}

  /** @throws GitUnreachable, BlobUnread */
  async read(commit: string): Promise<Top> {
    if (this.#last?.commit === commit) return this.#last.top;
    const files = await this.repository.files(commit);
    const folders = groupsOf(
      files.filter(({ path }) => path.includes("/")),
      ({ path }) => atTop(path),
    );
    const users = new Map<string, string | undefined>();
    const top: TopFolder[] = [];
    for (const [name, files] of folders) {
      const userId = await this.userId(name, files, users);
      const flows = files.filter(({ path, plain }) => plain && meaningOf(name, path).kind === "flow");
      top.push({ name, flows: flows.map(({ blob }) => blob), ...(userId !== undefined && { userId }) });
    }
    this.#users = users;
    const flows = new Set(top.flatMap((folder) => folder.flows));
    for (const blob of this.#ids.keys()) if (!flows.has(blob)) this.#ids.delete(blob);
    const taken = new Set(files.map(({ path }) => atTop(path).toLowerCase()));
    this.#last = { commit, top: { folders: top, taken } };
    return this.#last.top;
  }

  /**
   * Ids of the flows in a folder.
   *
   * @throws GitUnreachable, BlobUnread
   */
  async flowIds({ flows }: TopFolder): Promise<readonly string[]> {
    const ids = new Set<string>();
    for (const blob of flows) {
      if (!this.#ids.has(blob)) this.#ids.set(blob, flowId(await this.repository.read(blob)));
      const id = this.#ids.get(blob);
      if (id !== undefined) ids.add(id);
    }
    return [...ids];
  }

  private async userId(
    folder: string,
    files: readonly TreeFile[],
    users: Map<string, string | undefined>,
  ): Promise<string | undefined> {
    const file = files.find(({ path }) => path === `${folder}/${USER_FILE}`);
    if (!file?.plain || file.size > USER_FILE_BYTES_MAX) return undefined;
    const { blob } = file;
    users.set(blob, this.#users.has(blob) ? this.#users.get(blob) : userIn(await this.repository.read(blob)));
    return users.get(blob);
  }
}

const atTop = (path: string): string => path.split("/", 1)[0] ?? "";

function flowId(contents: Buffer): string | undefined {
  try {
    return readFlowFile(contents).id;
  } catch (error) {
    if (!(error instanceof NotAFlow)) throw error;
    return undefined;
  }
}
