import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { Database } from "node-sqlite3-wasm";

/** Key that encrypts the secrets in the recorded database. */
export const SECRET_KEY = "OLt-sS0ZjKp_pGws-EIjLbkBLwJBDi8dF_xOpoBDXTs";
/** Values that must never be printed: secrets of the recorded database, and their key. */
export const SECRETS = [SECRET_KEY, "not-a-key", "sk-fixture", "gAAAAA", "$2b$"];
/** A text in the shape of a GitHub token. It is concatenated because the repository must not contain tokens. */
export const TOKEN = `ghp_${"q8Z3rT6vK1mW9xY2bN5cJ7dL4fH0gP8sA3eU"}`;

/**
 * Creates the config folder of langflow-base 0.7.2 (LangFlow 1.7.2) with the users admin, bea, Bea and the inactive
 * cem. One flow has a token, one names a local file, one has custom code, and one is plain.
 *
 * @param also SQL statements to run on the database before it is closed
 */
export function recordedLangFlow(also: readonly string[] = []): string {
  const folder = mkdtempSync(join(tmpdir(), "recorded-"));
  const recorded = readFileSync(join(__dirname, "langflow-1.7.2.sql"), "utf8").replaceAll("@@TOKEN@@", TOKEN);
  const database = new Database(join(folder, "langflow.db"));
  // The dump lists rows by table, some of them before the rows that they refer to.
  for (const sql of ["PRAGMA foreign_keys = OFF", recorded]) database.exec(sql);
  const [{ path = "" } = {}] = database.all("SELECT path FROM file") as { path?: string }[];
  for (const sql of also) database.exec(sql);
  database.close();
  writeFileSync(join(folder, "secret_key"), SECRET_KEY, { mode: 0o600 });
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), "some notes\n");
  return folder;
}

/** Returns the contents and the modification time of every file and folder in this folder, by relative path. */
export function contentsOf(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const held = entry.isFile() ? readFileSync(path).toString("base64") : "";
      return [relative(folder, path), `${statSync(path).mtimeMs} ${held}`];
    }),
  );
}
