import { execFileSync } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { Database } from "node-sqlite3-wasm";
import type { Client } from "pg";
import { prepareAccounts } from "../../agent/accounts/schema";
import { FlowStore } from "../../agent/langflow/store";
import { carry } from "../../agent/moveIn/carry";
import { regionContents } from "../../agent/moveIn/contents";
import { fleetAlone } from "../../agent/moveIn/fleetAlone";
import { MoveInBucket } from "../../agent/moveIn/moveInBucket";
import { DIGESTS, ScratchDatabase } from "../../agent/moveIn/scratchDatabase";
import { sinceImport } from "../../agent/moveIn/sinceImport";
import { type DatabaseAddress, openDatabase, parseDatabaseUrl } from "../../agent/postgres/connection";
import { RecordDatabase } from "../../agent/record/database";
import { collect } from "../../fleet/moveIn/collecting/collect";
import { writeFlows } from "../../fleet/moveIn/cutOver/flowFiles";
import { byDatabase, byPod } from "../../fleet/moveIn/cutOver/inFleetAlone";
import { moveInFindings } from "../../fleet/moveIn/findings";
import { agreement } from "../../fleet/moveIn/importing/agreement";
import { askRegion } from "../../fleet/moveIn/importing/askRegion";
import { type Import, type Imported, importSource, type Target } from "../../fleet/moveIn/importing/importSource";
import { inspect } from "../../fleet/moveIn/inspect";
import type { Inventory } from "../../fleet/moveIn/inventory";
import { withPostgresRows } from "../../fleet/moveIn/sources/postgresRows";
import { withSqliteRows } from "../../fleet/moveIn/sources/sqliteRows";
import { SecretKey } from "../../formats/encryption/secretKey";
import type { AskedShare, Contents } from "../../formats/moveIn/result";
import { Tallies } from "../../formats/moveIn/tallies";
import { TABLES } from "../../formats/tables/tables";
import { ExitCode } from "../../model/errors";
import { contentsOf, recordedLangFlow } from "../fleet/moveIn/recordedLangFlow";
import { type AccountsRegion, rounds, twoRegions } from "./accountsRegion";
import { LangFlowApi, until } from "./langflowApi";
import { migrate, type Place, placeIn, takeIn } from "./moveInStages";
import { importedState } from "./moveInState";
import { type Postgres, Scratch, type ScratchS3, SUPERUSER } from "./scratch";

jest.setTimeout(300_000);

const FLEETS_KEY = randomBytes(32).toString("base64url");
const PASSWORD = "a passw0rd of long ago";
const ADMIN = "bae12a21-fc9c-4d7b-bf40-db92de754ffe";
const BEA = "c1bf8c66-d7d5-4edd-bb1a-3116cee9660e";
const AUTO_LOGIN = "0a000000-0000-4000-8000-00000000000a";
const PLAIN = "261a15d1-4216-4629-a064-3252fed87d1a";
const ADMINS_FLOW = "dddddddd-dddd-4ddd-8ddd-dddddddddddd";
/** Id of a flow that exists only in the fleet. */
const MADE = "7a000000-0000-4000-8000-000000000001";
const hex = (id: string) => id.replaceAll("-", "");

const BUCKET = "us-east";
let scratch: Scratch;
let s3: ScratchS3;
let postgres: Postgres;
let us: AccountsRegion;
let eu: AccountsRegion;
let url: string;
let target: Target;
let place: Place;
let address: DatabaseAddress;
let folder: string;
const { signal } = new AbortController();
/** Returns the environment of the region's LangFlow. */
const environment = (): Record<string, string> => ({
  ...s3.environment,
  LANGFLOW_DATABASE_URL: postgres.url(us.database),
  LANGFLOW_SECRET_KEY: FLEETS_KEY,
  LANGFLOW_STORAGE_TYPE: "s3",
  LANGFLOW_OBJECT_STORAGE_BUCKET_NAME: BUCKET,
  LANGFLOW_OBJECT_STORAGE_PREFIX: "files",
});

beforeAll(async () => {
  scratch = await Scratch.make();
  postgres = await scratch.postgres("migrated", scratch.tools.migratedDatabase);
  s3 = await scratch.s3();
  const bucket = await s3.bucket(BUCKET);
  [us, eu] = await twoRegions(postgres, 1, FLEETS_KEY);
  url = await scratch.langflow("us-east", environment());
  await until("LangFlow has made its own project ready, a while after it began to answer", async () => {
    const projects = await us.query<{ ready: boolean }>("SELECT auth_settings::text <> 'null' AS ready FROM folder");
    return projects.length > 0 && projects.every(({ ready }) => ready);
  });
  address = addressOf(postgres, us.database);
  place = placeIn(scratch, {
    bucket,
    databaseUrl: postgres.url(us.database),
    fleetsKey: FLEETS_KEY,
    superuser: SUPERUSER.username,
    s3: s3.environment,
  });
  target = {
    region: "us-east",
    bucket: new MoveInBucket(s3.client, bucket),
    takeIn: (run) => takeIn(place, run),
    close: () => undefined,
  };
  const hashed = (password: string) =>
    execFileSync(
      join(scratch.tools.pythonBin, "python"),
      ["-c", `import bcrypt; print(bcrypt.hashpw(b"${password}", bcrypt.gensalt(4)).decode())`],
      { encoding: "utf8" },
    ).trim();
  const [hash, sharedHash] = [hashed(PASSWORD), hashed("langflow")];
  folder = recordedLangFlow([
    `UPDATE user SET username = 'dora' WHERE username = 'Bea'`,
    `UPDATE user SET password = '${hash}'`,
    // A foreign key violation, which SQLite tolerates and PostgreSQL rejects.
    `INSERT INTO apikey SELECT 'of nobody', NULL, 0, 1, '${"e".repeat(32)}', created_at, 'sk-of-nobody', '${"f".repeat(32)}' FROM apikey LIMIT 1`,
    // The state of a LangFlow without login, whose single account owns all flows.
    `INSERT INTO user (id, username, password, is_active, is_superuser, create_at, updated_at) SELECT '${hex(AUTO_LOGIN)}', 'langflow', '${sharedHash}', 1, 1, create_at, updated_at FROM user LIMIT 1`,
    `INSERT INTO folder (id, name, user_id) VALUES ('${"a".repeat(32)}', 'Of all', '${hex(AUTO_LOGIN)}')`,
    `INSERT INTO flow (name, data, id, user_id, folder_id, access_type) SELECT 'Of all', data, '${"b".repeat(32)}', '${hex(AUTO_LOGIN)}', '${"a".repeat(32)}', 'PRIVATE' FROM flow WHERE name = 'Plain'`,
    `UPDATE message SET text = 'he' || char(0) || 'llo', files = '["/app/data/.cache/langflow/${BEA}/notes.txt"]'`,
    `INSERT INTO flow (name, data, id, user_id, folder_id, access_type) SELECT 'Of the admin', data, '${hex(ADMINS_FLOW)}', '${hex(ADMIN)}', '9e806638b55d4598a633e3d6e115e80d', 'PRIVATE' FROM flow WHERE name = 'Plain'`,
    `INSERT INTO file SELECT '${"c".repeat(32)}', '${hex(ADMIN)}', 'plan', '${ADMIN}/plan.txt', 5, NULL, created_at, updated_at FROM file LIMIT 1`,
    `INSERT INTO file SELECT '${"7".repeat(32)}', '${hex(ADMIN)}', '_mcp_servers_${ADMIN}', '${ADMIN}/_mcp_servers_${ADMIN}.json', 5, NULL, created_at, updated_at FROM file LIMIT 1`,
  ]);
  mkdirSync(join(folder, ADMIN));
  writeFileSync(
    join(folder, ADMIN, `_mcp_servers_${ADMIN}.json`),
    JSON.stringify({ mcpServers: { weather: { url: "https://mcp.example.com/sse" } } }),
  );
  writeFileSync(join(folder, ADMIN, "plan.txt"), "plan\n");
});
afterAll(async () => {
  if (folder) rmSync(folder, { recursive: true });
  for (const region of [us, eu]) await region?.client.end();
  await scratch.end();
});

const bring = (given: Partial<Import> = {}): Promise<Imported> =>
  importSource({
    from: folder,
    config: undefined,
    environment: {},
    withoutSecrets: false,
    signal,
    target,
    damaged: false,
    report: () => undefined,
    ...given,
  });

function addressOf(server: Postgres, name: string): DatabaseAddress {
  const { name: database, ...where } = server.address(name);
  return { ...where, database, sslMode: "disable", sslRootCertificate: undefined };
}

/** Session tokens by user name. They are reused because LangFlow limits logins. */
const tokens = new Map<string, string>();
const as = (name: string) => LangFlowApi.withToken(url, tokens.get(name) ?? "");

const inSource = (sql: string) => {
  const database = new Database(join(folder, "langflow.db"));
  database.exec(sql);
  database.close();
};

/** Returns the single value of the first row. */
async function first(region: AccountsRegion, sql: string): Promise<string> {
  const [row = {}] = await region.query<Record<string, unknown>>(sql);
  return String(Object.values(row)[0]);
}

const stateOf = (database: string) => importedState({ ...address, database }, FLEETS_KEY);

async function connected<T>(database: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = await openDatabase({ ...address, database });
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** Returns the numbers of created, changed and unchanged rows, by table. */
const countsOf = ({ tables }: Imported) =>
  Object.fromEntries(tables.map(({ table, made, changed, unchanged }) => [table, [made, changed, unchanged]]));
const leftOf = ({ tables }: Imported) =>
  tables.flatMap(({ table, left }) => left.map(({ reason, count, which }) => [table, reason, count, which]));

describe("a LangFlow 1.7.2 on SQLite", () => {
  it("is rejected with exit code 2 if the secret key is wrong, or if a user name belongs to a different person in the fleet", async () => {
    const refused = (said: RegExp) => ({ exitCode: ExitCode.BadInput, message: expect.stringMatching(said) });
    const wrong = randomBytes(32).toString("base64url");
    const other = await us.makeUser("BEA");
    const before = await stateOf(us.database);
    await expect(bring({ environment: { LANGFLOW_SECRET_KEY: wrong } })).rejects.toMatchObject(
      refused(/^nothing was imported: the source has 2 secrets, and the secret key decrypts none of them/),
    );
    await expect(bring()).rejects.toMatchObject(
      refused(/^nothing was imported: the fleet has different users with the same names or ids: bea\. /),
    );
    await expect(bring({ from: "https://langflow.example.com" })).rejects.toMatchObject(
      refused(/needs LangFlow's database/),
    );
    expect(await stateOf(us.database)).toEqual(before);
    await us.query(`DELETE FROM "user" WHERE id = $1`, [other]);
  });

  it("is imported while the region's LangFlow runs, and the import reports what it skipped and why", async () => {
    const imported = await bring();
    expect(countsOf(imported)).toEqual({
      apikey: [1, 0, 0],
      user: [4, 0, 0],
      variable: [2, 0, 0],
      folder: [5, 0, 0],
      file: [3, 0, 0],
      message: [1, 0, 0],
      flow: [6, 0, 0],
      uploads: [5, 0, 0],
    });
    expect(leftOf(imported)).toEqual([
      ["apikey", "refers to a row of user that does not exist", 1, []],
      ["user", "the fleet already has one with that name or path, and keeps it", 1, ["admin"]],
      ["user", expect.stringMatching(/^imported with a random password/), 1, ["langflow"]],
      ["folder", "belongs to no user: LangFlow's own project for its starter flows", 1, ["Starter Projects"]],
      [
        "flow",
        "belongs to no user: a starter flow of LangFlow, or a flow that a user must save first",
        2,
        [expect.any(String), expect.any(String)],
      ],
    ]);
  });

  it("works as before the import: users can log in, and an API key, a variable, a flow and a file are valid", async () => {
    for (const name of ["bea", "dora"]) tokens.set(name, await LangFlowApi.login(url, name, PASSWORD));
    tokens.set("admin", await LangFlowApi.login(url, SUPERUSER.username, SUPERUSER.password));
    const bea = as("bea");
    expect((await bea.call("GET", "/api/v1/users/whoami")).id).toBe(BEA);
    const byKey = LangFlowApi.withKey(url, "sk-fixture");
    expect(await byKey.call("GET", `/api/v1/flows/${PLAIN}`)).toMatchObject({ name: "Plain", user_id: BEA });
    const [{ id: file }] = await bea.call("GET", "/api/v2/files/");
    expect(await bea.text(`/api/v2/files/${file}`)).toBe("some notes\n");

    const dora = as("dora");
    const ofHers = await dora.call("GET", "/api/v1/variables/");
    const own = ofHers.filter(({ name }: { name: string }) => name === "GREETING");
    expect(own).toMatchObject([{ type: "Generic", value: "hello" }]);
    const value = await first(us, "SELECT value FROM variable WHERE name = 'OPENAI_API_KEY'");
    expect(new SecretKey(FLEETS_KEY, "the fleet's").decrypt(value)).toBe("not-a-key");

    const admin = as("admin");
    const { id: fleets } = await admin.call("GET", "/api/v1/users/whoami");
    expect(fleets).not.toBe(ADMIN);
    expect(await admin.call("GET", `/api/v1/flows/${ADMINS_FLOW}`)).toMatchObject({ user_id: fleets });
    const [{ id: plan, path }] = await admin.call("GET", "/api/v2/files/");
    expect(path).toBe(`${fleets}/plan.txt`);
    expect(await admin.text(`/api/v2/files/${plan}`)).toBe("plan\n");
    await expect(LangFlowApi.login(url, "cem", PASSWORD)).rejects.toThrow(/login: 40[01]/);
    expect(await us.query("SELECT text, files FROM message")).toEqual([
      { text: "he\uFFFDllo", files: [`${BEA}/notes.txt`] },
    ]);
  });

  it("is replicated to the other region, and the comparison after the import finds the same contents in both", async () => {
    const outcomes = await rounds(us, eu, us, eu);
    expect(outcomes.flatMap(({ broken }) => [...broken])).toEqual([]);
    const names = `SELECT username, password FROM "user" WHERE username <> 'admin' ORDER BY 1`;
    const users = await eu.query(names);
    expect(users).toEqual(await us.query(names));
    expect(users).toHaveLength(4);
    const variables = "SELECT id, user_id, value FROM variable WHERE name IN ('GREETING', 'OPENAI_API_KEY') ORDER BY 1";
    expect(await eu.query(variables)).toEqual(await us.query(variables));
    const reading = ({ database, client }: AccountsRegion) => ({
      region: database,
      read: (asked: readonly AskedShare[]) => regionContents(client, asked),
    });
    const report = () => undefined;
    const compared = {
      into: reading(us),
      others: [reading(eu)],
      pauseMs: 100,
      patienceMs: 500,
      answerMs: 60_000,
      report,
      signal,
    };
    expect(await agreement(compared)).toMatchObject({ agreed: [eu.database], disagreements: [] });
    const asked = [{ table: "flow", user: "bea" }];
    const byPods = await askRegion<Contents>(target, { stage: "contents", asked }, report, signal);
    expect(byPods).toEqual(await regionContents(us.client, asked));
    expect(byPods.rows.map(({ name }) => name).sort()).toEqual(["Plain", "With a token"]);
  });

  it("that ran without login keeps its account and flows, but not the account's password, after a restart in both regions", async () => {
    const starts = [us, eu].map(({ database }) =>
      scratch.langflow(`${database}-again`, {
        LANGFLOW_DATABASE_URL: postgres.url(database),
        LANGFLOW_SECRET_KEY: FLEETS_KEY,
      }),
    );
    const urls = await Promise.all(starts);
    for (const [index, region] of [us, eu].entries()) {
      expect(
        await region.query(
          `SELECT is_active, is_superuser, retired_at, (SELECT count(*)::int FROM flow WHERE user_id = u.id) AS flows
           FROM "user" u WHERE username = 'langflow'`,
        ),
      ).toEqual([{ is_active: true, is_superuser: true, retired_at: null, flows: 1 }]);
      await expect(LangFlowApi.login(urls[index] ?? "", "langflow", "langflow")).rejects.toThrow(/login: 40[01]/);
    }
    const admin = as("admin");
    await admin.call("PATCH", `/api/v1/users/${AUTO_LOGIN}`, { password: PASSWORD });
    await rounds(us, eu, us, eu);
    for (const at of urls) await LangFlowApi.login(at, "langflow", PASSWORD);
  });

  it("is unchanged by the import, so that users can return; the fleet lists the data that was created in it since", async () => {
    const before = contentsOf(folder);
    expect((await sinceImport(us.client))?.filter(({ table }) => table === "flow")).toEqual([]);
    const made = { name: "Made in the fleet", data: { nodes: [], edges: [] } };
    await as("bea").call("PUT", `/api/v1/flows/${MADE}`, made);
    const later = { name: "LATER", value: "secret of the fleet", type: "Credential", default_fields: [] };
    const { id: variable } = await as("bea").call("POST", "/api/v1/variables/", later);
    await as("admin").call("PATCH", `/api/v1/flows/${ADMINS_FLOW}`, { description: "changed in the fleet" });
    const found = (await sinceImport(us.client)) ?? [];
    const of = (fate: string, table: string) => found.find((each) => each.table === table && each.fate === fate);
    expect(of("made", "flow")).toMatchObject({ count: 1, which: ["Made in the fleet"], ids: [MADE] });
    expect(of("changed", "flow")).toMatchObject({ count: 1, which: ["Of the admin"], ids: [ADMINS_FLOW] });
    // In addition to the variables that LangFlow creates from its environment for each user.
    expect(of("made", "variable")?.ids).toContain(variable);
    expect(JSON.stringify(found)).not.toContain("secret of the fleet");
    expect(contentsOf(folder)).toEqual(before);
  });

  it("can receive the flows that were created in the fleet, as files that LangFlow accepts", async () => {
    const out = join(scratch.folder, "made");
    const told = await byPod(target, true, () => undefined, signal);
    expect(told).toEqual(await byDatabase({ ...address, database: us.database }, true));
    expect(await s3.client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: "move-in/" }))).toMatchObject({
      KeyCount: 0,
    });
    const { flows: tooMany } = await fleetAlone(us.client, true, 1);
    expect(tooMany?.map((each) => Object.keys(each))).toEqual([MADE, ADMINS_FLOW].map(() => ["id", "reason"]));
    const lengths = (told.flows ?? []).flatMap((each) => ("text" in each ? [each.text.length] : []));
    const { flows: few } = await fleetAlone(us.client, true, Math.min(...lengths));
    expect(few?.filter((each) => "text" in each)).toHaveLength(1);
    const { files, left } = writeFlows(told.flows ?? [], out);
    expect([files.toSorted(), left]).toEqual([["admin/Of_the_admin.json", "bea/Made_in_the_fleet.json"], []]);
    const form = new FormData();
    form.append("file", new Blob([readFileSync(join(out, "admin/Of_the_admin.json"))]), "flow.json");
    const headers = { authorization: `Bearer ${tokens.get("dora")}` };
    const taken = await fetch(`${url}/api/v1/flows/upload/`, { method: "POST", headers, body: form });
    const [flow] = (await taken.json()) as { id: string; description: string }[];
    expect([taken.status, flow?.description]).toEqual([201, "changed in the fleet"]);
    await us.query("DELETE FROM flow WHERE id = $1", [flow?.id]);
  });

  it("keeps the MCP servers of all users, the superuser too, from 1.7.2's file after `langflow migrate-mcp`", async () => {
    const servers = () => us.query("SELECT name FROM mcp_server WHERE name = 'weather'");
    expect(await servers()).toEqual([]);
    execFileSync(join(scratch.tools.pythonBin, "langflow"), ["migrate-mcp"], {
      env: {
        ...process.env,
        HOME: scratch.folder,
        LANGFLOW_CONFIG_DIR: scratch.folder,
        LANGFLOW_SUPERUSER: SUPERUSER.username,
        LANGFLOW_SUPERUSER_PASSWORD: SUPERUSER.password,
        LANGFLOW_AUTO_LOGIN: "false",
        ...environment(),
      },
      encoding: "utf8",
    });
    expect(await servers()).toEqual([{ name: "weather" }]);
  });

  it("is imported without its damaged rows and their child rows if the operator requests that", async () => {
    const [ella, flow] = ["d".repeat(32), "9".repeat(32)];
    const sound = "SELECT count(*)::int AS rows FROM flow";
    const before = await us.query(sound);
    inSource(`INSERT INTO user (id, username, password, is_active, is_superuser, create_at, updated_at) VALUES ('${ella}', 'ella', 'x', 1, 0, 'yesterday', '2026-11-28');
      INSERT INTO flow (name, data, id, user_id, access_type) VALUES ('Of Ella', '{"nodes": [], "edges": []}', '${flow}', '${ella}', 'PRIVATE');
      INSERT INTO variable (name, value, type, id, user_id) VALUES ('ELLAS', 'x', 'Generic', '${"8".repeat(32)}', '${ella}');
      UPDATE message SET properties = '{"score": NaN}'`);
    await expect(bring()).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(/damaged rows \(user ella: create_at is not a date\): .*--damaged/),
    });
    const imported = await bring({ damaged: true });
    expect(leftOf(imported).filter(([, reason]) => String(reason).includes("damaged"))).toEqual([
      ["user", "damaged: create_at is not a date", 1, ["ella"]],
      ["variable", "belongs to a damaged row (user_id)", 1, ["ELLAS"]],
      ["flow", "belongs to a damaged row (user_id)", 1, ["Of Ella"]],
    ]);
    expect(await us.query(sound)).toEqual(before);
    expect(await us.query("SELECT properties FROM message")).toEqual([{ properties: { score: null } }]);
    inSource(
      `DELETE FROM flow WHERE id = '${flow}'; DELETE FROM variable WHERE user_id = '${ella}'; DELETE FROM user WHERE id = '${ella}'`,
    );
  });

  it("never gives a user's account to a different LangFlow's user with the same id", async () => {
    const cloned = join(scratch.folder, "cloned");
    cpSync(folder, cloned, { recursive: true });
    const database = new Database(join(cloned, "langflow.db"));
    database.exec(`UPDATE user SET username = 'zoe' WHERE username = 'cem'`);
    database.close();
    const before = await stateOf(us.database);
    await expect(bring({ from: cloned })).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(/^nothing was imported: the fleet has different users .*: zoe\. /),
    });
    expect(await stateOf(us.database)).toEqual(before);
  });

  it("can be imported again: later changes are imported, and no change that users made in the fleet is overwritten", async () => {
    inSource(`UPDATE flow SET description = 'later' WHERE id = '${hex(PLAIN)}';
      UPDATE variable SET default_fields = '["later"]';
      UPDATE user SET last_login_at = '2026-12-01 00:00:00', profile_image = 'later' WHERE username = 'cem';
      DELETE FROM message`);
    writeFileSync(join(folder, ADMIN, "plan.txt"), "a later plan\n");
    const notes = { Bucket: BUCKET, Key: `files/${BEA}/notes.txt` };
    writeFileSync(join(folder, BEA, "notes.txt"), "later notes\n");
    await s3.client.send(new PutObjectCommand({ ...notes, Body: "of the fleet" }));
    await us.query("UPDATE variable SET value = 'of the fleet' WHERE name = 'GREETING'");
    await us.query(`DELETE FROM apikey WHERE name = 'a script'`);
    const edits = "SELECT count(*)::int AS edits FROM langflow_dr.account_change WHERE kind = 'edited'";
    const before = Number(await first(us, edits));
    const imported = await bring();
    expect(countsOf(imported)).toEqual({
      apikey: [0, 0, 1],
      user: [0, 1, 4],
      variable: [0, 1, 0],
      folder: [0, 0, 5],
      file: [0, 0, 3],
      message: [0, 0, 0],
      flow: [0, 1, 5],
      uploads: [0, 2, 2],
    });
    expect(leftOf(imported)).toEqual(
      expect.arrayContaining([
        ["variable", "changed in the source and in the fleet: the fleet keeps its version", 1, ["GREETING"]],
        ["uploads", "changed in the source and in the fleet: the fleet keeps its version", 1, [`${BEA}/notes.txt`]],
        ["message", "deleted in the source since the last import: the fleet keeps it", 1, [expect.any(String)]],
      ]),
    );
    const kept = await s3.client.send(new GetObjectCommand(notes));
    expect(await kept.Body?.transformToString()).toBe("of the fleet");
    const description = await first(us, `SELECT description FROM flow WHERE id = '${PLAIN}'`);
    expect(description).toBe("later");
    expect(await us.query("SELECT value FROM variable WHERE name = 'GREETING'")).toEqual([{ value: "of the fleet" }]);
    expect(await us.query("SELECT name FROM apikey WHERE name = 'a script'")).toEqual([]);
    expect(Number(await first(us, edits))).toBe(before + 3);
    const ofFleet = "SELECT name, description FROM flow WHERE id = ANY($1) ORDER BY name";
    expect(await us.query(ofFleet, [[MADE, ADMINS_FLOW]])).toEqual([
      { name: "Made in the fleet", description: null },
      { name: "Of the admin", description: "changed in the fleet" },
    ]);
    expect(await sinceImport(us.client)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ table: "variable", fate: "changed", which: ["GREETING"] }),
        expect.objectContaining({ table: "apikey", fate: "deleted", count: 1 }),
      ]),
    );
  });
});

/** Example data of a team that ran 1.12.8 on PostgreSQL. */
const EVE = "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee";
const OLD_KEY = randomBytes(32).toString("base64url");
/** Key of a project's settings, which is unknown at the first import. */
const OTHER_KEY = randomBytes(32).toString("base64url");
const rowsOfEve = () => {
  const secret = new SecretKey(OLD_KEY, "the source's").encrypt("eve's own");
  const numbers = "generate_series(1, 40) AS n";
  const id = (of: string) => `md5('${of}' || n)::uuid`;
  return [
    `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at) VALUES ('${EVE}', 'eve', 'hash', true, false, now(), now())`,
    // A nested project that sorts before its parent, and is not inserted by the same statement.
    `INSERT INTO folder (id, name, user_id, auth_settings) VALUES ('ffffffff-ffff-4fff-8fff-ffffffffffff', 'outer', '${EVE}',
      '{"api_key": "${new SecretKey(OTHER_KEY, "other").encrypt("of the project")}"}')`,
    `INSERT INTO folder (id, name, user_id) SELECT ${id("folder")}, 'project ' || n, '${EVE}' FROM generate_series(1, 510) AS n`,
    `INSERT INTO folder (id, name, user_id, parent_id) VALUES ('00000000-0000-4000-8000-000000000000', 'inner', '${EVE}', 'ffffffff-ffff-4fff-8fff-ffffffffffff')`,
    `INSERT INTO variable (id, name, value, type, user_id) SELECT ${id("variable")}, 'KEY ' || n, '${secret}', 'Credential', '${EVE}' FROM ${numbers}`,
    `INSERT INTO variable (id, name, value, type, user_id) VALUES (gen_random_uuid(), 'LOST', '${new SecretKey(FLEETS_KEY.split("").reverse().join(""), "another").encrypt("lost")}', 'Credential', '${EVE}')`,
    `INSERT INTO flow (id, name, data, user_id, folder_id) SELECT ${id("flow")}, 'Flow ' || n, '{"nodes": [], "edges": [], "odd": "\\u0000"}', '${EVE}', ${id("folder")} FROM ${numbers}`,
    `INSERT INTO message (id, session_id, text, timestamp, sender, sender_name, error, edit, files, properties, category, content_blocks, flow_id)
      SELECT ${id("message")}, 's', 'said ' || n, '2026-11-01 12:00:00.123456', 'User', 'eve', false, false, '[]', '{}', 'message', '[]', ${id("flow")} FROM ${numbers}`,
  ];
};

describe("a LangFlow 1.12.8 on PostgreSQL", () => {
  const DATABASES = 4;
  const CUTS = 5;
  const CUT_OFF = /Connection terminated|ECONNRESET|EPIPE|not queryable|stream was destroyed|socket has been ended/;
  let moving: Postgres;
  let loaded: ScratchDatabase;
  const quiet = () => undefined;
  /** SHA-256 of a package's manifest. */
  const PACKAGE = "a".repeat(64);
  const DIGESTED = `SELECT table_name, row_id, digest FROM ${DIGESTS} ORDER BY 1, 2`;
  beforeAll(async () => {
    moving = await scratch.postgres("moving", join(__dirname, "migrated-1.12.8.sql"));
    for (const sql of rowsOfEve()) await moving.query("moving", sql);
    loaded = new ScratchDatabase(address);
    await loaded.make(["386662af02e9"], PACKAGE);
    const migrated = async (name: "migrate-source" | "migrate-newest") =>
      expect(await migrate(name, place, { LANGFLOW_DATABASE_URL: place.databaseUrl }, OLD_KEY)).toMatchObject({
        exitCode: 0,
        log: "",
      });
    await migrated("migrate-source");
    await withPostgresRows(addressOf(moving, "moving"), (rows) =>
      loaded.load({ rows, tallies: new Tallies(), progress: quiet, signal }),
    );
    await migrated("migrate-newest");
    // The state of a database after an agent's start.
    await postgres.create("ready", "migrated");
    await postgres.query("ready", ADMIN_OF_FLEET);
    const store = new FlowStore(parseDatabaseUrl(postgres.url("ready")));
    await new RecordDatabase(store).head();
    await store.close();
    await connected("ready", (client) => prepareAccounts(client, TABLES));
  });
  afterAll(() => loaded?.drop());

  /**
   * Imports into a database. @param point number of the statement before which the connection breaks, as for a killed
   * process @returns the number of statements sent
   */
  async function carryInto(
    database: string,
    point = Number.POSITIVE_INFINITY,
    secrets = [OLD_KEY],
  ): Promise<{ sent: number; tallies: Tallies }> {
    const tallies = new Tallies();
    const keys = {
      old: secrets.map((each) => new SecretKey(each, "old")),
      fleet: new SecretKey(FLEETS_KEY, "the fleet's"),
    };
    let sent = 0;
    const rows = await loaded.open();
    try {
      await connected(database, (region) => {
        const send = region.query.bind(region) as (...given: unknown[]) => unknown;
        const cut = (...given: unknown[]) => {
          sent += 1;
          const { stream } = (region as unknown as { connection: { stream: Socket } }).connection;
          if (sent === point) stream.destroy();
          return send(...given);
        };
        Object.assign(region, { query: cut });
        return carry({
          scratch: rows,
          region,
          source: "eve's",
          keys,
          flowNames: new Map(),
          uploads: new Set(),
          superuser: SUPERUSER.username,
          tallies,
          progress: quiet,
          signal,
        });
      });
    } finally {
      await rows.end();
    }
    return { sent, tallies };
  }

  it("is rejected if the scratch database belongs to the package of a different import", async () => {
    await loaded.requirePackage(PACKAGE);
    await expect(loaded.requirePackage("b".repeat(64))).rejects.toThrow(
      "another import into this region has started: wait until it ends",
    );
  });

  it("has the same rows, import records and pending replication after an import that was interrupted at any point and repeated", async () => {
    await postgres.create("whole", "ready");
    const { sent, tallies } = await carryInto("whole");
    const whole = await stateOf("whole");
    const made = tallies.all().flatMap((each) => (each.made > 0 ? [[each.table, each.made, each.left]] : []));
    const lost = { reason: expect.stringMatching(/does not decrypt/), count: 1, which: ["LOST"] };
    expect(made).toEqual([
      ["user", 1, []],
      ["variable", 40, [lost]],
      ["folder", 512, [{ ...lost, which: ["outer"] }]],
      ["message", 40, []],
      ["flow", 40, []],
    ]);
    const points = Array.from({ length: DATABASES * CUTS }, () => randomInt(1, sent + 1));
    for (let at = 0; at < points.length; at += CUTS) {
      const several = points.slice(at, at + CUTS);
      await postgres.create("cut", "ready");
      // Completed work needs fewer statements, so a point may be beyond the end.
      for (const point of several)
        await carryInto("cut", point).catch((error: Error) => expect(error.message).toMatch(CUT_OFF));
      await carryInto("cut");
      expect({ several, state: await stateOf("cut") }).toEqual({ several, state: whole });
    }
  });

  it("is imported only once: a second import writes nothing, whatever LangFlow changes at logins", async () => {
    const before = await postgres.contents("whole");
    const { tallies } = await carryInto("whole");
    expect(tallies.all().filter(({ made, changed }) => made + changed > 0)).toEqual([]);
    expect(await postgres.contents("whole")).toEqual(before);
  });

  it("has a secret re-encrypted with the fleet's key once the operator provides the secret's old key", async () => {
    const { tallies } = await carryInto("whole", undefined, [OLD_KEY, OTHER_KEY]);
    expect(tallies.all().filter(({ changed }) => changed > 0)).toMatchObject([{ table: "folder", changed: 1 }]);
    const rows = await postgres.query<{ key: string }>(
      "whole",
      "SELECT auth_settings ->> 'api_key' AS key FROM folder WHERE name = 'outer'",
    );
    expect(new SecretKey(FLEETS_KEY, "the fleet's").decrypt(String(rows[0]?.key))).toBe("of the project");
  });

  it("keeps the exact timestamps and graphs of its rows", async () => {
    const text = "SELECT timestamp::text AS at FROM message ORDER BY id LIMIT 1";
    expect(await postgres.query("whole", text)).toEqual([{ at: "2026-11-01 12:00:00.123456+00" }]);
    const graph = `SELECT DISTINCT data::text AS data FROM flow WHERE user_id = '${EVE}'`;
    expect(await postgres.query("whole", graph)).toEqual([{ data: '{"nodes": [], "edges": [], "odd": "\\u0000"}' }]);
  });

  it("is identical, row by row, after it was collected into a folder", async () => {
    const digests = () =>
      loaded.open().then((client) =>
        client
          .query(DIGESTED)
          .then(({ rows }) => rows)
          .finally(() => client.end()),
      );
    const before = await digests();
    const out = join(scratch.folder, "collected");
    const told = await collect({
      python: `env LANGFLOW_DATABASE_URL='${moving.url("moving")}' LANGFLOW_CONFIG_DIR=/nowhere LANGFLOW_SECRET_KEY=${OLD_KEY} ${join(scratch.tools.pythonBin, "python")}`,
      out,
      report: quiet,
      signal,
    });
    expect(told).toMatchObject({ database: "PostgreSQL", langflow: expect.stringMatching(/^langflow(-base)? 1\./) });
    await loaded.make(["386662af02e9"], PACKAGE);
    expect(await migrate("migrate-source", place, { LANGFLOW_DATABASE_URL: place.databaseUrl }, OLD_KEY)).toMatchObject(
      { exitCode: 0 },
    );
    const tallies = new Tallies();
    await withSqliteRows(join(out, "langflow.db"), (rows) => loaded.load({ rows, tallies, progress: quiet, signal }));
    expect(tallies.all().flatMap(({ left }) => left)).toEqual([]);
    const after = await digests();
    expect(after.length).toBeGreaterThan(500);
    expect(after).toEqual(before);
    const inspected = { config: undefined, signal };
    const [collected, source] = [
      await inspect({ ...inspected, from: out, environment: {} }),
      await inspect({
        ...inspected,
        from: "env:URL",
        environment: { URL: moving.url("moving"), LANGFLOW_SECRET_KEY: OLD_KEY },
      }),
    ];
    const findings = (inventory: Inventory) =>
      moveInFindings(inventory).filter(({ what }) => !what.startsWith("rows of"));
    expect(findings(collected)).toEqual(findings(source));
    for (const each of ["users", "flows", "variables", "messages", "ciphertexts", "revisions"] as const)
      expect(collected[each]).toEqual(source[each]);
  });
});

const ADMIN_OF_FLEET = `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
  VALUES ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'admin', 'hash', true, true, now(), now())`;
