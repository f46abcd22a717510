import { prepareAccounts } from "../../agent/accounts/schema";
import { adopt } from "../../agent/adopt/adopt";
import { provideLogins, scramVerifier } from "../../agent/adopt/logins";
import { dumpDatabase, withSnapshot } from "../../agent/backup/database";
import { FlowStore } from "../../agent/langflow/store";
import { WRITER_LOCK } from "../../agent/langflow/storeSchema";
import { openDatabase, parseDatabaseUrl, withDatabase } from "../../agent/postgres/connection";
import { lockSchema } from "../../agent/postgres/schemaLock";
import { provideFence } from "../../agent/schedules/fence";
import { TABLES } from "../../formats/tables/tables";
import { LangFlowApi, until } from "./langflowApi";
import { type Postgres, Scratch, SUPERUSER } from "./scratch";

jest.setTimeout(300_000);

const SERVER = "langflow_server";
const BACKUP = "langflow_backup";
/** PostgreSQL's error code for insufficient privileges. */
const NO_PRIVILEGE = "42501";

describe("the logins of a region's database", () => {
  let scratch: Scratch;
  let postgres: Postgres;
  let logins: { server: string; backup: string };
  const told: Record<string, unknown>[] = [];
  const log = { info: (fields: object) => void told.push(fields as Record<string, unknown>) };
  const owner = () => postgres.url("langflow");
  /** Runs a statement as one of the logins. */
  const by = (url: string, statement: string) =>
    withDatabase(parseDatabaseUrl(url), async (client) => (await client.query(statement)).rows);
  const provide = () => provideLogins(owner(), logins, log);
  const prepare = () =>
    withDatabase(parseDatabaseUrl(owner()), async (client) => {
      await prepareAccounts(client, TABLES);
      await provideFence(client);
    });

  beforeAll(async () => {
    scratch = await Scratch.make();
    process.env.PATH = scratch.path;
    postgres = await scratch.migratedPostgres("langflow");
    const url = (user: string, password: string) => owner().replace("langflow:sesame-secret@", `${user}:${password}@`);
    logins = { server: url(SERVER, "ServersOwn1"), backup: url(BACKUP, "BackupsOwn1") };
    await adopt({ databaseUrl: owner(), superuser: SUPERUSER.username, project: "langflow-dr", log });
    await prepare();
    // Earlier agents created these triggers with the rights of the user who writes.
    await by(
      owner(),
      `DO $$ DECLARE f text; BEGIN FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'langflow_dr'::regnamespace
         AND prorettype = 'trigger'::regtype LOOP EXECUTE 'ALTER FUNCTION ' || f || ' SECURITY INVOKER RESET ALL'; END LOOP; END $$`,
    );
    await Promise.all([provide(), provide()]);
  });
  afterAll(() => scratch.end());

  it("are created once, even if two pods start at the same time, and a second run changes nothing", async () => {
    told.length = 0;
    await provide();
    expect(told).toEqual([{ made: [], granted: 0 }]);
    expect(
      await by(
        owner(),
        `SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles
      WHERE rolname LIKE 'langflow\\_%' ORDER BY 1`,
      ),
    ).toEqual(
      [BACKUP, SERVER].map((rolname) => ({
        rolname,
        rolsuper: false,
        rolcreaterole: false,
        rolcreatedb: false,
        rolcanlogin: true,
      })),
    );
  });

  it("let the backup read a table that the agent was creating while the backup's privileges were granted", async () => {
    const mayRead = async () =>
      (await by(owner(), `SELECT has_table_privilege('${BACKUP}', 'langflow_dr.account_part', 'SELECT') AS may`))[0]
        ?.may;
    const isWaiting = async () => {
      const waiting = await by(owner(), "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
      return waiting.length === 1;
    };
    await by(owner(), "DROP TABLE langflow_dr.account_part; COMMENT ON TABLE langflow_dr.account_row IS NULL");
    await by(owner(), `ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM ${BACKUP}`);
    // The agent's transaction is open when the grants begin, and commits while they wait for it.
    const granted = await withDatabase(parseDatabaseUrl(owner()), async (agent) => {
      await agent.query("BEGIN");
      await lockSchema(agent);
      await agent.query("CREATE TABLE langflow_dr.account_part (LIKE langflow_dr.account_seen)");
      const grants = provide();
      await until("the grants wait", isWaiting);
      await agent.query("COMMIT");
      return grants;
    });
    expect([granted, await mayRead()]).toEqual([undefined, true]);
    await by(owner(), "DROP TABLE langflow_dr.account_part");
    // And the agent waits for grants that have begun.
    await withDatabase(parseDatabaseUrl(owner()), async (grants) => {
      await grants.query("BEGIN");
      await lockSchema(grants);
      const prepared = prepare();
      await until("the agent waits", isWaiting);
      expect(await by(owner(), "SELECT to_regclass('langflow_dr.account_part') AS made")).toEqual([{ made: null }]);
      await grants.query("COMMIT");
      await prepared;
    });
    expect(await mayRead()).toBe(true);
  });

  it("get a new password when their secret changes", async () => {
    const former = logins.server;
    logins = { ...logins, server: former.replace("ServersOwn1", "ServersOwn2") };
    await provide();
    expect(await by(logins.server, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await expect(by(former, "SELECT 1")).rejects.toThrow("rejects the login");
  });

  it("send PostgreSQL a SCRAM verifier instead of the password", () => {
    // Example of RFC 7677: user `user`, password `pencil`.
    const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
    expect(scramVerifier("pencil", salt)).toBe(
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    );
  });

  it("let LangFlow run, and the agent's triggers record LangFlow's writes", async () => {
    const { url } = await scratch.langflowWithKey("server", { LANGFLOW_DATABASE_URL: logins.server });
    const token = await LangFlowApi.login(url, SUPERUSER.username, SUPERUSER.password);
    const langflow = LangFlowApi.withToken(url, token);
    await by(owner(), "DELETE FROM langflow_dr.account_change");
    const flow = await langflow.call("POST", "/api/v1/flows/", {
      name: "by its own login",
      data: { nodes: [], edges: [] },
    });
    await langflow.call("PATCH", `/api/v1/flows/${flow.id}`, { description: "edited" });
    await langflow.call("POST", "/api/v1/variables/", { name: "A", value: "b", type: "Generic", default_fields: [] });
    await langflow.call("DELETE", `/api/v1/flows/${flow.id}`);
    const noted = await by(
      owner(),
      "SELECT table_name || ' ' || kind AS what FROM langflow_dr.account_change ORDER BY seq",
    );
    const whats = noted.map(({ what }) => what);
    expect(whats).toEqual(expect.arrayContaining(["flow made", "flow edited", "variable made", "flow deleted"]));
  });

  it("do not let LangFlow hide its writes by marking them as the agent's", async () => {
    await by(owner(), "DELETE FROM langflow_dr.account_change");
    await by(logins.server, `SET langflow_dr.applying = 'on'; UPDATE "user" SET optins = '{"seen": true}'`);
    expect(await by(owner(), "SELECT table_name, columns FROM langflow_dr.account_change")).toEqual([
      { table_name: "user", columns: ["optins"] },
    ]);
    await by(owner(), "DELETE FROM langflow_dr.account_change");
    await by(owner(), `SET langflow_dr.applying = 'on'; UPDATE "user" SET optins = NULL`);
    expect(await by(owner(), "SELECT FROM langflow_dr.account_change")).toEqual([]);
  });

  it("do not let LangFlow bypass the fence of the schedules", async () => {
    await expect(
      by(
        logins.server,
        `INSERT INTO trigger_lease (name, owner, acquired_at, heartbeat_at, expires_at)
         VALUES ('trigger_scheduler', 'a-pod', now(), now(), now()) ON CONFLICT DO NOTHING`,
      ),
    ).rejects.toThrow("schedules do not fire in this region now");
  });

  it("do not let LangFlow take a lease in the agent's name", async () => {
    await expect(
      by(
        logins.server,
        `INSERT INTO trigger_lease (name, owner, acquired_at, heartbeat_at, expires_at)
         VALUES ('trigger_scheduler', 'langflow_dr', now(), now(), now() + interval '10 years') ON CONFLICT DO NOTHING`,
      ),
    ).rejects.toThrow("schedules do not fire in this region now");
  });

  it("do not let LangFlow block the agent's writes, or the start of its own pods, with an advisory lock", async () => {
    const holder = await openDatabase(parseDatabaseUrl(logins.server));
    await holder.query("SELECT pg_advisory_lock($1, $2), pg_advisory_lock($3), pg_advisory_lock($4)", [
      ...WRITER_LOCK,
      0x6c66_6472,
      0x6c66_7363,
    ]);
    const store = new FlowStore(parseDatabaseUrl(owner()));
    await store.becomeWriter();
    await until("the agent writes", () => store.becomeWriter());
    await store.close();
    await provide();
    await expect(holder.query("SELECT 1")).rejects.toThrow();
  });

  it("do not let a user escape the delete limits by taking the name of the drill's user", async () => {
    await by(owner(), "DELETE FROM langflow_dr.account_change");
    const make = (id: string, name: string) =>
      by(
        owner(),
        `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
           VALUES ('${id}', '${name}', 'x', true, false, now(), now());
         INSERT INTO variable (id, name, value, user_id) VALUES ('${id}', 'V', 'v', '${id}')`,
      );
    const [user, drill] = ["00000000-0000-4000-8000-0000000000aa", "00000000-0000-4000-8000-0000000000bb"];
    await make(user, "alice");
    await make(drill, "langflow-dr-drill-1");
    await by(
      logins.server,
      `UPDATE "user" SET username = 'langflow-dr-drill-2' WHERE id = '${user}'; DELETE FROM variable WHERE user_id = '${user}';
       UPDATE "user" SET username = 'alice' WHERE id = '${user}'; DELETE FROM variable WHERE user_id = '${drill}'`,
    );
    const given = "00000000-0000-4000-8000-0000000000cc";
    const reborn = "00000000-0000-4000-8000-0000000000dd";
    await make(given, "bob");
    await make(reborn, "carol");
    await by(
      logins.server,
      `UPDATE variable SET user_id = '${drill}' WHERE user_id = '${given}'; DELETE FROM variable WHERE id = '${given}';
       DELETE FROM variable WHERE user_id = '${reborn}'; DELETE FROM "user" WHERE id = '${reborn}';
       INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
         VALUES ('${reborn}', 'langflow-dr-drill-3', 'x', true, false, now(), now());
       DELETE FROM "user" WHERE id = '${reborn}'; DELETE FROM "user" WHERE id = '${drill}'`,
    );
    const users = await by(
      owner(),
      "SELECT row_id, held IS NOT NULL AS held FROM langflow_dr.account_change WHERE table_name = 'user' AND kind = 'deleted' ORDER BY seq",
    );
    expect(users).toEqual([reborn, reborn, drill].map((row_id) => ({ row_id, held: row_id === reborn })));
    expect(
      await by(
        owner(),
        "SELECT row_id, held IS NOT NULL AS held FROM langflow_dr.account_change WHERE table_name = 'variable' AND kind = 'deleted' ORDER BY 1",
      ),
    ).toEqual([
      { row_id: user, held: true },
      { row_id: drill, held: false },
      { row_id: given, held: true },
      { row_id: reborn, held: true },
    ]);
  });

  it("work again after LangFlow's login was given settings that prevent a connection", async () => {
    await by(
      logins.server,
      `ALTER ROLE langflow_server IN DATABASE langflow SET default_transaction_read_only = on;
       ALTER ROLE langflow_server SET local_preload_libraries = 'nowhere'`,
    );
    await expect(by(logins.server, "SELECT 1")).rejects.toThrow(/nowhere/);
    await provide();
    expect(await by(logins.server, "SHOW default_transaction_read_only")).toEqual([
      { default_transaction_read_only: "off" },
    ]);
  });

  it.each([
    "DROP TABLE flow",
    'DROP TRIGGER langflow_dr_account ON "user"',
    "ALTER TABLE flow DISABLE TRIGGER ALL",
    "ALTER TABLE flow ADD COLUMN more text",
    "ALTER TABLE flow OWNER TO langflow_server",
    "CREATE RULE hide AS ON DELETE TO flow DO INSTEAD NOTHING",
    "CREATE TRIGGER more AFTER INSERT ON flow FOR EACH ROW EXECUTE FUNCTION langflow_dr.account_truncated()",
    "TRUNCATE flow CASCADE",
    "SET session_replication_role = replica",
    "SELECT * FROM langflow_dr.account_row",
    "DELETE FROM langflow_dr.account_change",
    "UPDATE langflow_dr.schedules SET holder = true, until = 'infinity'",
    "SELECT langflow_dr.schedules_fire()",
    "SELECT setval('langflow_dr.account_news', 1)",
    "DROP SCHEMA langflow_dr CASCADE",
    "DROP FUNCTION langflow_dr.account_truncated() CASCADE",
    "CREATE TABLE public.more (id int)",
    "CREATE FUNCTION public.jsonb_object_agg(text, text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA more",
    "CREATE TEMP TABLE more (id int)",
    "UPDATE alembic_version SET version_num = 'another'",
    "DELETE FROM alembic_version",
    "ALTER ROLE langflow PASSWORD 'known'",
    "ALTER ROLE langflow_server CREATEROLE",
    "ALTER ROLE langflow_backup PASSWORD 'known'",
    "SET ROLE langflow",
    "SET SESSION AUTHORIZATION langflow",
    "GRANT langflow TO langflow_server",
    "CREATE ROLE more",
    "CREATE DATABASE more",
    "ALTER DATABASE langflow SET session_replication_role = replica",
    "ALTER DEFAULT PRIVILEGES FOR ROLE langflow GRANT ALL ON TABLES TO langflow_server",
    "CREATE EXTENSION dblink",
    "COPY flow TO PROGRAM 'cat'",
    "COPY flow FROM '/etc/passwd'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'langflow'",
    "ALTER SYSTEM SET fsync = off",
  ])("refuse LangFlow's login the statement: %s", async (statement) => {
    const holding = postgres.holding("langflow", "SELECT 1", () => by(logins.server, statement));
    await expect(holding).rejects.toMatchObject({ code: NO_PRIVILEGE });
  });

  it("let the backup login read everything, including later tables, and write nothing", async () => {
    // As after a restore, which recreates the agent's schema.
    await by(
      owner(),
      "DROP SCHEMA langflow_dr CASCADE; CREATE TABLE public.later (id serial PRIMARY KEY); CREATE SCHEMA more; CREATE TABLE more.own (id int)",
    );
    await prepare();
    await by(logins.server, "SELECT lo_create(0)");
    const address = parseDatabaseUrl(logins.backup);
    const size = await withSnapshot(address, async (snapshot) => {
      let bytes = 0;
      for await (const chunk of dumpDatabase(address, snapshot, undefined)) bytes += chunk.length;
      return bytes;
    });
    expect(size).toBeGreaterThan(10_000);
    await by(logins.server, "INSERT INTO later DEFAULT VALUES");
    for (const statement of [
      "INSERT INTO later DEFAULT VALUES",
      'UPDATE "user" SET is_superuser = true',
      "DROP TABLE later",
    ])
      await expect(by(logins.backup, statement)).rejects.toMatchObject({ code: NO_PRIVILEGE });
  });
});
