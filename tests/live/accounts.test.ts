import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { Client } from "pg";
import { Envelope } from "../../agent/accounts/envelope";
import type { ReplicatedRow } from "../../agent/accounts/langflowTables";
import { keyOf } from "../../agent/accounts/segmentPlaces";
import { textOfPart } from "../agent/doubles/segmentText";
import { AccountsRegion, regionsOfFile, rounds, SECRET_KEY } from "./accountsRegion";
import { until } from "./langflowApi";

jest.setTimeout(300_000);

const KEY = `INSERT INTO apikey (id, name, api_key, user_id, total_uses, is_active) VALUES ($1, $2, $2, $3, 0, true)`;
const VARIABLE = `INSERT INTO variable (id, name, value, type, user_id, created_at) VALUES ($1, 'TOKEN', $2, 'Credential', $3, now())`;

const SIGN_IN = `INSERT INTO sso_user_profile (id, user_id, sso_provider, sso_user_id, created_at, updated_at)
  VALUES ($1, $2, 'idp', 'subject', now(), now())`;

/** Result of a round without changes. */
const IDLE = { applied: 0, published: 0, waiting: [] };

const file = regionsOfFile();
const fleet = () => file.pair();

it("replication brings a user with her API key, variable and project to the other region", async () => {
  const [us, eu] = await fleet();
  await rounds(us, eu, us);
  const id = await us.makeUser("ada");
  await us.query(
    `INSERT INTO apikey (id, name, api_key, user_id, total_uses, is_active) VALUES ($1, 'k', 'sk-1', $2, 7, true)`,
    [randomUUID(), id],
  );
  await us.query(VARIABLE, [randomUUID(), "cipher", id]);
  await us.query(`INSERT INTO folder (id, name, user_id) VALUES ($1, 'Team', $2)`, [randomUUID(), id]);
  const [told, came] = await rounds(us, eu);
  expect(told).toMatchObject({ published: 4, waiting: [] });
  expect(came).toMatchObject({ applied: 4, waiting: [], published: 0 });
  for (const [table, ignored] of [
    // A replicated user has a last login. Without one, LangFlow would disable a superuser at its start.
    ["user", " - 'updated_at' - 'last_login_at'"],
    ["apikey", " - 'total_uses'"],
    ["variable", ""],
    ["folder", ""],
  ]) {
    const where = table === "user" ? "id" : "user_id";
    const sql = `SELECT to_jsonb(t)${ignored} AS row FROM "${table}" t WHERE ${where} = $1`;
    const rows = await us.query(sql, [id]);
    expect(rows).toHaveLength(1);
    expect(await eu.query(sql, [id])).toEqual(rows);
  }
  expect(await rounds(us, eu)).toMatchObject([
    { applied: 0, published: 0 },
    { applied: 0, published: 0 },
  ]);
});

it("a round that waits for LangFlow's transaction on a user's variable does not block the transaction's inserts for that user", async () => {
  const [us, eu] = await fleet();
  const [user, variable] = [await us.makeUser("ada"), randomUUID()];
  await us.query(VARIABLE, [variable, "cipher", user]);
  await rounds(us, eu);
  await us.query(`UPDATE "user" SET profile_image = 'new.png' WHERE id = $1`, [user]);
  await us.query("UPDATE variable SET value = 'newer' WHERE id = $1", [variable]);
  await rounds(us);
  // The region's own value is later: the agent reads and locks the user's row, but does not write it.
  await eu.query(`UPDATE "user" SET profile_image = 'later.png' WHERE id = $1`, [user]);
  const langflow = new Client({ connectionString: file.postgres().url(eu.database) });
  await langflow.connect();
  try {
    await langflow.query("BEGIN");
    await langflow.query("SELECT FROM variable WHERE id = $1 FOR UPDATE", [variable]);
    const round = rounds(eu);
    await until(
      "the agent waits for the variable",
      async () => (await eu.query("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).length > 0,
    );
    // The foreign keys of LangFlow's next rows lock the user's row like this.
    const lockable = await langflow.query(`SELECT FROM "user" WHERE id = $1 FOR KEY SHARE SKIP LOCKED`, [user]);
    expect(lockable.rowCount).toBe(1);
    await langflow.query("COMMIT");
    expect(await round).toMatchObject([{ applied: 1, waiting: [] }]);
  } finally {
    await langflow.end();
  }
});

it("replication keeps two accounts with the same username apart, each with only its own data, and renames the younger account", async () => {
  const [us, eu] = await fleet();
  const [older, younger] = [await us.makeUser("grace"), await eu.makeUser("Grace")];
  await eu.query(`UPDATE "user" SET is_active = false WHERE id = $1`, [younger]);
  for (const [region, user] of [
    [us, older],
    [eu, younger],
  ] as const) {
    await region.query(KEY, [randomUUID(), `key of ${user}`, user]);
    await region.query(VARIABLE, [randomUUID(), `of ${user}`, user]);
    await region.query(`INSERT INTO folder (id, name, user_id) VALUES ($1, 'Starter Project', $2)`, [
      randomUUID(),
      user,
    ]);
    await region.query(
      `INSERT INTO file (id, user_id, name, path, size, provider, created_at, updated_at)
        VALUES ($1, $2, 'report', $2::uuid::text || '/report.pdf', 1, NULL, now(), now())`,
      [randomUUID(), user],
    );
  }
  const outcomes = await rounds(us, eu, us, eu);
  expect(outcomes.flatMap(({ waiting }) => waiting)).toEqual([]);
  for (const region of [us, eu]) {
    expect(
      await region.query(
        `SELECT id, username, is_active FROM "user" WHERE lower(username) LIKE 'grace%' ORDER BY 2 DESC`,
      ),
    ).toEqual([
      { id: older, username: "grace", is_active: true },
      { id: younger, username: `Grace (${younger.slice(0, 8)})`, is_active: false },
    ]);
    for (const user of [older, younger]) {
      expect(await region.query("SELECT api_key AS key FROM apikey WHERE user_id = $1", [user])).toEqual([
        { key: `key of ${user}` },
      ]);
      expect(await region.query("SELECT value FROM variable WHERE user_id = $1", [user])).toEqual([
        { value: `of ${user}` },
      ]);
      for (const table of ["folder", "file"])
        expect(await region.query(`SELECT name FROM ${table} WHERE user_id = $1`, [user])).toHaveLength(1);
    }
  }
});

it("replication merges two accounts with the same SSO identity, and the merged account has the keys, flows and projects of both", async () => {
  const [us, eu] = await fleet();
  const [older, younger] = [await us.makeUser("grace"), await eu.makeUser("Grace")];
  await us.query(SIGN_IN, [randomUUID(), older]);
  await eu.query(SIGN_IN, [randomUUID(), younger]);
  for (const [region, user] of [
    [us, older],
    [eu, younger],
  ] as const) {
    const folder = randomUUID();
    await region.query(`INSERT INTO folder (id, name, user_id) VALUES ($1, 'Starter Project', $2)`, [folder, user]);
    await region.query(KEY, [randomUUID(), `key of ${region.name}`, user]);
    await region.query(
      `INSERT INTO flow (id, name, user_id, folder_id, updated_at, access_type, flow_type) VALUES ($1, 'Report', $2, $3, now(), 'PRIVATE', 'workflow')`,
      [randomUUID(), user, folder],
    );
  }
  await rounds(us, eu, us, eu);
  const outcomes = await rounds(us, eu);
  expect(outcomes.flatMap(({ waiting }) => waiting)).toEqual([]);
  for (const region of [us, eu]) {
    expect(await region.query(`SELECT id, username FROM "user" WHERE lower(username) = 'grace'`)).toEqual([
      { id: older, username: "grace" },
    ]);
    expect(await region.query("SELECT name FROM apikey WHERE user_id = $1 ORDER BY 1", [older])).toEqual([
      { name: "key of eu-west" },
      { name: "key of us-east" },
    ]);
    expect(await region.query("SELECT name FROM folder WHERE user_id = $1", [older])).toEqual([
      { name: "Starter Project" },
    ]);
  }
  const folders = await Promise.all(
    [us, eu].map((each) => each.query<{ id: string }>("SELECT id FROM folder WHERE user_id = $1", [older])),
  );
  expect(folders[0]).toEqual(folders[1]);
  expect(
    await eu.query(
      "SELECT f.name, p.id FROM flow f JOIN folder p ON p.id = f.folder_id WHERE f.user_id = $1 ORDER BY length(f.name)",
      [older],
    ),
  ).toEqual([
    { name: "Report", id: folders[0]?.[0]?.id },
    { name: expect.stringMatching(/^Report \([0-9a-f]{8}\)$/), id: folders[0]?.[0]?.id },
  ]);
});

/** Removes the segments that a region published to a different region, and returns them for later. */
function hold(region: AccountsRegion, teller: AccountsRegion): [string, Buffer][] {
  const held = [...region.bucket.objects].filter(([key]) => key.startsWith(`accounts/${teller.name}/`));
  for (const [key] of held) region.bucket.objects.delete(key);
  return held;
}
function give(region: AccountsRegion, held: readonly [string, Buffer][]): void {
  for (const [key, body] of held) region.bucket.objects.set(key, body);
}

it.each([
  ["second", "1", "2"],
  ["first", "2", "1"],
])(
  "a merged account keeps its keys, variables and connections even if two regions first merged it into different accounts (kept: the %s)",
  async (_, ...ids) => {
    const [east, west] = await fleet();
    await rounds(east, west);
    const [first, second] = ids.map((id) => `${id}${randomUUID().slice(1)}` as ReturnType<typeof randomUUID>);
    if (!first || !second) throw new Error("no ids");
    // Each region learns of the other's first account of the user before it learns that a different account has the
    // user's SSO identity by now.
    await west.makeUser("ada", first);
    await west.query(SIGN_IN, [randomUUID(), first]);
    await rounds(west);
    const told = hold(east, west);
    await west.query("DELETE FROM sso_user_profile WHERE user_id = $1", [first]);
    await west.makeUser("eve", second);
    await west.query(SIGN_IN, [randomUUID(), second]);
    const third = await east.makeUser("ada");
    await east.query(SIGN_IN, [randomUUID(), third]);
    const connection = randomUUID();
    await east.query(KEY, [randomUUID(), "key", third]);
    await east.query(VARIABLE, [randomUUID(), "cipher", third]);
    await east.query(
      `INSERT INTO connection (id, owner_id, provider_key, name, display_name, ownership_mode, status, granted_scopes,
        executing_identity, allow_non_interactive, health, created_at, updated_at)
      VALUES ($1, $2, 'google', 'mail', 'Mail', 'user', 'ready', '[]', '"me"', true, 'unknown', now(), now())`,
      [connection, third],
    );
    await east.query(
      `INSERT INTO message (id, timestamp, sender, sender_name, session_id, text, files, error, edit, properties, category, content_blocks, user_id)
       VALUES ($1, now(), 'User', 'ada', 's', 'hello', '[]', false, false, '{}', 'message', '[]', $2)`,
      [randomUUID(), third],
    );
    await rounds(east);
    const made = hold(west, east);
    give(east, told);
    await rounds(east);
    const united = hold(west, east);
    const owners = async (region: AccountsRegion) => {
      const columns = { apikey: "user_id", variable: "user_id", connection: "owner_id", message: "user_id" };
      const found = Object.entries(columns).map(([table, column]) =>
        region.query(`SELECT ${column} AS id FROM ${table}`),
      );
      return (await Promise.all(found)).flat();
    };
    expect(await owners(east)).toEqual(Array(4).fill({ id: first }));
    for (const table of ["apikey", "variable"]) await east.query(`UPDATE ${table} SET name = 'renamed'`);
    give(west, made);
    await rounds(west);
    expect(await owners(west)).toEqual(Array(4).fill({ id: second }));
    give(west, united);
    await rounds(east, west, east, west);
    for (const region of [east, west])
      expect(await owners(region)).toEqual(Array(4).fill({ id: [first, second].sort()[1] }));
    expect(await rounds(east, west)).toMatchObject([IDLE, IDLE]);
  },
);

it("replication keeps the uploads of both accounts after a merge even if the files have the same name", async () => {
  const [us, eu] = await fleet();
  const [older, younger] = [await us.makeUser("edith"), await eu.makeUser("edith")];
  await us.query(SIGN_IN, [randomUUID(), older]);
  await eu.query(SIGN_IN, [randomUUID(), younger]);
  for (const [region, user] of [
    [us, older],
    [eu, younger],
  ] as const)
    await region.query(
      `INSERT INTO file (id, user_id, name, path, size, provider, created_at, updated_at)
        VALUES ($1, $2, 'report', $2::uuid::text || '/report 1.pdf', 1, NULL, now(), now())`,
      [randomUUID(), user],
    );
  us.bucket.objects.set(`files/${older}/report 1.pdf`, Buffer.from("of us-east"));
  await rounds(us, eu);
  const missing = { table: "file", id: expect.any(String), reason: "its object is not in the bucket yet" };
  expect(await rounds(eu)).toMatchObject([{ waiting: [missing], published: 0 }]);
  eu.bucket.objects.set(`files/${younger}/report 1.pdf`, Buffer.from("of eu-west"));
  // The agent checks waiting rows again after a few seconds.
  await until("eu-west has found it", async () => (await eu.accounts.round()).waiting.length === 0);
  await rounds(us, eu);
  for (const [from, to] of [
    [us, eu],
    [eu, us],
  ] as const)
    for (const [key, body] of from.bucket.objects) if (key.startsWith("files/")) to.bucket.objects.set(key, body);
  for (const region of [us, eu]) {
    const rows = await region.query<{ path: string }>("SELECT path FROM file WHERE user_id = $1", [older]);
    expect(rows.every(({ path }) => path.startsWith(`${older}/`))).toBe(true);
    const contents = rows.map(({ path }) => region.bucket.objects.get(`files/${path}`)?.toString());
    expect(contents.sort()).toEqual(["of eu-west", "of us-east"]);
    expect(region.bucket.objects.has(`files/${younger}/report 1.pdf`)).toBe(true);
  }
  expect(await rounds(us, eu)).toMatchObject([IDLE, IDLE]);
});

it("a deactivated user, a revoked key and a deleted user win over concurrent edits in the other region", async () => {
  const [us, eu] = await fleet();
  const [kept, gone] = [await us.makeUser("kept"), await us.makeUser("gone")];
  const key = randomUUID();
  await us.query(KEY, [key, "k", kept]);
  await rounds(us, eu);
  await us.query(`UPDATE "user" SET is_active = false WHERE id = $1`, [kept]);
  await us.query("DELETE FROM apikey WHERE id = $1", [key]);
  await us.query(`DELETE FROM "user" WHERE id = $1`, [gone]);
  await eu.query(`UPDATE "user" SET profile_image = 'new.png', is_active = false WHERE id = $1`, [kept]);
  await eu.query(`UPDATE "user" SET is_active = true WHERE id = $1`, [kept]);
  await eu.query("UPDATE apikey SET name = 'renamed' WHERE id = $1", [key]);
  await eu.query(`UPDATE "user" SET password = 'other' WHERE id = $1`, [gone]);
  await eu.query(`INSERT INTO folder (id, name, user_id) VALUES ($1, 'Late', $2)`, [randomUUID(), gone]);
  await rounds(eu, us, eu, us);
  for (const region of [us, eu]) {
    expect(await region.query(`SELECT is_active, profile_image FROM "user" WHERE id = $1`, [kept])).toEqual([
      { is_active: false, profile_image: "new.png" },
    ]);
    expect(await region.query("SELECT id FROM apikey WHERE id = $1", [key])).toEqual([]);
    expect(await region.query(`SELECT id FROM "user" WHERE id = $1`, [gone])).toEqual([]);
    expect(await region.query("SELECT id FROM folder WHERE user_id = $1", [gone])).toEqual([]);
  }
});

it("replication deletes an account with its project, but keeps a different user's project inside that project", async () => {
  const [us, eu] = await fleet();
  const [ada, bob] = [await us.makeUser("ada"), await us.makeUser("bob")];
  const [project, within] = [randomUUID(), randomUUID()];
  await us.query(`INSERT INTO folder (id, name, user_id) VALUES ($1, 'Ours', $2)`, [project, ada]);
  await rounds(us, eu);
  await eu.query(`INSERT INTO folder (id, name, user_id, parent_id) VALUES ($1, 'Mine', $2, $3)`, [
    within,
    bob,
    project,
  ]);
  await us.query(`DELETE FROM folder WHERE user_id = $1`, [ada]);
  await us.query(`DELETE FROM "user" WHERE id = $1`, [ada]);
  const outcomes = await rounds(us, eu, us, eu);
  expect(outcomes.flatMap(({ waiting }) => waiting)).toEqual([]);
  for (const region of [us, eu]) {
    expect(
      await region.query(`SELECT id, parent_id FROM folder WHERE user_id = ANY($1::uuid[])`, [[ada, bob]]),
    ).toEqual([{ id: within, parent_id: null }]);
    expect(await region.query(`SELECT id FROM "user" WHERE id = $1`, [ada])).toEqual([]);
  }
});

it("replication swaps two names and renames one of two rows that got the same name", async () => {
  const [us, eu] = await fleet();
  const user = await us.makeUser("names");
  const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
  for (const [id, name] of [
    [a, "A"],
    [b, "B"],
    [c, "C"],
  ])
    await us.query("INSERT INTO folder (id, name, user_id) VALUES ($1, $2, $3)", [id, name, user]);
  await rounds(us, eu);
  await us.query("UPDATE folder SET name = 'X' WHERE id = $1", [a]);
  await us.query("UPDATE folder SET name = 'A' WHERE id = $1", [b]);
  await us.query("UPDATE folder SET name = 'B' WHERE id = $1", [a]);
  await eu.query("UPDATE folder SET name = 'D' WHERE id = $1", [c]);
  await us.query("INSERT INTO folder (id, name, user_id) VALUES ($1, 'D', $2)", [randomUUID(), user]);
  await rounds(us, eu, us, eu);
  const names = "SELECT name FROM folder WHERE user_id = $1 ORDER BY 1";
  const found = await us.query<{ name: string }>(names, [user]);
  expect(found.map(({ name }) => name)).toEqual(["A", "B", "D", expect.stringMatching(/^D \([0-9a-f]{8}\)$/)]);
  expect(await eu.query(names, [user])).toEqual(found);
  expect(await eu.query("SELECT name FROM folder WHERE id = $1", [a])).toEqual([{ name: "B" }]);
});

it("replication fills an empty region, and a region whose database was reset to an older state", async () => {
  const [us, eu] = await fleet();
  const user = await us.makeUser("old");
  await rounds(us, eu);
  await us.client.end();
  await file.postgres().create(`${us.database}_saved`, us.database);
  await us.open(new Map([["eu-west", eu.bucket]]));
  const later = await us.makeUser("later");
  await us.query(`UPDATE "user" SET password = 'changed' WHERE id = $1`, [user]);
  await rounds(us, eu);

  await us.client.end();
  await file.postgres().create(us.database, `${us.database}_saved`);
  await us.open(new Map([["eu-west", eu.bucket]]));
  await us.makeUser("after");
  await rounds(us, eu, us);
  const users = `SELECT username, password FROM "user" ORDER BY 1`;
  expect(await us.query(users)).toEqual(await eu.query(users));
  expect(await us.query(`SELECT id FROM "user" WHERE id = $1 OR username = 'after'`, [later])).toHaveLength(2);

  await us.client.end();
  await file.postgres().create(us.database, "migrated");
  await us.open(new Map([["eu-west", eu.bucket]]));
  await rounds(us, eu, us);
  expect(await us.query(users)).toEqual(await eu.query(users));
});

it("replication fills a new region with an empty bucket, and reaches that bucket again after an outage", async () => {
  const [us, eu] = await fleet();
  await us.makeUser("first");
  await rounds(us, eu);
  const ap = new AccountsRegion(file.postgres(), "ap-south", `ap_${file.number()}`);
  await file.postgres().create(ap.database, "migrated");
  await ap.open(
    new Map([
      ["us-east", us.bucket],
      ["eu-west", eu.bucket],
    ]),
  );
  file.endWithTest(ap);
  ap.bucket.away = true;
  await us.client.end();
  await us.open(
    new Map([
      ["eu-west", eu.bucket],
      ["ap-south", ap.bucket],
    ]),
  );
  expect(await us.accounts.round()).toMatchObject({ unreached: ["ap-south"] });
  ap.bucket.away = false;
  us.now += 60_000;
  await rounds(us, ap);
  expect(await ap.query("SELECT username FROM \"user\" WHERE username = 'first'")).toHaveLength(1);
});

it("replication brings thousands of rows to the other region in one round, whatever the order in which they are published", async () => {
  const [us, eu] = await fleet();
  await us.query(
    `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
     SELECT gen_random_uuid(), 'user-' || n, '!', true, false, now(), now() FROM generate_series(1, 500) AS n`,
  );
  await us.query(
    `INSERT INTO variable (id, name, value, type, user_id, created_at, updated_at)
     SELECT gen_random_uuid(), 'VARIABLE_' || n, 'cipher', 'Credential', id, now(), now()
       FROM "user", generate_series(1, 10) AS n WHERE username LIKE 'user-%'`,
  );
  await us.query(
    `INSERT INTO message (id, timestamp, sender, sender_name, session_id, text, error, edit, files, properties, category, content_blocks)
     SELECT gen_random_uuid(), now(), 'User', 'User', 'session', 'said', false, false, '[]', '{}', 'message', '[]'
       FROM generate_series(1, 6000)`,
  );
  const [told, came] = await rounds(us, eu);
  expect([told?.waiting, came?.waiting]).toEqual([[], []]);
  for (const rows of [
    'SELECT id, username FROM "user" ORDER BY 1',
    "SELECT id FROM message ORDER BY 1",
    "SELECT id, name, user_id FROM variable ORDER BY 1",
  ])
    expect(await eu.query(rows)).toEqual(await us.query(rows));
});

it("a segment that the database rejects does not hold up other segments, and the agent retries it", async () => {
  const [, eu] = await fleet();
  await eu.client.end();
  await eu.open(new Map([["ap-south", eu.bucket]]));
  const at = Date.now() * 1000;
  const user = (id: string, username: string): ReplicatedRow => {
    const values = { id, username, password: "hash", is_active: true, is_superuser: false, create_at: "2026-01-01" };
    const cells = Object.entries(values).map(([column, value]) => [column, { value: JSON.stringify(value), at }]);
    return { table: "user", id, row: { madeAt: at, cells: Object.fromEntries(cells), switches: {} } };
  };
  for (const [number, row] of [user("of another release", "odd"), user(randomUUID(), "even")].entries()) {
    const key = keyOf("accounts", { region: "ap-south", epoch: "1700000000000000", number });
    const text = await textOfPart({ completes: false, rows: [row] }, Date.now() * 1000);
    const sealed = await new Envelope(SECRET_KEY).seal([text], key);
    await eu.bucket.createOnce(key, sealed);
  }
  const refused = new Map([
    [
      "accounts/ap-south/1700000000000000/0000000000",
      "1 of its rows cannot be stored; the first is user of another release: the database rejected it (22P02)",
    ],
  ]);
  for (let round = 0; round < 2; round++) expect((await eu.accounts.round()).broken).toEqual(refused);
  expect(await eu.query("SELECT username FROM \"user\" WHERE username IN ('odd', 'even')")).toEqual([
    { username: "even" },
  ]);
});

const FLOW = `INSERT INTO flow (id, name, user_id, updated_at, access_type, flow_type) VALUES ($1, 'Report', $2, now(), 'PRIVATE', 'workflow')`;
const MESSAGE = `INSERT INTO message (id, timestamp, sender, sender_name, session_id, text, error, edit, files, properties, category, content_blocks)
  VALUES ($1, now(), 'AI', 'AI', 'session', 'said', false, false, '[]', '{}', 'message', $2)`;

it("replication accepts any JSON of LangFlow, and replaces characters that PostgreSQL cannot store by U+FFFD", async () => {
  const [us, eu] = await fleet();
  const [user, flow, early, late] = [await us.makeUser("json"), randomUUID(), randomUUID(), randomUUID()];
  // One message is written before the triggers exist, the other while they do.
  await us.query("DROP SCHEMA langflow_dr CASCADE");
  await us.query(MESSAGE, [early, String.raw`["\u0000", "\ud83d", "\ud83d\ude00", "\\u0000"]`]);
  await us.query(FLOW, [flow, user]);
  await us.query("UPDATE flow SET data = $1 WHERE id = $2", [String.raw`{"nodes": ["\u0000"]}`, flow]);
  await us.client.end();
  await us.open(new Map([["eu-west", eu.bucket]]));
  await rounds(us, eu);
  await us.query(MESSAGE, [late, String.raw`["\ude00\u0000"]`]);
  await us.query("UPDATE flow SET data = $1 WHERE id = $2", [String.raw`{"nodes": ["\ud83d"]}`, flow]);
  await us.query("UPDATE message SET content_blocks = $1 WHERE id = $2", [String.raw`["\u0000 again"]`, late]);
  const outcomes = await rounds(us, eu);
  expect(outcomes.flatMap(({ waiting }) => waiting)).toEqual([]);
  const blocks = "SELECT content_blocks FROM message WHERE id = $1";
  expect(await eu.query(blocks, [early])).toEqual([{ content_blocks: ["\ufffd", "\ufffd", "😀", "\\u0000"] }]);
  expect(await eu.query(blocks, [late])).toEqual([{ content_blocks: ["\ufffd again"] }]);
  expect(await us.query("SELECT content_blocks::text AS text FROM message WHERE id = $1", [late])).toEqual([
    { text: String.raw`["\u0000 again"]` },
  ]);
});

it("a region that replaces a lost region gets the lost region's rows", async () => {
  const [us, eu] = await fleet();
  await rounds(us, eu, us);
  const user = await us.makeUser("of us-east");
  await us.query(KEY, [randomUUID(), "sk-lost", user]);
  await rounds(us, eu);
  const ap = new AccountsRegion(file.postgres(), "ap-south", `ap_lost_${file.number()}`);
  await file.postgres().create(ap.database, "migrated");
  await ap.open(new Map([["eu-west", eu.bucket]]));
  file.endWithTest(ap);
  await eu.client.end();
  await eu.open(new Map([["ap-south", ap.bucket]]));
  await rounds(eu);
  // The agent copies objects to its peers independently of the rounds.
  for (const [key, body] of eu.bucket.objects) await ap.bucket.createOnce(key, body);
  await rounds(ap);
  expect(await ap.query("SELECT name FROM apikey WHERE user_id = $1", [user])).toEqual([{ name: "sk-lost" }]);
});

it("while a table's schema is incompatible in a release, replication loses no change of that table and replicates all other tables", async () => {
  const [us, eu] = await fleet();
  const user = await us.makeUser("refused");
  const [revoked, fresh] = [randomUUID(), randomUUID()];
  await us.query(KEY, [revoked, "sk-revoked", user]);
  await us.query(
    `INSERT INTO message (id, timestamp, sender, sender_name, session_id, text, error, edit, files, properties, category, content_blocks)
     SELECT gen_random_uuid(), now(), 'User', 'User', 'session', 'said', false, false, '[]', '{}', 'message', '[]'
       FROM generate_series(1, 2100)`,
  );
  await rounds(us, eu, us);
  const refuse = (region: AccountsRegion, table: string) =>
    region
      .query(`ALTER TABLE ${table} ADD COLUMN of_next_release text NOT NULL DEFAULT ''`)
      .then(() => region.query(`ALTER TABLE ${table} ALTER COLUMN of_next_release DROP DEFAULT`));
  const take = (region: AccountsRegion, table: string) =>
    region.query(`ALTER TABLE ${table} ALTER COLUMN of_next_release SET DEFAULT ''`);
  await refuse(us, "apikey");
  await refuse(us, "message");
  await refuse(eu, "apikey");
  const [first] = await rounds(us);
  expect(first?.unknown).toContainEqual(expect.stringMatching(/^the table "message" is not replicated/));
  expect(first?.refused).toContain("message");
  await us.query("DELETE FROM apikey WHERE id = $1", [revoked]);
  const other = await us.makeUser("told meanwhile");
  await rounds(us, eu);
  expect(await eu.query(`SELECT id FROM "user" WHERE id = $1`, [other])).toHaveLength(1);
  // One region publishes the table while the other still refuses it.
  await take(us, "apikey");
  await us.query(KEY, [fresh, "sk-fresh", user]);
  await rounds(us, eu);
  await take(eu, "apikey");
  await rounds(eu, us);
  const keys = "SELECT name FROM apikey WHERE user_id = $1";
  for (const region of [us, eu]) expect(await region.query(keys, [user])).toEqual([{ name: "sk-fresh" }]);
  expect(await rounds(us, eu)).toMatchObject([{ published: 0 }, { published: 0 }]);
});

it("replication handles a table and a column of a later release: it reports both and replicates all known columns", async () => {
  const [us, eu] = await fleet();
  const user = await us.makeUser("next");
  const variable = randomUUID();
  await us.query(VARIABLE, [variable, "first", user]);
  await rounds(us, eu);
  const value = "SELECT value FROM variable WHERE id = $1";
  for (const [region, other, text] of [
    [us, eu, "of the next release"],
    [eu, us, "of both"],
  ] as const) {
    await region.query("CREATE TABLE of_next_release (id uuid PRIMARY KEY, name text NOT NULL)");
    await region.query("ALTER TABLE variable ADD COLUMN of_next_release text DEFAULT 'new'");
    await other.query("UPDATE variable SET type = 'Generic' WHERE id = $1", [variable]);
    await region.query("UPDATE variable SET value = $2 WHERE id = $1", [variable, text]);
    const [own] = await rounds(region, other, region);
    expect(own?.unknown).toEqual([
      expect.stringContaining('"of_next_release"'),
      expect.stringMatching(/"variable".*of_next_release|of_next_release.*"variable"/),
    ]);
    for (const each of [us, eu]) expect(await each.query(value, [variable])).toEqual([{ value: text }]);
  }
  expect(await rounds(us, eu)).toMatchObject([
    { published: 0, applied: 0, waiting: [] },
    { published: 0, applied: 0, waiting: [] },
  ]);
});

it("a flow that a concurrent edit restores after its delete is as public as before", async () => {
  const [us, eu] = await fleet();
  const [user, flow] = [await us.makeUser("flows"), randomUUID()];
  await us.query(FLOW, [flow, user]);
  await us.query("UPDATE flow SET access_type = 'PUBLIC', action_name = 'search' WHERE id = $1", [flow]);
  await rounds(us, eu, us, eu);
  await eu.query("DELETE FROM flow WHERE id = $1", [flow]);
  await us.save(flow, { nodes: [], edges: [] });
  await rounds(eu, us, eu);
  for (const region of [us, eu])
    expect(await region.query("SELECT access_type, action_name FROM flow WHERE id = $1", [flow])).toEqual([
      { access_type: "PUBLIC", action_name: "search" },
    ]);
});

it.each([
  ["at once", []],
  ["after the delete has reached the other regions", ["eu-west", "us-east"]],
])("a flow recreated with the same id after its deletion is not public if recreated %s", async (_, between) => {
  const [us, eu] = await fleet();
  const [user, flow] = [await us.makeUser("anew"), randomUUID()];
  await us.query(FLOW, [flow, user]);
  await us.query("UPDATE flow SET access_type = 'PUBLIC', a2a_enabled = true, action_name = 'search' WHERE id = $1", [
    flow,
  ]);
  await rounds(us, eu, us, eu);
  for (const region of [us, eu]) await region.query("DELETE FROM flow WHERE id = $1", [flow]);
  for (const region of [us, eu].filter(({ name }) => between.includes(name))) await rounds(region);
  await eu.query(FLOW, [flow, user]);
  await rounds(eu, us, eu);
  for (const region of [us, eu])
    expect(await region.query("SELECT access_type, a2a_enabled, action_name FROM flow WHERE id = $1", [flow])).toEqual([
      { access_type: "PRIVATE", a2a_enabled: false, action_name: null },
    ]);
  expect(await rounds(us, eu)).toMatchObject([
    { published: 0, applied: 0, waiting: [] },
    { published: 0, applied: 0, waiting: [] },
  ]);
});

it("a region whose release lacks a column does not lose the other region's values of that column", async () => {
  const [us, eu] = await fleet();
  const user = await us.makeUser("columns");
  await rounds(us, eu);
  await eu.query(`ALTER TABLE "user" RENAME COLUMN profile_image TO of_another_release`);
  // The trigger that records this change still names the column.
  await eu.query(`UPDATE "user" SET password = 'meanwhile' WHERE id = $1`, [user]);
  await us.query(`UPDATE "user" SET profile_image = 'new.png' WHERE id = $1`, [user]);
  await rounds(us, eu, us);
  expect(await us.query(`SELECT password FROM "user" WHERE id = $1`, [user])).toEqual([{ password: "meanwhile" }]);
  await eu.query(`ALTER TABLE "user" RENAME COLUMN of_another_release TO profile_image`);
  await eu.query(`UPDATE "user" SET password = 'other' WHERE id = $1`, [user]);
  await rounds(eu, us);
  for (const region of [us, eu])
    expect(await region.query(`SELECT password, profile_image FROM "user" WHERE id = $1`, [user])).toEqual([
      { password: "other", profile_image: "new.png" },
    ]);
});

it("replication splits large rows into segments that fit into a pod's memory, and applies and deletes them in batches", async () => {
  const [us, eu] = await fleet();
  const [user, flow] = [await us.makeUser("large"), randomUUID()];
  await us.query(FLOW, [flow, user]);
  await rounds(us, eu, us, eu);
  const before = new Set(us.bucket.objects.keys());
  await us.query(
    `INSERT INTO flow_version (id, flow_id, user_id, data, version_number, retained, created_at)
     SELECT gen_random_uuid(), $1, $2, json_build_object('text', repeat(md5(n::text), 3125)), n, false, now()
       FROM generate_series(1, 200) AS n`,
    [flow, user],
  );
  await rounds(us, eu);
  const sizes: number[] = [];
  for (const [key, body] of us.bucket.objects) {
    if (before.has(key) || !key.startsWith("accounts/us-east/")) continue;
    const chunks: Buffer[] = await Readable.from(new Envelope(SECRET_KEY).open(body, key)).toArray();
    sizes.push(Buffer.concat(chunks).length);
  }
  expect(sizes.length).toBeGreaterThan(1);
  expect(Math.max(...sizes)).toBeLessThan(10_000_000);
  const count = "SELECT count(*)::int AS versions FROM flow_version WHERE flow_id = $1";
  expect(await eu.query(count, [flow])).toEqual([{ versions: 200 }]);
  await us.query("DELETE FROM flow_version WHERE flow_id = $1", [flow]);
  await rounds(us, eu);
  expect(await eu.query(count, [flow])).toEqual([{ versions: 0 }]);
});
