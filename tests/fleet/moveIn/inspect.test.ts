import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type StatsFs,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import promises from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Database } from "node-sqlite3-wasm";
import { moveInFindings } from "../../../fleet/moveIn/findings";
import { type Inspection, inspect } from "../../../fleet/moveIn/inspect";
import type { Inventory } from "../../../fleet/moveIn/inventory";
import { releaseOf } from "../../../fleet/moveIn/releases";
import { legacySecret } from "../../../formats/encryption/legacySecretKey";
import { SecretKey } from "../../../formats/encryption/secretKey";
import { ExitCode } from "../../../model/errors";
import { contentsOf, recordedLangFlow, SECRET_KEY, SECRETS, TOKEN } from "./recordedLangFlow";

const folders: string[] = [];
const { TMPDIR } = process.env;
/** Temporary folder that only these tests use for copies. */
let temporary: string;
beforeAll(() => {
  temporary = emptyFolder();
  process.env.TMPDIR = temporary;
});
afterAll(() => {
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function recorded(also?: readonly string[]): string {
  const folder = recordedLangFlow(also);
  folders.push(folder);
  return folder;
}

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "empty-"));
  folders.push(folder);
  return folder;
}

const look = (from: string, given: Partial<Inspection> = {}): Promise<Inventory> =>
  inspect({ from, config: undefined, environment: {}, signal: new AbortController().signal, ...given });

/** Returns the findings by subject. */
const findingsOf = (inventory: Inventory) => new Map(moveInFindings(inventory).map((each) => [each.what, each]));

/** Returns the names of copies that were not deleted. */
const copies = () => readdirSync(temporary).filter((name) => name.startsWith("move-in-"));

describe("a SQLite file of LangFlow 1.7.2", () => {
  it("has rows that would mean something else without their parent row, and shortens names of any length", async () => {
    const folder = recorded([
      "CREATE TABLE connection (id CHAR(32) PRIMARY KEY, owner_id CHAR(32) REFERENCES user (id), name VARCHAR)",
      `INSERT INTO connection VALUES ('${"a".repeat(32)}', '${"f".repeat(32)}', 'mail')`,
      `UPDATE flow SET user_id = NULL, name = printf('%.*c', 20000, 'n') WHERE name = 'Plain'`,
    ]);
    const found = findingsOf(await look(folder));
    expect(found.get("rows without their parent row")?.which).toContain("connection: 1 without their parent in user");
    expect(found.get("flows without an owner")?.which).toEqual([`${"n".repeat(200)}…`]);
  });

  let folder: string;
  let inventory: Inventory;
  let before: ReturnType<typeof contentsOf>;
  beforeAll(async () => {
    folder = recorded();
    before = contentsOf(folder);
    inventory = await look(folder);
  });

  it("is unchanged after an inspection, and no copy remains", () => {
    expect(contentsOf(folder)).toEqual(before);
    expect(copies()).toEqual([]);
  });

  it("is counted by kind of item, with starter flows counted separately", () => {
    expect(releaseOf(inventory)).toEqual({ said: "of series 1.7 (revision 182e5471b900)", standing: "older" });
    expect(inventory).toMatchObject({
      source: { kind: "SQLite file", place: join(folder, "langflow.db") },
      projects: 4,
      starters: 2,
      variables: { credential: 1, generic: 1 },
      apiKeys: 1,
      messages: { count: 1, bytes: 5 },
      files: { count: 1, bytes: 11, missing: [] },
      schedules: undefined,
      ciphertexts: { secretKey: "given", count: 2, unreadable: [] },
    });
    expect(inventory.users?.map(({ name, isActive, isSuperuser }) => [name, isActive, isSuperuser])).toEqual([
      ["admin", true, true],
      ["bea", true, false],
      ["Bea", true, false],
      ["cem", false, false],
    ]);
    expect(inventory.flows.map(({ name }) => name).sort()).toEqual([
      "Plain",
      "Reads a file",
      "With a token",
      "With code of its own",
    ]);
  });

  it("yields findings about duplicate users and about flows with tokens, local paths or custom code", () => {
    const findings = findingsOf(inventory);
    expect([...findings.keys()]).toEqual([
      "users with the same name",
      "flows with a likely secret",
      "flows that refer to a local file",
      "flows with custom components",
    ]);
    expect(findings.get("users with the same name")?.which).toEqual(["bea / Bea"]);
    const which = [...findings.values()].slice(1).map((finding) => finding.which.map((each) => each.split(":")[0]));
    expect(which).toEqual([["With a token (bea)"], ["Reads a file (Bea)"], ["With code of its own (cem)"]]);
  });

  it("has none of its secrets in the output", () => {
    const said = JSON.stringify([inventory, moveInFindings(inventory)]);
    expect([...SECRETS, TOKEN].filter((secret) => said.includes(secret))).toEqual([]);
  });

  it("can be specified as a file, as a LangFlow database URL, or by an environment variable", async () => {
    const file = join(folder, "langflow.db");
    for (const from of [file, `sqlite:///${file}`, "env:WHERE"])
      expect(await look(from, { environment: { WHERE: file } })).toEqual(inventory);
  });
});

describe("secrets", () => {
  const wrong = Buffer.alloc(32, 7).toString("base64url");

  it.each([
    ["another key", { LANGFLOW_SECRET_KEY: wrong }, "given"],
    ["a short key", { LANGFLOW_SECRET_KEY: "short" }, "given"],
    ["no key", {}, "none"],
  ])("are not migrated with %s, and each is reported by name", async (_, environment, secretKey) => {
    const folder = recorded();
    unlinkSync(join(folder, "secret_key"));
    const inventory = await look(folder, { environment });
    expect(inventory.ciphertexts).toEqual({
      secretKey,
      count: 2,
      opened: 0,
      unreadable: ["variable OPENAI_API_KEY (bea)", "variable GREETING (Bea)"],
    });
    expect(findingsOf(inventory).get("secrets")).toMatchObject({ result: "stays", count: 2 });
  });

  it("are decrypted if the key is short, whichever of LangFlow's two key derivations encrypted them", async () => {
    const secret = "short";
    const [now, before] = [secret, legacySecret(secret) ?? ""].map((each) =>
      new SecretKey(each, "a key").encrypt("word"),
    );
    const folder = recorded([
      `UPDATE variable SET value = '${now}' WHERE name = 'GREETING'`,
      `UPDATE variable SET value = '${before}' WHERE name <> 'GREETING'`,
    ]);
    const { ciphertexts } = await look(folder, { environment: { LANGFLOW_SECRET_KEY: secret } });
    expect(ciphertexts).toEqual({ secretKey: "given", count: 2, opened: 2, unreadable: [] });
  });

  it("are decrypted with a key from the environment if the folder has no key", async () => {
    const folder = recorded();
    unlinkSync(join(folder, "secret_key"));
    const { ciphertexts } = await look(folder, { environment: { LANGFLOW_SECRET_KEY: SECRET_KEY } });
    expect(ciphertexts?.unreadable).toEqual([]);
  });

  it("cause exit code 2 if the key is invalid, and the error does not repeat the key", async () => {
    const environment = { LANGFLOW_SECRET_KEY: "x".repeat(40) };
    await expect(look(recorded(), { environment })).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(/^LANGFLOW_SECRET_KEY is not a secret key(?!.*xxx)/),
    });
  });
});

describe("an unusual source database", () => {
  it("is read including its write-ahead log, even while LangFlow has the database open", async () => {
    const folder = recorded();
    const file = join(folder, "langflow.db");
    const writing = new Database(file);
    try {
      writing.exec(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; UPDATE flow SET name = 'Renamed' WHERE name = 'Plain'",
      );
      const before = contentsOf(folder);
      expect(Object.keys(before)).toContain("langflow.db-wal");
      expect((await look(file)).flows.map(({ name }) => name)).toContain("Renamed");
      expect(contentsOf(folder)).toEqual(before);
    } finally {
      writing.close();
    }
  });

  it.each([
    [2, "is read again until the copy is consistent"],
    [3, "is rejected because no copy is consistent"],
  ])("that changes during the copy, %i times, %s", async (times) => {
    const file = join(recorded(), "langflow.db");
    const { copyFile } = promises;
    let passes = 0;
    const spy = jest.spyOn(promises, "copyFile").mockImplementation(async (...given) => {
      await copyFile(...given);
      if (given[0] !== file) return;
      passes += 1;
      if (passes <= times) writeFileSync(`${file}-wal`, "x".repeat(passes));
    });
    try {
      const looked = look(file);
      if (times < 3) expect((await looked).flows).toHaveLength(4);
      else
        await expect(looked).rejects.toMatchObject({
          exitCode: ExitCode.BadInput,
          message: expect.stringMatching(/ changed during each of 3 attempts to read it: stop its LangFlow/),
        });
    } finally {
      spy.mockRestore();
    }
    expect(copies()).toEqual([]);
  });

  it("is not copied without enough disk space, and nothing is written", async () => {
    const folder = recorded();
    const spy = jest.spyOn(promises, "statfs").mockImplementation(async () => ({ bavail: 0, bsize: 4096 }) as StatsFs);
    const copied = jest.spyOn(promises, "copyFile");
    await expect(look(folder)).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(
        /^a temporary copy needs 1 MiB, and .* has 0 MiB free: free some space, or set TMPDIR/,
      ),
    });
    expect(copied).not.toHaveBeenCalled();
    for (const each of [spy, copied]) each.mockRestore();
  });

  it("has the knowledge bases in LangFlow's folder listed as left behind, and those in other folders mentioned", async () => {
    const folder = recorded();
    expect((await look(folder)).unseen).toEqual([expect.stringMatching(/^knowledge bases: /)]);
    for (const base of ["bea/one", "bea/two", "cem/three"])
      mkdirSync(join(folder, "knowledge_bases", base), { recursive: true });
    const inventory = await look(folder);
    expect(inventory).toMatchObject({ knowledgeBases: 3, unseen: [] });
    const [stays] = moveInFindings(inventory).filter(({ what }) => what === "knowledge bases");
    expect([stays?.result, stays?.which]).toEqual(["stays", ["one (bea)", "three (cem)", "two (bea)"]]);
  });

  it("leaves no temporary copy behind if the user interrupts the inspection, which exits with code 8", async () => {
    const end = new AbortController();
    const looked = look(recorded(), { signal: end.signal });
    end.abort();
    await expect(looked).rejects.toMatchObject({ exitCode: ExitCode.Cancelled });
    expect(copies()).toEqual([]);
  });

  it("yields no counts for missing tables and columns", async () => {
    const folder = recorded(["DROP TABLE message; DROP TABLE file; DROP TABLE variable; DROP TABLE alembic_version"]);
    const { messages, files, variables, revisions, flows } = await look(folder);
    expect({ messages, files, variables, revisions }).toEqual({ revisions: [] });
    expect(flows).toHaveLength(4);
  });

  it("yields findings about rows that are not migrated and tables that LangFlow does not have", async () => {
    const folder = recorded([
      "CREATE TABLE own (a); INSERT INTO own VALUES (1), (2)",
      "CREATE TABLE span (a); INSERT INTO span VALUES (1)",
    ]);
    const findings = findingsOf(await look(folder));
    expect(findings.get("rows of unknown tables")).toMatchObject({ count: 2, which: ["own (2)"] });
    expect(findings.get("rows of runs and logs")).toMatchObject({ count: 1, which: ["span (1)"] });
  });

  it("does not count a user's flow as a starter flow, even in the folder of starter flows", async () => {
    const folder = recorded([
      "UPDATE flow SET folder_id = (SELECT id FROM folder WHERE user_id IS NULL) WHERE name = 'Plain'",
    ]);
    const { flows, starters } = await look(folder);
    expect([flows.length, starters]).toEqual([4, 2]);
  });

  it("yields findings about missing files, flows without a user, and flows that are too large", async () => {
    const folder = recorded([
      "UPDATE file SET path = '../' || path",
      "UPDATE flow SET user_id = NULL WHERE name = 'Plain'",
      "UPDATE flow SET data = '{' WHERE name = 'Reads a file'",
      `UPDATE flow SET data = '"' || hex(zeroblob(10485761)) || '"' WHERE name = 'With a token'`,
    ]);
    const findings = findingsOf(await look(folder));
    expect(findings.get("missing files")).toMatchObject({ count: 1 });
    expect(findings.get("flows without an owner")).toMatchObject({ which: ["Plain"] });
    expect(findings.get("flows that cannot be recorded")?.which.toSorted()).toEqual([
      "Reads a file (Bea): contains invalid JSON",
      "With a token (bea): has 20971524 bytes, 20971520 are allowed",
    ]);
  });
});

describe("an inspection fails with one sentence that names the problem, the source and the fix", () => {
  const sentence = (said: RegExp) => ({ exitCode: ExitCode.BadInput, message: expect.stringMatching(said) });

  it("if the path does not exist", async () => {
    await expect(look("/nowhere/langflow.db")).rejects.toMatchObject(
      sentence(/^\/nowhere\/langflow\.db does not exist, or permission was denied: pass /),
    );
  });

  it("if a folder contains neither a database nor a flow", async () => {
    await expect(look(emptyFolder())).rejects.toMatchObject(
      sentence(/ contains neither langflow\.db nor a flow .*: pass /),
    );
  });

  it("if LangFlow's folder has no database, but accepts the database and the folder separately", async () => {
    const folder = recorded();
    const file = join(emptyFolder(), "elsewhere.db");
    renameSync(join(folder, "langflow.db"), file);
    await expect(look(folder)).rejects.toMatchObject(
      sentence(/ is a LangFlow config folder without a database: pass /),
    );
    expect(await look(file, { config: folder })).toMatchObject({
      files: { missing: [] },
      ciphertexts: { unreadable: [] },
    });
  });

  it("if the file is empty or not a SQLite file", async () => {
    const file = join(emptyFolder(), "langflow.db");
    for (const contents of ["", "something else altogether"]) {
      writeFileSync(file, contents);
      await expect(look(file)).rejects.toMatchObject(sentence(/langflow\.db is not a SQLite file: pass /));
    }
  });

  it("if the SQLite file is truncated", async () => {
    const file = join(emptyFolder(), "langflow.db");

    writeFileSync(file, readFileSync(join(recorded(), "langflow.db")).subarray(0, 20_000));
    await expect(look(file)).rejects.toMatchObject(sentence(/cannot be read as a SQLite database \(.+\): pass /));
    expect(copies()).toEqual([]);
  });

  it("if the database belongs to a different program", async () => {
    const file = join(emptyFolder(), "other.db");
    const database = new Database(file);
    database.exec("CREATE TABLE flow (id)");
    database.close();
    await expect(look(file)).rejects.toMatchObject(sentence(/other\.db is not a LangFlow database: .*; pass /));
  });

  it("if a PostgreSQL URL is invalid or contains a password, without repeating the password", async () => {
    const url = "postgresql://langflow:sesame@db.test/langflow";
    await expect(look(url)).rejects.toMatchObject(
      sentence(/^the URL of --from contains a password(?!.*sesame).*: omit it /),
    );
    await expect(look("postgresql://db.test")).rejects.toMatchObject(
      sentence(/^the database URL must name a host and a database$/),
    );
  });

  it("if PostgreSQL does not respond, with exit code 10", async () => {
    const environment = { WHERE: "postgresql://langflow:sesame@127.0.0.1:9/langflow" };
    await expect(look("env:WHERE", { environment })).rejects.toMatchObject({
      exitCode: ExitCode.Unreachable,
      message: expect.stringMatching(/^the database 127\.0\.0\.1:9\/langflow does not answer(?!.*sesame)/),
    });
  });

  it("if the environment variable is not set, or LangFlow's folder does not exist", async () => {
    await expect(look("env:WHERE")).rejects.toMatchObject(
      sentence(/^--from refers to the variable WHERE, which is not set: export it/),
    );
    await expect(look(recorded(), { config: "/nowhere" })).rejects.toMatchObject(
      sentence(/^\/nowhere is not a folder: pass /),
    );
  });
});
