import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join, relative, resolve, sep } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";

/** Names that LangFlow uses in its config folder (LANGFLOW_CONFIG_DIR). */
const DATABASE = "langflow.db";
const SECRET_KEY = "secret_key";
const KNOWLEDGE_BASES = "knowledge_bases";
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Read-only access to LangFlow's config folder. */
export class LangFlowFolder {
  constructor(readonly path: string) {}

  /** Returns the path of the database, or undefined if LangFlow stores it elsewhere. */
  database(): string | undefined {
    const file = join(this.path, DATABASE);
    return existsSync(file) ? file : undefined;
  }

  /**
   * Returns the secret key that LangFlow generated or was once given, or undefined if the file does not exist.
   *
   * @throws UserError (BadInput) if the file cannot be read
   */
  secretKey(): string | undefined {
    const file = join(this.path, SECRET_KEY);
    if (!existsSync(file)) return undefined;
    try {
      return readFileSync(file, "utf8").trim() || undefined;
    } catch (error) {
      throw new UserError(
        `${file} cannot be read (${(error as NodeJS.ErrnoException).code}): change its permissions, or set the key in LANGFLOW_SECRET_KEY`,
        ExitCode.BadInput,
      );
    }
  }

  /** @param path path as stored in the database: the id of a user or flow, and a file name */
  hasFile(path: string): boolean {
    const [id = "", ...rest] = path.split("/");
    const file = resolve(this.path, new Map(this.owners()).get(id) ?? id, ...rest);
    return file.startsWith(resolve(this.path) + sep) && isA(file, "file");
  }

  /**
   * Returns the users and flows that have a folder of files: the id as LangFlow writes it, and the folder's name, which
   * may have capital letters. A folder in lower case comes after any other of its id.
   *
   * @throws UserError (BadInput) if the folder cannot be read
   */
  owners(): readonly (readonly [id: string, name: string])[] {
    this.#owners ??= entriesIn(this.path)
      .flatMap((each) => (each.isDirectory() && UUID.test(each.name) ? [each.name] : []))
      .sort()
      .map((name) => [name.toLowerCase(), name] as const);
    return this.#owners;
  }

  #owners: readonly (readonly [id: string, name: string])[] | undefined;

  /**
   * Returns the paths of regular files below a folder of {@link owners}. Excludes links, which may lead out of the
   * folder.
   */
  async filesOf(name: string): Promise<string[]> {
    const folder = join(this.path, name);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((each) => each.isFile())
      .map((each) => relative(folder, join(each.parentPath, each.name)).replaceAll(sep, "/"))
      .sort();
  }

  /**
   * Returns the names of the knowledge bases, each of which is a folder inside its user's folder. Returns undefined if
   * LangFlow stores them elsewhere.
   */
  knowledgeBases(): string[] | undefined {
    const all = join(this.path, KNOWLEDGE_BASES);
    if (!isA(all, "folder")) return undefined;
    return foldersIn(all)
      .flatMap((user) => foldersIn(user).map((base) => `${basename(base)} (${basename(user)})`))
      .sort();
  }
}

export function isA(path: string, kind: "file" | "folder"): boolean {
  try {
    const found = statSync(path);
    return kind === "file" ? found.isFile() : found.isDirectory();
  } catch {
    return false;
  }
}

function foldersIn(folder: string): string[] {
  return entriesIn(folder)
    .map(({ name }) => join(folder, name))
    .filter((path) => isA(path, "folder"));
}

function entriesIn(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw new UserError(
      `${folder} cannot be read (${(error as NodeJS.ErrnoException).code}): run this as the folder's owner, or pass a copy`,
      ExitCode.BadInput,
    );
  }
}
