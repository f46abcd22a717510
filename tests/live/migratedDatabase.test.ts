import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adopt } from "../../agent/adopt/adopt";
import { fleetUserId } from "../../agent/adopt/fleetUserId";
import { installerWith } from "../../fleet/local/installer";
import { ensureMigratedDatabase } from "../../sandbox/live/tools/migratedDatabase";
import { type Postgres, Scratch, SUPERUSER } from "./scratch";

jest.setTimeout(300_000);

/**
 * SQL for a constraint's columns by name, because a dropped column leaves a gap in the column numbers, which a dump
 * does not reproduce.
 */
const NAMES = (key: string) =>
  `(SELECT array_agg(attname ORDER BY place) FROM unnest(${key}) WITH ORDINALITY key (number, place)
    JOIN pg_attribute ON attnum = number AND attrelid = `;
const SCHEMA = {
  columns: `SELECT attrelid::regclass::text AS table, attname, format_type(atttypid, atttypmod), attnotnull,
      pg_get_expr(adbin, adrelid), rank() OVER (PARTITION BY attrelid ORDER BY attnum) FROM pg_attribute
      JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped ORDER BY 1, 2`,
  constraints: `SELECT conrelid::regclass::text AS table, conname, contype, confdeltype, ${NAMES("conkey")} conrelid),
      confrelid::regclass::text AS of, ${NAMES("confkey")} confrelid) AS referenced
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2`,
  indexes: "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
  triggers: "SELECT pg_get_triggerdef(oid) AS trigger FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
  functions: "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
  enums: "SELECT enumtypid::regtype::text AS type, enumlabel FROM pg_enum ORDER BY 1, enumsortorder",
  owners:
    "SELECT relname, relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
};
/** Tables into which LangFlow itself inserts rows: roles, and policies without effect. */
const WITH_ROWS = [
  "alembic_version",
  "authz_role",
  "model_provider_policy",
  "policy_bundle_active",
  "policy_bundle_revision",
  "sso_settings",
];

let scratch: Scratch;
let cache: string;
/** Messages to the user during the creation. */
const told: string[] = [];
let file: string | undefined;

beforeAll(async () => {
  scratch = await Scratch.make();
  cache = mkdtempSync(join(tmpdir(), "live-cache-"));
  const ours = { ...installerWith((message) => told.push(message), new AbortController().signal), cache };
  const both = await Promise.all([1, 2].map(() => ensureMigratedDatabase(ours, scratch.tools)));
  [file] = both;
  expect(both).toEqual([file, file]);
});
afterAll(async () => {
  await scratch.end();
  rmSync(cache, { recursive: true });
});

async function schemaOf(postgres: Postgres, database: string): Promise<Record<string, object[]>> {
  const read = Object.entries(SCHEMA).map(
    async ([what, text]) => [what, await postgres.query(database, text)] as const,
  );
  return Object.fromEntries(await Promise.all(read));
}

/** Returns the number of rows in each table. */
async function rowsOf(postgres: Postgres, database: string): Promise<Record<string, number>> {
  const contents = Object.entries(await postgres.contents(database));
  return Object.fromEntries(contents.map(([table, rows]) => [table, rows === "" ? 0 : rows.split("\n").length]));
}

describe("the migrated database that new regions start from", () => {
  it("is created once, even if two callers request it at the same time", () => {
    expect(file).toEqual(expect.any(String));
    expect(told.filter((message) => message.endsWith("(once)"))).toHaveLength(1);
  });

  it("contains only the rows that every LangFlow inserts, and therefore no account", () => {
    const filled = /^COPY public\.(\S+) .*\n(?!\\\.$)/gm;
    const tables = [...readFileSync(file ?? "", "utf8").matchAll(filled)].map(([, table]) => table);
    expect(tables).toEqual(WITH_ROWS);
  });

  it("has no account; once LangFlow's migration has run, it equals a database that was migrated from empty", async () => {
    const started = await scratch.postgres("started", file);
    const empty = await scratch.postgres("migrated");
    const before = await schemaOf(started, "started");
    expect((await rowsOf(started, "started")).user).toBe(0);
    // Every statement that changes a table's definition changes the xmin of its row in the catalog.
    const definitions = `SELECT oid, xmin::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1`;
    const untouched = await started.query("started", definitions);

    await scratch.migrate(started.url("started"));
    await scratch.migrate(empty.url("migrated"));

    expect(await started.query("started", definitions)).toEqual(untouched);
    expect(await schemaOf(started, "started")).toEqual(before);
    expect(before).toEqual(await schemaOf(empty, "migrated"));
    expect(await rowsOf(started, "started")).toEqual(await rowsOf(empty, "migrated"));
    const accounts = await started.query("started", `SELECT username, is_superuser FROM "user"`);
    expect(accounts).toEqual([{ username: SUPERUSER.username, is_superuser: true }]);
    const quiet = { info: () => undefined };
    const project = "langflow-dr";
    const databaseUrl = started.url("started");
    expect(await adopt({ databaseUrl, superuser: SUPERUSER.username, project, log: quiet })).toMatchObject({
      userId: fleetUserId(project, SUPERUSER.username),
      formerId: expect.any(String),
    });
  });

  it("does not replace an existing database", async () => {
    const postgres = await scratch.postgres("kept", file);
    await postgres.query("kept", `CREATE TABLE own (); DROP TABLE "user" CASCADE`);
    await postgres.stop();
    await postgres.start("kept");
    const tables = await postgres.query<{ name: string }>(
      "kept",
      "SELECT relname AS name FROM pg_class WHERE relkind = 'r'",
    );
    expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(["own", "flow"]));
    expect(tables.map(({ name }) => name)).not.toContain("user");
  });

  it("is skipped if it cannot be created, which is reported in one line", async () => {
    const said: string[] = [];
    const ours = { ...installerWith((message) => said.push(message), new AbortController().signal), cache };
    const none = { ...scratch.tools, pythonBin: join(cache, "nothing", "bin") };
    expect(await ensureMigratedDatabase(ours, none)).toBeUndefined();
    expect(said.at(-1)).toMatch(
      /^cannot create the template of a migrated database \(.+\): each region migrates an empty database instead$/,
    );
  });
});
