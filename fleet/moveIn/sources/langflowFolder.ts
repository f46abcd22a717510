import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";

/** The names that LangFlow gives in its config folder (LANGFLOW_CONFIG_DIR). */
const DATABASE = "langflow.db";
const SECRET_KEY = "secret_key";
const KNOWLEDGE_BASES = "knowledge_bases";
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** LangFlow's config folder, looked at alone. */
export class LangFlowFolder {
  constructor(readonly path: string) {}

  /** Path of the database in it; undefined where LangFlow keeps it elsewhere. */
  database(): string | undefined {
    const file = join(this.path, DATABASE);
    return existsSync(file) ? file : undefined;
  }

  /**
   * The secret key that LangFlow made for itself, or was given once; undefined where there is none.
   *
   * @throws UserError (BadInput) where it must not be read
   */
  secretKey(): string | undefined {
    const file = join(this.path, SECRET_KEY);
    if (!existsSync(file)) return undefined;
    try {
      return readFileSync(file, "utf8").trim() || undefined;
    } catch (error) {
      throw new UserError(
        `${file} cannot be read (${(error as NodeJS.ErrnoException).code}): change who may read it, or give the key in LANGFLOW_SECRET_KEY`,
        ExitCode.BadInput,
      );
    }
  }

  /** @param path as the database has it: a user's or a flow's id, and a name */
  hasFile(path: string): boolean {
    const file = resolve(this.path, path);
    return file.startsWith(resolve(this.path) + sep) && isA(file, "file");
  }

  /** Ids of users and flows that have a folder of files. */
  async owners(): Promise<string[]> {
    const entries = await readdir(this.path, { withFileTypes: true });
    return entries.flatMap((each) => (each.isDirectory() && UUID.test(each.name) ? [each.name] : [])).sort();
  }

  /** Paths below the folder of a user or flow; of files alone, as a link may lead out of it. */
  async filesOf(id: string): Promise<string[]> {
    const folder = join(this.path, id);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((each) => each.isFile())
      .map((each) => relative(folder, join(each.parentPath, each.name)).replaceAll(sep, "/"))
      .sort();
  }

  /** Each is a folder in that of its user; undefined where LangFlow keeps them elsewhere. */
  knowledgeBases(): number | undefined {
    const all = join(this.path, KNOWLEDGE_BASES);
    if (!isA(all, "folder")) return undefined;
    const users = foldersIn(all);
    return users.reduce((sum, user) => sum + foldersIn(user).length, 0);
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
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => isA(path, "folder"));
}
