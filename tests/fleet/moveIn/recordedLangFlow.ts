import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { Database } from "node-sqlite3-wasm";

/** Under which LangFlow encrypted what is in the recorded database. */
export const SECRET_KEY = "OLt-sS0ZjKp_pGws-EIjLbkBLwJBDi8dF_xOpoBDXTs";
/** What nobody may be shown: values of the recorded database, and the key. */
export const SECRETS = [SECRET_KEY, "not-a-key", "sk-fixture", "gAAAAA", "$2b$"];
/** In the shape of a token; made anew, as the repository must not hold one. */
export const TOKEN = `ghp_${"q8Z3rT6vK1mW9xY2bN5cJ7dL4fH0gP8sA3eU"}`;

/**
 * What langflow-base 0.7.2 (LangFlow 1.7.2) left, as its config folder: the users admin, bea, Bea and cem, who is not active; a flow with
 * a token, one that names a file, one with code of its own, and a plain one.
 *
 * @param also SQL that is run on the database, before it is closed
 */
export function recordedLangFlow(also: readonly string[] = []): string {
  const folder = mkdtempSync(join(tmpdir(), "recorded-"));
  const recorded = readFileSync(join(__dirname, "langflow-1.7.2.sql"), "utf8").replaceAll("@@TOKEN@@", TOKEN);
  const database = new Database(join(folder, "langflow.db"));
  // Rows come table by table, before those that they refer to.
  for (const sql of ["PRAGMA foreign_keys = OFF", recorded]) database.exec(sql);
  const [{ path = "" } = {}] = database.all("SELECT path FROM file") as { path?: string }[];
  for (const sql of also) database.exec(sql);
  database.close();
  writeFileSync(join(folder, "secret_key"), SECRET_KEY, { mode: 0o600 });
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), "some notes\n");
  return folder;
}

/** Each file and folder below one, with its contents and when it was last written. */
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
