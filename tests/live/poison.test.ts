import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Envelope } from "../../agent/accounts/envelope";
import { keyOf } from "../../agent/accounts/segmentPlaces";
import { backup } from "../../agent/backup/backup";
import { LangFlowRefusal } from "../../agent/langflow/client";
import { FlowStore } from "../../agent/langflow/store";
import { parseDatabaseUrl } from "../../agent/postgres/connection";
import { cycle } from "../../agent/record/cycle";
import { RecordDatabase } from "../../agent/record/database";
import type { Parts } from "../../agent/record/parts";
import { TreeReader } from "../../agent/record/tree";
import { RetryBackoff } from "../../agent/rounds/retryBackoff";
import { GitHost } from "../agent/git/gitHost";
import { type AccountsRegion, regionsOfFile, rounds, SECRET_KEY } from "./accountsRegion";

jest.setTimeout(600_000);

const region = regionsOfFile();
const host = new GitHost();
afterAll(() => host.close());

/** JSON texts that once blocked all other rows, or might. */
const TEXTS: Readonly<Record<string, string>> = {
  "45,000 NULs": `{"x":"${"\\u0000".repeat(45_000)}"}`,
  "500,000 NULs": `{"x":"${"\\u0000".repeat(500_000)}"}`,
  "300,000 escapes": `{"x":"${"\\u4e2d".repeat(300_000)}"}`,
  "300,000 quotes": `{"x":"${'\\"'.repeat(300_000)}"}`,
  "300,000 backslashes and a NUL": `{"x":"${"\\\\".repeat(300_000)}\\u0000"}`,
  "40,000 first halves of characters": `{"x":"${"\\ud83d".repeat(40_000)}"}`,
  "40,000 second halves of characters": `{"x":"${"\\ude00".repeat(40_000)}"}`,
  "40,000 whole characters and a NUL": `{"x":"${"\\ud83d\\ude00".repeat(40_000)}\\u0000"}`,
  "1e400": '{"x":1e400}',
  "-1e400": '{"x":-1e400}',
  "1e-400": '{"x":1e-400}',
  "-0": '{"x":[-0,-0.0,0e0]}',
  "2,000 times 1e99999": `{"x":[${"1e99999,".repeat(2_000)}1]}`,
  "1e99999999999": '{"x":1e99999999999}',
  "what looks like numbers in a text": '{"x":"a3e1234567, 1e99999 \\u0000 \\" 1e5555","y":1}',
  "an integer of 400 digits": `{"x":${"7".repeat(400)}}`,
  "an integer of 200,000 digits": `{"x":${"7".repeat(200_000)}}`,
  "a fraction of 200,000 digits": `{"x":0.${"7".repeat(200_000)}}`,
  "5,000 levels": `{"x":${"[".repeat(5_000)}${"]".repeat(5_000)}}`,
  "100,000 levels": `{"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
  "20,000 keys": `{${Array.from({ length: 20_000 }, (_, n) => `"key ${n}":${n}`).join(",")}}`,
  "a key twice": '{"x":1,"x":2}',
  "a key of prototypes": '{"__proto__":{"x":1},"constructor":null}',
  "empty keys": '{"":{"":""}}',
  "8 MB": `{"x":"${"word ".repeat(1_600_000)}"}`,
  "no object": "[1,null,true]",
  null: "null",
};
const TIMES = ["0001-01-01 BC", "1969-12-31", "9999-12-31", "infinity", "-infinity"];
const NAMES = [
  "n".repeat(500),
  "Ärger",
  "ärger",
  "ÄRGER",
  "İstanbul",
  "i̇stanbul",
  "ΑΣ",
  "ας",
  "..",
  "a/../b",
  "\u202eevil",
  "-",
  "CON",
];

/** A row that a test tries to insert into a region's database. */
interface Item {
  readonly name: string;
  readonly table: string;
  readonly id: string;
  readonly sql: string;
  readonly values: readonly unknown[];
}

function items(user: string): Item[] {
  const all: Item[] = [];
  const add = (name: string, table: string, columns: Readonly<Record<string, unknown>>) => {
    const id = randomUUID();
    const row = { id, ...columns };
    const places = Object.keys(row).map((_, at) => `$${at + 1}`);
    const names = Object.keys(row).map((column) => `"${column}"`);
    const sql = `INSERT INTO "${table}" (${names.join(", ")}) VALUES (${places.join(", ")})`;
    all.push({ name: `${table}: ${name}`, table, id, sql, values: Object.values(row) });
  };
  const message = {
    timestamp: new Date(),
    sender: "User",
    sender_name: "Eve",
    session_id: "s",
    text: "x",
    error: false,
  };
  const more = { edit: false, files: "[]", properties: "{}", category: "message", content_blocks: "[]" };
  const server = { user_id: user, enabled: true, version: 1, created_at: new Date(), updated_at: new Date() };
  const flow = { user_id: user, updated_at: new Date(), data: '{"nodes":[],"edges":[]}' };
  const account = {
    password: "hash",
    is_active: true,
    is_superuser: false,
    create_at: new Date(),
    updated_at: new Date(),
  };
  const variable = { user_id: user, value: "x", type: "Generic", created_at: new Date(), updated_at: new Date() };
  for (const [name, text] of Object.entries(TEXTS)) {
    add(name, "message", { ...message, ...more, content_blocks: text });
    add(name, "message", { ...message, ...more, properties: text });
    add(name, "flow", { ...flow, name, data: text });
    add(name, "mcp_server", { ...server, name, config: text });
    add(name, "variable", { ...variable, name, default_fields: text });
  }
  for (const time of TIMES) {
    add(time, "message", { ...message, ...more, timestamp: time });
    add(time, "flow", { ...flow, name: `at ${time}`, updated_at: time });
    add(time, "user", { ...account, username: `at ${time}`, create_at: time, updated_at: time });
    add(time, "variable", { ...variable, name: `at ${time}`, created_at: time, updated_at: time });
  }
  add("no time", "flow", { ...flow, name: "at no time", updated_at: null });
  for (const name of NAMES) {
    add(name, "user", { ...account, username: name });
    add(name, "flow", { ...flow, name });
    add(name, "variable", { ...variable, name });
    add(name, "mcp_server", { ...server, name });
  }
  return all;
}

/** SQL that returns a digest of a row, with each value in its replicated form. */
const SHOWN: Readonly<Record<string, string>> = {
  message:
    "md5(coalesce(langflow_dr.account_text(content_blocks), 'null') || coalesce(langflow_dr.account_text(properties), 'null') || timestamp)",
  flow: "md5(name || coalesce(langflow_dr.account_text(data), 'null'))",
  mcp_server: "md5(name || coalesce(langflow_dr.account_text(config), 'null'))",
  variable: "md5(name || value || coalesce(langflow_dr.account_text(default_fields), 'null'))",
  user: "md5(username || create_at)",
};

async function shown(of: AccountsRegion, { table, id }: Item): Promise<string | undefined> {
  const sql = `SELECT ${SHOWN[table]} AS shown FROM "${table}" WHERE id = $1`;
  const [row] = await of.query<{ shown: string }>(sql, [id]).catch(() => [{ shown: "cannot be shown" }]);
  return row?.shown;
}

/** Returns two regions that replicate flows as rows. */
async function agreed(): Promise<[AccountsRegion, AccountsRegion]> {
  const [us, eu] = await region.pair();
  await rounds(us, eu, us, eu);
  return [us, eu];
}

/** Inserts the items and returns those that the database accepted. */
async function throwAt(us: AccountsRegion): Promise<Item[]> {
  const taken: Item[] = [];
  for (const item of items(await us.makeUser("eve")))
    await us.query(item.sql, [...item.values]).then(
      () => taken.push(item),
      // The database rejected the row, so no region can have it.
      () => undefined,
    );
  return taken;
}

async function arrivesBeside(us: AccountsRegion, eu: AccountsRegion, taken: readonly Item[]): Promise<void> {
  const ada = await us.makeUser(`ada ${randomUUID()}`);
  const [told, came] = await rounds(us, eu);
  expect(await eu.query('SELECT id FROM "user" WHERE id = $1', [ada])).toEqual([{ id: ada }]);
  expect([told?.broken, came?.broken]).toEqual([new Map(), new Map()]);
  const held = new Set([...(told?.waiting ?? []), ...(came?.waiting ?? [])].map(({ table, id }) => `${table} ${id}`));
  const lost: string[] = [];
  for (const item of taken)
    if (!held.has(`${item.table} ${item.id}`) && (await shown(us, item)) !== (await shown(eu, item)))
      lost.push(item.name);
  expect(lost).toEqual([]);
}

it("each of 200 unusual rows is replicated unchanged or held by name, and ordinary edits are replicated in the same round", async () => {
  const [us, eu] = await agreed();
  const taken = await throwAt(us);
  expect(taken.length).toBeGreaterThan(150);
  await arrivesBeside(us, eu, taken);
  // Their author changes and deletes the rows: no write fails.
  for (const { table, id } of taken) {
    if (table === "message") await us.query("UPDATE message SET text = 'edited' WHERE id = $1", [id]);
    if (table !== "user") await us.query(`DELETE FROM "${table}" WHERE id = $1`, [id]);
  }
  await arrivesBeside(us, eu, taken);
});

it("unusual rows are also replicated if they existed before the agent's triggers", async () => {
  const [us, eu] = await agreed();
  await us.query("DROP TRIGGER langflow_dr_account ON message; DROP TRIGGER langflow_dr_account ON flow");
  await arrivesBeside(us, eu, await throwAt(us));
});

it.each([
  ["variable", { user_id: "nope", name: '"n"', type: '"Generic"', value: '"v"' }],
  ["folder", { user_id: "nope", name: '"n"', parent_id: "{" }],
  ["authz_share", { resource_type: '"flow"', resource_id: "nope", scope: '"public"' }],
])("a row of %s whose JSON contains an invalid reference is held without blocking other rows", async (table, cells) => {
  const [us, eu] = await region.pair();
  await us.makeUser("beside");
  const id = randomUUID();
  const at = Date.now() * 1000;
  const text = [
    { form: 1, completes: false, rows: 1, at },
    { table, id, made: at, cells: { id: JSON.stringify(id), ...cells } },
  ];
  const key = keyOf("accounts", { region: "us-east", epoch: "1700000000000000", number: 0 });
  const sealed = await new Envelope(SECRET_KEY).seal([text.map((each) => JSON.stringify(each)).join("\n")], key);
  await eu.bucket.createOnce(key, sealed);
  await eu.accounts.round();
  await us.accounts.round();
  const { waiting } = await eu.accounts.round();
  expect(waiting).toMatchObject([{ table, id }]);
  expect(await eu.query("SELECT FROM \"user\" WHERE username = 'beside'")).toHaveLength(1);
});

it("a segment's unreadable rows are reported until their region writes a snapshot; its other rows are applied", async () => {
  const [, eu] = await region.pair();
  await eu.client.end();
  await eu.open(new Map([["ap-south", eu.bucket]]));
  const at = Date.now() * 1000;
  const row = (id: string, username: string, made: unknown = at) => {
    const values = {
      id,
      username,
      password: "hash",
      is_active: true,
      is_superuser: false,
      create_at: "2026-01-01",
      updated_at: "2026-01-01",
    };
    const cells = Object.fromEntries(Object.entries(values).map(([column, value]) => [column, JSON.stringify(value)]));
    return { table: "user", id, made, cells };
  };
  const [good, far] = [row(randomUUID(), "good"), row(randomUUID(), "far", Number.MAX_SAFE_INTEGER)];
  const bad = [
    row(randomUUID(), "negative", -1),
    row(randomUUID(), "a text", "NaN"),
    { ...row(randomUUID(), "of no id"), id: undefined },
    { ...row(randomUUID(), "of another type"), cells: { username: 7 } },
    { ...row(good.id, "of another's key"), id: randomUUID() },
    { table: "of nobody", id: "1", made: at, cells: {} },
  ];
  const rows = [good, ...bad, far];
  const text = [{ form: 1, completes: false, rows: rows.length, at }, ...rows]
    .map((each) => JSON.stringify(each))
    .join("\n");
  const key = keyOf("accounts", { region: "ap-south", epoch: "1700000000000000", number: 0 });
  await eu.bucket.createOnce(key, await new Envelope(SECRET_KEY).seal([text], key));
  for (let round = 0; round < 2; round += 1) {
    const { waiting, broken } = await eu.accounts.round();
    expect(broken).toEqual(new Map());
    expect(waiting.map(({ reason }) => reason)).toEqual(
      Array(6).fill(expect.stringContaining("rejected another region's row")),
    );
  }
  const users = await eu.query("SELECT username FROM \"user\" WHERE username IN ('good', 'far') ORDER BY 1");
  expect(users).toEqual([{ username: "far" }, { username: "good" }]);
  // An edit of the row with the last representable timestamp is readable by all regions.
  await eu.query("UPDATE \"user\" SET username = 'nearer' WHERE username = 'far'");
  await eu.accounts.round();
  const [{ stamps }] = (await eu.query<{ stamps: { username: number } }>(
    "SELECT stamps FROM langflow_dr.account_row WHERE row_id = $1",
    [far.id],
  )) as [{ stamps: { username: number } }];
  expect(stamps.username).toBeLessThan(at + 367 * 86_400_000_000);
});

it("the recorder and the backup include ordinary flows, and each unusual flow is included or reported", async () => {
  const [us, eu] = await agreed();
  const taken = (await throwAt(us)).filter(({ table }) => table === "flow");
  await rounds(us, eu);
  const owner = await us.makeUser("ada");
  const good = randomUUID();
  await us.query("INSERT INTO flow (id, name, user_id, updated_at, data) VALUES ($1, 'Good', $2, now(), $3)", [
    good,
    owner,
    '{"nodes":[],"edges":[]}',
  ]);
  await rounds(us, eu);
  host.write({
    "eve/broken.json": "\u0000\ufffd{",
    "eve/deep.json": `{"id":"${randomUUID()}","name":"Deep","data":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    "eve/number.json": `{"id":"${randomUUID()}","name":"Number","data":{"nodes":[],"edges":[],"x":1e400}}`,
    "eve/escapes.json": `"${"\\u4e2d".repeat(3_000_000)}`,
  });
  const store = new FlowStore(parseDatabaseUrl(region.postgres().url(us.database)));
  const repository = await host.open("record");
  const refusing = new Proxy({} as ReturnType<Parts["langflowOf"]>, {
    get: (_, method) => async () => {
      if (method !== "answers") throw new LangFlowRefusal(422, "a test", "");
      return true;
    },
  });
  const parts: Parts = {
    region: "us-east",
    database: new RecordDatabase(store),
    repository,
    reader: new TreeReader(repository),
    backoff: new RetryBackoff(),
    deletes: { share: 1, number: 1_000, together: { share: 1, number: 1_000 } },
    releases: { has: () => false, take: () => false },
    findSecrets: async () => [],
    langflowOf: () => refusing,
    isDefault: () => false,
    isRecorder: () => true,
    isOnlyRecorder: () => true,
    isCaughtUp: () => true,
    alive: () => undefined,
  };
  const done = await cycle(parts);
  await store.close();
  const recorded = host.in("host.git", ["grep", "-l", "-F", good, "main", "--", "*.json"]);
  expect(recorded).toContain("Good.json");
  const named = JSON.stringify(done?.outcomes);
  for (const { id, name } of taken)
    if (!named.includes(id)) {
      const files = host.in("host.git", ["grep", "-l", "-F", `"id": "${id}"`, "main", "--", "*.json"]);
      expect(`${name}: ${files}`).toContain(".json");
    }

  const s3 = await region.scratch().s3();
  const warned: unknown[] = [];
  process.env.PATH = region.scratch().path;
  const dataDir = await mkdtemp(join(region.scratch().folder, "data-"));
  await writeFile(join(dataDir, "file"), randomBytes(10));
  const { counts } = await backup({
    s3: s3.client,
    bucket: await s3.bucket("flows-us"),
    prefix: "backups",
    filesPrefix: "files",
    region: "us-east",
    databaseUrl: region.postgres().url(us.database),
    dataDir,
    langflowVersion: "1.13.0",
    log: { info: () => undefined, warn: (what: unknown) => void warned.push(what) },
  });
  expect(counts.flows).toBe(counts.flowFiles + warned.length);
  expect(JSON.stringify(warned)).not.toContain(good);
  expect(warned.length).toBeGreaterThan(0);
});
