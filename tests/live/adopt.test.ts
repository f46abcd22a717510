import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { adopt } from "../../agent/adopt/adopt";
import { defaultProjectId, fleetUserId } from "../../agent/adopt/fleetUserId";
import { ExitCode } from "../../formats/agentErrors";
import { LangFlowApi } from "./langflowApi";
import { type Postgres, Scratch, SUPERUSER } from "./scratch";

jest.setTimeout(120_000);

const PROJECT = "langflow-dr";
const FLEET_ID = fleetUserId(PROJECT, SUPERUSER.username);
const PROJECT_ID = defaultProjectId(FLEET_ID);
const quiet = { info: () => undefined };

let scratch: Scratch;
let postgres: Postgres;
/** The superuser's account after adoption, before LangFlow starts. */
let adopted: unknown;
/**
 * URLs of LangFlow in two regions: us-east's database is adopted, eu-west's is not yet. They start while the schema is
 * tested.
 */
let served: Promise<[string, string]>;

beforeAll(async () => {
  scratch = await Scratch.make();
  postgres = await scratch.migratedPostgres();
  await migrated("us_east");
  await adoptIn("us_east");
  adopted = await accounts("us_east");
  // LangFlow creates the account itself, so that the regions' accounts have different ids, as in production.
  await migrated("eu_west", `TRUNCATE "user" CASCADE`);
  const serve = (region: string) => scratch.langflow(region, { LANGFLOW_DATABASE_URL: postgres.url(region) });
  served = Promise.all([serve("us_east"), serve("eu_west")]);
  served.catch(() => undefined); // The tests that await the URLs report the error.
});
afterAll(() => scratch.end());

const adoptIn = (database: string, superuser = SUPERUSER.username) =>
  adopt({ databaseUrl: postgres.url(database), superuser, project: PROJECT, log: quiet });

const projects = (database: string) =>
  postgres.query<{ id: string }>(
    database,
    `SELECT * FROM folder WHERE user_id IS NOT NULL ORDER BY name COLLATE "C" DESC`,
  );

const accounts = (database: string) => postgres.query<{ id: string }>(database, `SELECT * FROM "user"`);

async function migrated(name: string, ...statements: string[]): Promise<string> {
  await postgres.create(name, "migrated");
  for (const statement of statements) await postgres.query(name, statement);
  return name;
}

const OWNER = `(SELECT id FROM "user")`;
const FLOW = `INSERT INTO flow (id, name, data, user_id) VALUES (gen_random_uuid(), 'hello', '{}', ${OWNER})`;

describe("adopt, on a schema that LangFlow's own migrations created,", () => {
  it("gives the superuser the fleet's id and keeps the rest of the row", async () => {
    const database = await migrated("fresh");
    const [before] = await accounts(database);
    const result = await adoptIn(database);
    expect(result).toMatchObject({ userId: FLEET_ID, formerId: before?.id });
    expect(await accounts(database)).toEqual([{ ...before, id: FLEET_ID }]);
  });

  it("changes nothing the second time", async () => {
    const database = await migrated("twice");
    await adoptIn(database);
    const before = await postgres.contents(database);
    expect(await adoptIn(database)).toEqual({
      userId: FLEET_ID,
      formerId: undefined,
      moved: {},
      defaultProject: { was: "kept", moved: {} },
    });
    expect(await postgres.contents(database)).toEqual(before);
  });

  it("adopts once if three processes run at the same time, and the others succeed without a change", async () => {
    const database = await migrated("race");
    const results = await Promise.all([adoptIn(database), adoptIn(database), adoptIn(database)]);
    expect(results.filter(({ formerId }) => formerId !== undefined)).toHaveLength(1);
  });

  it("updates every row that contains the id, in foreign keys and in all other columns", async () => {
    const database = await migrated("owned");
    const former = (await accounts(database))[0]?.id ?? "";
    const columns = await fillEveryColumn(database, former);
    expect(columns.length).toBeGreaterThan(40);
    const rowsBefore = await countRows(database);
    const { moved } = await adoptIn(database);
    expect(Object.keys(moved).sort()).toEqual(columns.sort());
    expect(JSON.stringify(await postgres.contents(database))).not.toContain(former);
    expect(await countRows(database)).toEqual(rowsBefore);
  });

  it("handles columns that a later release may add: generated, identity, unique, and self-referencing", async () => {
    const database = await migrated(
      "later",
      `ALTER TABLE "user" ADD COLUMN handle text GENERATED ALWAYS AS (upper(username)) STORED,
         ADD COLUMN email text UNIQUE, ADD COLUMN "invited by" uuid REFERENCES "user"(id), ADD COLUMN level int NOT NULL DEFAULT 3,
         ADD COLUMN number int GENERATED ALWAYS AS IDENTITY, ADD COLUMN code uuid NOT NULL UNIQUE DEFAULT gen_random_uuid()`,
      `CREATE UNIQUE INDEX email_lower ON "user" (lower(email))`,
      `UPDATE "user" SET email = 'a@example.com', "invited by" = id, level = 7`,
    );
    const [before] = await accounts(database);
    expect(before).toMatchObject({ handle: "ADMIN", email: "a@example.com", level: 7, number: 1 });
    await adoptIn(database);
    expect(await accounts(database)).toEqual([{ ...before, id: FLEET_ID, "invited by": FLEET_ID }]);
  });

  it.each<[string, string[], RegExp]>([
    [
      "a foreign key of a different type",
      ["CREATE DOMAIN account AS uuid", `CREATE TABLE badge (owner account REFERENCES "user")`],
      /"badge"."owner" .* is of type account, not uuid/,
    ],
    ["a database without the user table", [`ALTER TABLE "user" RENAME TO account`], /the table "user" does not exist/],
    [
      "a database without the table of projects",
      ["ALTER TABLE folder RENAME TO project"],
      /the table "folder" does not exist/,
    ],
    ["a table of projects without owners", ["ALTER TABLE folder DROP COLUMN user_id"], /no column "user_id"/],
    [
      "a user id that is not a UUID",
      [
        `DO $$ DECLARE r record; BEGIN FOR r IN SELECT conrelid::regclass t, conname c FROM pg_constraint
           WHERE contype = 'f' AND confrelid = '"user"'::regclass LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', r.t, r.c); END LOOP; END $$`,
        `ALTER TABLE "user" ALTER COLUMN id TYPE text`,
      ],
      /"user"."id" is of type text/,
    ],
    [
      "a foreign key of several columns",
      [
        `ALTER TABLE "user" ADD UNIQUE (id, username)`,
        `CREATE TABLE badge (owner uuid, owner_name varchar, FOREIGN KEY (owner, owner_name) REFERENCES "user" (id, username))`,
      ],
      /"badge"."owner" and "owner_name"/,
    ],
    [
      "a foreign key to the user's name",
      [`CREATE TABLE badge (owner_name varchar REFERENCES "user" (username))`],
      /"badge"."owner_name".*"user"."username"/,
    ],
    [
      "a table whose rows cannot be changed",
      [
        `CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'flows are for ever'; END $$`,
        FLOW,
        "CREATE TRIGGER never BEFORE UPDATE ON flow FOR EACH ROW EXECUTE FUNCTION never()",
      ],
      /flows are for ever/,
    ],
    [
      "a table that ignores the change, with a foreign key that would delete its rows",
      [
        `CREATE TABLE badge (owner uuid REFERENCES "user" ON DELETE CASCADE)`,
        `INSERT INTO badge VALUES (${OWNER})`,
        "CREATE FUNCTION deaf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER deaf BEFORE UPDATE ON badge FOR EACH ROW EXECUTE FUNCTION deaf()",
      ],
      /"badge"."badge_owner_fkey"/,
    ],
    [
      "a table that ignores the change because of a rule",
      [
        `CREATE TABLE badge (owner uuid REFERENCES "user" ON DELETE CASCADE)`,
        `INSERT INTO badge VALUES (${OWNER})`,
        "CREATE RULE deaf AS ON UPDATE TO badge DO INSTEAD NOTHING",
      ],
      /DO INSTEAD NOTHING rules are not supported/,
    ],
    ["an account that is not a superuser", [`UPDATE "user" SET is_superuser = false`], /is not a superuser/],
    ["a missing account", [`UPDATE "user" SET username = 'somebody'`], /no account named "admin"/],
    [
      "a fleet id that a different account has",
      [
        `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
           VALUES ('${FLEET_ID}', 'other', 'x', true, false, now(), now())`,
      ],
      /already belongs to the account "other"/,
    ],
    [
      "an account with uploads, which are stored under its id",
      [
        `INSERT INTO file (id, user_id, name, path, size, created_at, updated_at)
           VALUES (gen_random_uuid(), ${OWNER}, 'notes', 'x/notes.txt', 1, now(), now())`,
      ],
      /owns uploaded files.*"file"."user_id"/,
    ],
  ])("rejects %s, names the problem and writes nothing", async (title, statements, message) => {
    const database = await migrated(`odd_${title.replaceAll(/\W+/g, "_").slice(0, 40)}`, ...statements);
    const before = await postgres.contents(database);
    await expect(adoptIn(database)).rejects.toMatchObject({
      exitCode: ExitCode.Refused,
      message: expect.stringMatching(message),
    });
    expect(await postgres.contents(database)).toEqual(before);
  });

  describe("gives the account's default project the fleet's id and", () => {
    it("creates the project if it is missing, like LangFlow", async () => {
      const database = await migrated("no_project");
      expect(await adoptIn(database)).toMatchObject({ defaultProject: { was: "made", moved: {} } });
      expect(await projects(database)).toEqual([
        {
          id: PROJECT_ID,
          name: "Starter Project",
          description: "Manage your own flows. Download and upload projects.",
          user_id: FLEET_ID,
          is_personal: true,
          auth_settings: null,
          parent_id: null,
          workspace_id: null,
        },
      ]);
    });

    it("creates the project in a database of LangFlow 1.12.8, which has fewer columns", async () => {
      const earlier = await scratch.postgres("earlier", join(__dirname, "migrated-1.12.8.sql"));
      await earlier.query(
        "earlier",
        `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
          VALUES (gen_random_uuid(), $1, 'x', true, true, now(), now())`,
        [SUPERUSER.username],
      );
      await adopt({ databaseUrl: earlier.url("earlier"), superuser: SUPERUSER.username, project: PROJECT, log: quiet });
      expect(await earlier.query("earlier", "SELECT id, name, user_id FROM folder WHERE user_id IS NOT NULL")).toEqual([
        { id: PROJECT_ID, name: "Starter Project", user_id: FLEET_ID },
      ]);
    });

    it("moves an existing project with all references to it, and keeps the rest of its row", async () => {
      const former = randomUUID();
      const database = await migrated(
        "a_project",
        `INSERT INTO folder (id, name, description, user_id) VALUES ('${former}', 'Starter Project', 'mine', ${OWNER})`,
        `INSERT INTO folder (id, name, parent_id, user_id) VALUES (gen_random_uuid(), 'below', '${former}', ${OWNER})`,
        `INSERT INTO flow (id, name, folder_id, user_id) VALUES (gen_random_uuid(), 'in it', '${former}', ${OWNER})`,
        `INSERT INTO authz_share (id, resource_type, resource_id, scope, permission_level, created_at)
          VALUES (gen_random_uuid(), 'project', '${former}', 'public', 'read', now())`,
        `INSERT INTO mcp_server (id, user_id, name, config, enabled, version, created_at, updated_at)
          VALUES (gen_random_uuid(), ${OWNER}, 'lf-starter_project',
            '{"args": ["http://localhost/api/v1/mcp/project/${former}/streamable"]}', true, 1, now(), now())`,
      );
      const [, before] = await projects(database);
      expect(await adoptIn(database)).toMatchObject({
        defaultProject: {
          was: "moved",
          moved: { "flow.folder_id": 1, "folder.parent_id": 1, "authz_share.resource_id": 1, "mcp_server.config": 1 },
        },
      });
      expect(await projects(database)).toEqual([
        expect.objectContaining({ name: "below", parent_id: PROJECT_ID }),
        { ...before, id: PROJECT_ID, user_id: FLEET_ID },
      ]);
      expect(JSON.stringify(await postgres.contents(database))).not.toContain(former);
    });

    it("leaves the project unchanged once the account has the fleet's id, whatever the project's id or name", async () => {
      const database = await migrated("agreed");
      await adoptIn(database);
      const agreed = [
        "UPDATE folder SET name = 'Renamed'",
        `DELETE FROM folder; INSERT INTO folder (id, name, user_id) VALUES (gen_random_uuid(), 'Starter Project', ${OWNER})`,
      ];
      for (const statement of agreed) {
        await postgres.query(database, statement);
        const before = await projects(database);
        expect(await adoptIn(database)).toMatchObject({ defaultProject: { was: "kept", moved: {} } });
        expect(await projects(database)).toEqual(before);
      }
    });

    it("creates no project if all the account's projects have other names, like LangFlow, and changes no other user's project", async () => {
      const other = randomUUID();
      const database = await migrated(
        "others",
        `INSERT INTO folder (id, name, user_id) VALUES (gen_random_uuid(), 'Mine', ${OWNER})`,
        `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
          VALUES ('${other}', 'other', 'x', true, false, now(), now())`,
        `INSERT INTO folder (id, name, user_id) VALUES (gen_random_uuid(), 'Starter Project', '${other}')`,
      );
      const before = await projects(database);
      expect(await adoptIn(database)).toMatchObject({ defaultProject: { was: "kept" } });
      expect((await projects(database)).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    });
  });

  it("reports an unreachable database without its password", async () => {
    const url = `postgresql://postgres:${randomUUID()}@127.0.0.1:1/langflow`;
    await expect(adopt({ databaseUrl: url, superuser: "admin", project: PROJECT, log: quiet })).rejects.toMatchObject({
      exitCode: ExitCode.Unreachable,
      message: expect.stringMatching(/^the database 127.0.0.1:1\/langflow does not answer/),
    });
  });
});

describe("LangFlow on an adopted database", () => {
  it("starts with its migrations and leaves the account unchanged", async () => {
    await served;
    expect(await accounts("us_east")).toEqual(adopted);
  });

  it("rejects the session of a region with a different account id, and accepts it once both regions are adopted", async () => {
    const [east, west] = await served;
    const stranger = await logIn(west);
    expect((await whoAmI(west, stranger)).status).toBe(200);
    expect([401, 403]).toContain((await whoAmI(east, stranger)).status);

    expect(await adoptIn("eu_west")).toMatchObject({
      formerId: expect.any(String),
      defaultProject: { was: "moved" },
    });
    for (const [one, other] of [
      [east, west],
      [west, east],
    ] as const) {
      const answer = await whoAmI(other, await logIn(one));
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ id: FLEET_ID, username: SUPERUSER.username });
    }
  });

  it("uses the project from adopt as the account's default project, and creates no second default project", async () => {
    for (const url of await served) {
      const api = LangFlowApi.withToken(url, await logIn(url));
      expect((await api.create("without a project")).folder_id).toBe(PROJECT_ID);
      expect((await api.call("GET", "/api/v1/projects/")).map(({ id }: { id: string }) => id)).toEqual([PROJECT_ID]);
    }
  });
});

const logIn = (url: string) => LangFlowApi.login(url, SUPERUSER.username, SUPERUSER.password);

const whoAmI = (url: string, token: string) =>
  fetch(`${url}/api/v1/users/whoami`, { headers: { authorization: `Bearer ${token}` } });

async function countRows(database: string): Promise<Record<string, number>> {
  const contents = await postgres.contents(database);
  return Object.fromEntries(
    Object.entries(contents).map(([table, rows]) => [table, rows === "" ? 0 : rows.split("\n").length]),
  );
}

/**
 * Inserts a row into every table that can refer to a user, with the id in each such column. Returns the columns as
 * table.column.
 */
async function fillEveryColumn(database: string, id: string): Promise<string[]> {
  const columns = await postgres.query<{ table: string; column: string; type: string; owner: boolean }>(
    database,
    `SELECT r.relname AS table, a.attname AS column, a.atttypid::regtype::text AS type,
       a.atttypid = 'uuid'::regtype AND (a.attname ~ '(^|_)(user_id|owner_id|actor_id|by|actor)$') AS owner
     FROM pg_class r JOIN pg_attribute a ON a.attrelid = r.oid
     WHERE r.relkind = 'r' AND r.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
       AND r.relname NOT IN ('user', 'file', 'knowledge_base', 'memory_base') AND NOT a.atthasdef
       AND (a.attnotnull OR a.atttypid = 'uuid'::regtype AND a.attname ~ '(^|_)(user_id|owner_id|actor_id|by|actor)$')`,
  );
  const statements = await postgres.query<{ text: string }>(
    database,
    `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS text
     FROM pg_constraint WHERE conrelid <> 0 AND (contype = 'c' OR contype = 'f' AND confrelid <> '"user"'::regclass)`,
  );
  const labels = await postgres.query<{ type: string; label: string }>(
    database,
    "SELECT DISTINCT ON (enumtypid) enumtypid::regtype::text AS type, enumlabel AS label FROM pg_enum ORDER BY enumtypid",
  );
  const tables = [...new Set(columns.filter(({ owner }) => owner).map(({ table }) => table))];
  const inserts = tables.map((table) => {
    const own = columns.filter((column) => column.table === table);
    const values = own.map(({ owner, type }) => (owner ? `'${id}'` : sample(type, labels)));
    return `DELETE FROM "${table}"; INSERT INTO "${table}" (${own.map(({ column }) => `"${column}"`).join(", ")}) VALUES (${values.join(", ")})`;
  });
  // Drops the constraints that would require further rows.
  await postgres.query(database, [...statements.map(({ text }) => text), ...inserts].join(";\n"));
  return columns.filter(({ owner }) => owner).map(({ table, column }) => `${table}.${column}`);
}

function sample(type: string, labels: readonly { type: string; label: string }[]): string {
  const label = labels.find((candidate) => candidate.type === type)?.label;
  if (label !== undefined) return `'${label}'`;
  if (type === "uuid") return "gen_random_uuid()";
  if (type.startsWith("timestamp")) return "now()";
  if (type.startsWith("json")) return "'{}'";
  if (type === "boolean") return "false";
  return /int|double|numeric/.test(type) ? "0" : "'x'";
}
