import { copyFileSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Database } from "node-sqlite3-wasm";
import { moveInFindings } from "../../../fleet/moveIn/findings";
import { inspect } from "../../../fleet/moveIn/inspect";
import { ExitCode } from "../../../model/errors";
import { recordedLangFlow } from "./recordedLangFlow";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function broken(...sql: string[]): string {
  const folder = recordedLangFlow(sql);
  folders.push(folder);
  return folder;
}

const look = (from: string) =>
  inspect({ from, config: undefined, environment: {}, signal: new AbortController().signal });

/** Returns the findings that stop an import of this source, by subject. */
async function stopsOf(from: string, leavesDamaged = false) {
  const stops = moveInFindings(await look(from), leavesDamaged).filter(({ result }) => result === "stops");
  // The recorded LangFlow has this finding.
  return Object.fromEntries(
    stops.filter(({ what }) => what !== "users with the same name").map((each) => [each.what, each]),
  );
}

describe("a source row", () => {
  it.each([
    [
      "a date in words",
      "UPDATE user SET create_at = 'yesterday' WHERE username = 'bea'",
      "user bea: create_at is not a date",
    ],
    [
      "a date as a number",
      "UPDATE user SET last_login_at = 1764000000 WHERE username = 'bea'",
      "user bea: last_login_at is not a date",
    ],
    [
      "a date that does not exist",
      "UPDATE flow SET updated_at = '2026-02-31 10:00:00' WHERE name = 'Plain'",
      "flow Plain (bea): updated_at is not a date",
    ],
    ["an empty date", "UPDATE apikey SET created_at = ''", "apikey a script (bea): created_at is not a date"],
    [
      "truncated JSON",
      `UPDATE flow SET data = substr(data, 1, 100) WHERE name = 'Plain'`,
      "flow Plain (bea): data is not JSON",
    ],
    [
      "a Python literal instead of JSON",
      `UPDATE user SET optins = '{''a'': True}' WHERE username = 'cem'`,
      "user cem: optins is not JSON",
    ],
    [
      "JSON as bytes",
      "UPDATE message SET files = x'5b5d'",
      "message aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: files is not JSON",
    ],
    [
      "an id in an invalid format",
      "UPDATE variable SET id = 'one' WHERE name = 'GREETING'",
      "variable GREETING (Bea): id is not an id",
    ],
    [
      "an owner that is not an id",
      "UPDATE flow SET user_id = 'bea' WHERE name = 'Plain'",
      "flow Plain: user_id is not an id",
    ],
    [
      "a word instead of a boolean",
      "UPDATE user SET is_active = 'maybe' WHERE username = 'bea'",
      "user bea: is_active is not a boolean",
    ],
    ["a word instead of a number", "UPDATE file SET size = 'large'", "file notes (bea): size is not a 32-bit integer"],
    [
      "a number that is too large for PostgreSQL",
      "UPDATE file SET size = 3000000000",
      "file notes (bea): size is not a 32-bit integer",
    ],
    [
      "a date in the year 0",
      "UPDATE user SET last_login_at = '0000-01-01 00:00:00' WHERE username = 'bea'",
      "user bea: last_login_at is not a date",
    ],
    [
      "JSON with a comment",
      `UPDATE message SET properties = '{"a": 1 /* NaN */}'`,
      "message aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: properties is not JSON",
    ],
    [
      "an id as bytes",
      "UPDATE flow SET id = x'00112233445566778899aabbccddeeff' WHERE name = 'Plain'",
      "flow Plain (bea): id is not an id",
    ],
  ])("stops the import if it contains %s, and the finding names its table, user and column", async (_, sql, line) => {
    const folder = broken(sql);
    expect((await stopsOf(folder))["damaged rows"]).toMatchObject({ count: 1, which: [line] });
    expect(await stopsOf(folder, true)).toEqual({});
  });

  it("stops the import if it has another row's id, written in a different way, and the finding names both rows", async () => {
    const folder = broken(
      `UPDATE user SET id = (SELECT upper(substr(id, 1, 8) || '-' || substr(id, 9)) FROM user WHERE username = 'bea') WHERE username = 'cem'`,
    );
    expect((await stopsOf(folder))["damaged rows"]?.which.toSorted()).toEqual([
      "user bea: id is not a unique id",
      "user cem: id is not a unique id",
    ]);
  });

  it.each([
    [
      "dates with a time zone, without a time, or with fractions of a second",
      "UPDATE user SET create_at = '2026-11-28T01:21:38.123456+02:00', updated_at = '2026-11-28', last_login_at = '2026-11-28 19:21:38.1'",
    ],
    ["ids with hyphens", "UPDATE message SET id = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'"],
    [
      "numbers such as NaN that Python writes but JSON does not allow",
      `UPDATE message SET properties = '{"a": NaN, "b": [-Infinity]}'`,
    ],
    [
      "JSON that is a number, or a JSON text that contains NaN",
      `UPDATE user SET optins = 5; UPDATE message SET files = '["NaN"]'`,
    ],
  ])("does not stop the import if it contains %s", async (_, sql) => {
    expect(await stopsOf(broken(sql))).toEqual({});
  });
});

/** Overwrites a page of the table except its header. */
function spoilPage(file: string, table: string): void {
  const database = new Database(file);
  const [{ rootpage = 0, size = 0 } = {}] = database.all(
    `SELECT rootpage, (SELECT page_size FROM pragma_page_size()) AS size FROM sqlite_master WHERE name = '${table}'`,
  ) as { rootpage?: number; size?: number }[];
  database.close();
  writeSync(openSync(file, "r+"), Buffer.alloc(size - 8, 0xff), 0, size - 8, (rootpage - 1) * size + 8);
}

describe("a damaged database file", () => {
  it.each(["apikey", "variable"])(
    "with a damaged page of %s is rejected, even if all other data is readable",
    async (table) => {
      const folder = broken();
      spoilPage(join(folder, "langflow.db"), table);
      await expect(look(folder)).rejects.toMatchObject({
        exitCode: ExitCode.BadInput,
        message: expect.stringMatching(
          new RegExp(`langflow\\.db is damaged in ${table} \\(PRAGMA quick_check\\)\\. Restore it .*\\.recover`),
        ),
      });
    },
  );

  it("with an index that lacks rows is rejected", async () => {
    const folder = broken("PRAGMA writable_schema = ON", "CREATE INDEX ix_spoiled ON variable (name)");
    const file = join(folder, "langflow.db");
    const database = new Database(file);
    database.exec(
      "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'ix_apikey_name') WHERE name = 'ix_spoiled'",
    );
    database.close();
    await expect(look(folder)).rejects.toMatchObject({ exitCode: ExitCode.BadInput });
  });
});

describe("a database without its write-ahead log", () => {
  it("is reported with the time of its newest change", async () => {
    const source = broken();
    const file = join(source, "langflow.db");
    const writing = new Database(file);
    writing.exec(
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; UPDATE flow SET name = 'Newest' WHERE name = 'Plain'",
    );
    const copy = mkdtempSync(join(tmpdir(), "copied-"));
    folders.push(copy);
    copyFileSync(file, join(copy, "langflow.db"));
    const both = await look(file);
    writing.close();
    expect(moveInFindings(both).map(({ what }) => what)).not.toContain("a database without its write-ahead log");
    const alone = await look(join(copy, "langflow.db"));
    expect(alone.flows.map(({ name }) => name)).not.toContain("Newest");
    expect(moveInFindings(alone)).toContainEqual(
      expect.objectContaining({
        result: "changes",
        what: "a database without its write-ahead log",
        which: ["newest change: 2026-11-28 19:21:40"],
      }),
    );
  });

  it("is not reported if the database uses no write-ahead log", async () => {
    const folder = broken();
    expect(readFileSync(join(folder, "langflow.db"))[19]).toBe(1);
    expect((await look(folder)).withoutLogAfter).toBeUndefined();
  });
});

it("rows without their parent row are counted by table and do not stop an import", async () => {
  const folder = broken(
    `INSERT INTO apikey SELECT 'of nobody', NULL, 0, 1, '${"e".repeat(32)}', created_at, 'sk-of-nobody', '${"f".repeat(32)}' FROM apikey LIMIT 1`,
    // A flow may have no user.
    `UPDATE flow SET folder_id = '${"f".repeat(32)}' WHERE name = 'Plain'`,
  );
  expect(await stopsOf(folder)).toEqual({});
  expect(moveInFindings(await look(folder))).toContainEqual(
    expect.objectContaining({
      result: "stays",
      what: "rows without their parent row",
      count: 1,
      which: ["apikey: 1 without their parent in user"],
    }),
  );
});

it("MCP servers in a file are reported by user, because LangFlow reads that file only at startup", async () => {
  const folder = broken("UPDATE file SET name = '_mcp_servers_c1bf8c66-d7d5-4edd-bb1a-3116cee9660e'");
  expect(moveInFindings(await look(folder))).toContainEqual(
    expect.objectContaining({ result: "changes", what: "MCP servers in a file", which: ["bea"] }),
  );
});

it.each(["DROP TABLE alembic_version", "DELETE FROM alembic_version"])(
  "a database without a revision stops an import: %s",
  async (sql) => {
    expect((await stopsOf(broken(sql)))["LangFlow's release"]).toMatchObject({
      because: expect.stringMatching(/^the database has no revision in alembic_version/),
    });
  },
);
