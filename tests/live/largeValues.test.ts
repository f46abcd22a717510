import { randomUUID } from "node:crypto";
import { DatabaseTables } from "../../agent/accounts/database";
import { MARK_WINS } from "../../agent/backup/restoreDatabase";
import { type AccountsRegion, regionsOfFile, rounds, settle } from "./accountsRegion";
import { until } from "./langflowApi";
import { largeGraph } from "./largeGraph";

jest.setTimeout(300_000);

const file = regionsOfFile();
const BYTES = 5_000_000;
const graphs = ["made", "edited there", "edited here"].map((name) => {
  const graph = JSON.parse(largeGraph("wide text", BYTES));
  return JSON.stringify({ ...graph, name });
});

async function fleet(): Promise<[AccountsRegion, AccountsRegion, string]> {
  const [us, eu] = await file.pair();
  const user = await us.makeUser(`user-${file.number()}`);
  await rounds(us, eu, us, eu);
  return [us, eu, user];
}

async function makeFlow(region: AccountsRegion, user: string, name = "large"): Promise<string> {
  const id = randomUUID();
  await region.query(
    `INSERT INTO flow (id, name, user_id, data, version_token, updated_at, access_type, flow_type)
      VALUES ($1, $4, $2, $3, gen_random_uuid(), now(), 'PRIVATE', 'workflow')`,
    [id, user, graphs[0], name],
  );
  return id;
}

const named = (region: AccountsRegion, user: string) =>
  region.query<{ graph: string; bytes: number }>(
    `SELECT data ->> 'name' AS graph, length(data::jsonb::text) > $2 AS large, data::jsonb = ANY ($3::jsonb[]) AS whole
      FROM flow WHERE user_id = $1 ORDER BY 1`,
    [user, BYTES / 2, graphs],
  );

it("two large graphs that two regions saved concurrently both survive completely, in both regions", async () => {
  const [us, eu, user] = await fleet();
  const flow = await makeFlow(us, user);
  await rounds(us, eu);
  expect(await named(eu, user)).toEqual([{ graph: "made", large: true, whole: true }]);
  await eu.save(flow, JSON.parse(graphs[1] ?? ""));
  await us.save(flow, JSON.parse(graphs[2] ?? ""));
  await rounds(us, eu, us, eu, us, eu);
  for (const region of [us, eu])
    expect(await named(region, user)).toEqual([
      { graph: "edited here", large: true, whole: true },
      { graph: "edited there", large: true, whole: true },
    ]);
});

it("a large graph whose owner has not arrived is applied once the owner exists", async () => {
  const [us, eu, user] = await fleet();
  const before = [...us.bucket.objects.keys()];
  const other = await us.makeUser("later");
  await rounds(us);
  const withOwner = [...us.bucket.objects.keys()].filter((key) => !before.includes(key));
  await makeFlow(us, other);
  await makeFlow(us, user);
  await rounds(us);
  const held = withOwner.map((key) => [key, eu.bucket.objects.get(key)] as const);
  for (const [key] of held) eu.bucket.objects.delete(key);
  await rounds(eu);
  expect(await named(eu, other)).toEqual([]);
  const [waiting] = await eu.query<{ whole: boolean }>(
    `SELECT (waiting ->> 'data')::jsonb = $1::jsonb AS whole FROM langflow_dr.account_row
      WHERE table_name = 'flow' AND waits IS NOT NULL`,
    [graphs[0]],
  );
  expect(waiting).toEqual({ whole: true });
  for (const [key, body] of held) if (body) eu.bucket.objects.set(key, body);
  await rounds(eu, eu);
  expect(await named(eu, other)).toEqual([{ graph: "made", large: true, whole: true }]);
});

it("a large flow version is restored with its flow if another region edited the flow at the time of its delete", async () => {
  const [us, eu, user] = await fleet();
  const flow = await makeFlow(us, user);
  await us.query(
    `INSERT INTO flow_version (id, flow_id, user_id, data, version_number, retained, created_at)
      VALUES (gen_random_uuid(), $1, $2, $3, 1, false, now())`,
    [flow, user, graphs[1]],
  );
  await rounds(us, eu);
  await us.query("DELETE FROM flow WHERE id = $1", [flow]);
  await eu.save(flow, JSON.parse(graphs[2] ?? ""));
  await rounds(us, eu, us, eu, us, eu);
  const versions = "SELECT data::jsonb = $2::jsonb AS whole FROM flow_version WHERE flow_id = $1";
  for (const region of [us, eu]) {
    expect(await named(region, user)).toEqual([{ graph: "edited here", large: true, whole: true }]);
    expect(await region.query(versions, [flow, graphs[1]])).toEqual([{ whole: true }]);
  }
});

it("large flows are restored completely after a held delete is rejected", async () => {
  const [us, eu, user] = await fleet();
  us.limits = { users: 1, rows: 1, share: 0 };
  await us.client.end();
  await us.open(new Map([["eu-west", eu.bucket]]));
  for (let flow = 0; flow < 3; flow += 1) await makeFlow(us, user, `${flow}`);
  await rounds(us, eu);
  const all = await named(us, user);
  expect(all).toEqual(Array(3).fill({ graph: "made", large: true, whole: true }));
  await us.query("DELETE FROM flow WHERE user_id = $1", [user]);
  const [outcome] = await rounds(us, eu);
  expect(outcome?.held?.rows).toEqual({ flow: 3 });
  expect(await named(us, user)).toEqual([]);
  us.decisions.set(outcome?.held?.code ?? "", "reject");
  await rounds(us, eu, us, eu);
  for (const region of [us, eu]) expect(await named(region, user)).toEqual(all);
});

it("a restore with `wins` restores large flows in every region", async () => {
  const [us, eu, user] = await fleet();
  const [flow] = [await makeFlow(us, user), await makeFlow(us, user, "other")];
  await rounds(us, eu);
  await us.client.end();
  const saved = `${us.database}_saved`;
  await file.postgres().create(saved, us.database);
  await us.open(new Map([["eu-west", eu.bucket]]));
  await eu.save(flow, JSON.parse(graphs[1] ?? ""));
  await rounds(eu, us);
  await us.query("DELETE FROM flow WHERE user_id = $1", [user]);
  await rounds(us, eu);
  expect(await named(eu, user)).toEqual([]);
  await us.client.end();
  await file.postgres().create(us.database, saved);
  await us.query(MARK_WINS);
  await us.open(new Map([["eu-west", eu.bucket]]));
  await rounds(us, eu, us, eu);
  for (const region of [us, eu])
    expect(await named(region, user)).toEqual(Array(2).fill({ graph: "made", large: true, whole: true }));
});

it("a large row that the database rejects waits without blocking other rows, and keeps its values", async () => {
  const [us, eu, user] = await fleet();
  await eu.query("ALTER TABLE flow ADD CONSTRAINT refused CHECK (name <> 'refused')");
  const other = (await Promise.all(["refused", "other"].map((name) => makeFlow(us, user, name))))[1];
  await rounds(us, eu);
  expect(await eu.query("SELECT id FROM flow WHERE user_id = $1", [user])).toEqual([{ id: other }]);
  await eu.query("ALTER TABLE flow DROP CONSTRAINT refused");
  // The agent checks the row again after a few seconds.
  await until("the row arrives", async () => (await rounds(eu)).every(({ waiting }) => waiting.length === 0), 60_000);
  expect(await named(eu, user)).toEqual(Array(2).fill({ graph: "made", large: true, whole: true }));
});

it("a row of more than 64 MB is reported in its region; that region's other edits and the row's delete are replicated", async () => {
  const [us, eu, user] = await fleet();
  const flow = await makeFlow(us, user);
  await rounds(us, eu);
  const text = JSON.stringify({ name: "grown", text: "x".repeat(64_000_000) });
  await us.query("UPDATE flow SET data = $2 WHERE id = $1", [flow, text]);
  await us.query("UPDATE \"user\" SET username = 'beside' WHERE id = $1", [user]);
  const [told] = await rounds(us, eu);
  const reason = expect.stringMatching(/^has 640\d+ bytes, 64000000 are allowed$/);
  expect(told?.waiting).toEqual([expect.objectContaining({ table: "flow", id: flow, reason })]);
  expect(await eu.query('SELECT username FROM "user" WHERE id = $1', [user])).toEqual([{ username: "beside" }]);
  expect(await named(eu, user)).toEqual([{ graph: "made", large: true, whole: true }]);
  await us.query("DELETE FROM flow WHERE id = $1", [flow]);
  const [then] = await rounds(us, eu);
  expect(then?.waiting).toEqual([]);
  expect(await named(eu, user)).toEqual([]);
});

it("other regions' changes of a row over 64 MB, or of rows that conflict with it, wait until the row is smaller", async () => {
  const [us, eu, user] = await fleet();
  const other = await us.makeUser(`owner-${file.number()}`);
  const [flow, ofOther, sameName] = [await makeFlow(us, user), await makeFlow(us, other), randomUUID()];
  await rounds(us, eu);
  const large = JSON.stringify({ name: "grown", text: "x".repeat(64_000_000) });
  const inItsWay = await makeFlow(us, user, "grown");
  await us.query("UPDATE flow SET data = $2 WHERE id = ANY($1)", [[flow, ofOther, inItsWay], large]);
  await eu.query("UPDATE flow SET description = 'elsewhere' WHERE id = $1", [flow]);
  await eu.query(
    `INSERT INTO flow (id, name, user_id, data, version_token, updated_at, access_type, flow_type)
      VALUES ($1, 'grown', $2, '{}', gen_random_uuid(), now(), 'PRIVATE', 'workflow')`,
    [sameName, user],
  );
  await eu.query("DELETE FROM flow WHERE user_id = $1", [other]);
  await eu.query('DELETE FROM "user" WHERE id = $1', [other]);
  await eu.query("UPDATE \"user\" SET username = 'nothing waits' WHERE id = $1", [user]);
  const [, outcome, again] = await rounds(eu, us, us);
  for (const each of [outcome, again]) {
    expect(each?.broken).toEqual(new Map());
    expect(each?.waiting.map(({ id }) => id)).toEqual(expect.arrayContaining([flow, inItsWay, sameName]));
  }
  expect(await us.query('SELECT username FROM "user" WHERE id = $1', [user])).toEqual([{ username: "nothing waits" }]);
  await us.query("UPDATE flow SET data = '{}' WHERE id = ANY($1)", [[flow, ofOther, inItsWay]]);
  // A new agent starts without the backoff of the previous one.
  await us.client.end();
  await us.open(new Map([["eu-west", eu.bucket]]));
  await settle(us, eu);
  const flows = (region: AccountsRegion) =>
    region.query("SELECT id, name, data::text FROM flow WHERE user_id = ANY($1) ORDER BY 1", [[user, other]]);
  expect(await flows(us)).toEqual(await flows(eu));
});

it.each(["the same agent", "a new agent"])(
  "%s applies other regions' changes to rows of more than 64 MB once those rows are smaller",
  async (which) => {
    const [us, eu, user] = await fleet();
    const deleted = await us.makeUser(`deleted-${file.number()}`);
    await rounds(us, eu);
    await us.query("UPDATE \"user\" SET profile_image = repeat('x', 64000001) WHERE id = ANY($1)", [[user, deleted]]);
    await rounds(us, eu);
    await eu.query("UPDATE \"user\" SET is_active = false, password = 'new' WHERE id = $1", [user]);
    await eu.query('DELETE FROM "user" WHERE id = $1', [deleted]);
    const [, outcome] = await rounds(eu, us);
    expect(outcome?.waiting.map(({ id }) => id)).toEqual(expect.arrayContaining([user, deleted]));
    if (which === "a new agent") {
      await us.client.end();
      await us.open(new Map([["eu-west", eu.bucket]]));
      await rounds(us);
    }
    await us.query("UPDATE \"user\" SET profile_image = 'short' WHERE id = ANY($1)", [[user, deleted]]);
    await rounds(us, us);
    const users = (region: AccountsRegion) =>
      region.query('SELECT id, is_active, password, profile_image FROM "user" WHERE id = ANY($1)', [[user, deleted]]);
    expect(await users(us)).toEqual([{ id: user, is_active: false, password: "new", profile_image: "short" }]);
    const [last] = await settle(us, eu);
    expect([await users(eu), last?.waiting]).toEqual([await users(us), []]);
  },
);

it("a row whose replicated form exceeds 64 MB is reported, however short its stored form is", async () => {
  const [us, eu, user] = await fleet();
  const flow = await makeFlow(us, user);
  await us.query("UPDATE flow SET data = $2 WHERE id = $1", [flow, `[${"1e300,".repeat(300_000)}1]`]);
  const [told] = await rounds(us, eu);
  expect(told?.waiting).toMatchObject([{ id: flow, reason: expect.stringContaining("64000000 are allowed") }]);
  expect(await named(eu, user)).toEqual([]);
});

it("a large row that was rejected is checked again when its retry is due, not in each round", async () => {
  const [us, eu, user] = await fleet();
  await eu.query("ALTER TABLE flow ADD CONSTRAINT refused CHECK (name <> 'refused')");
  const flow = await makeFlow(us, user, "refused");
  await rounds(us, eu, eu);
  const known = jest.spyOn(DatabaseTables.prototype, "known");
  const [outcome] = await rounds(eu);
  expect(outcome?.waiting).toMatchObject([
    { table: "flow", id: flow, reason: "the database rejected it (23514 at flow.refused)" },
  ]);
  expect(known.mock.calls.flatMap(([, ids]) => ids)).not.toContain(flow);
  known.mockRestore();
});
