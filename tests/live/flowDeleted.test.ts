import { randomUUID } from "node:crypto";
import { Envelope } from "../../agent/accounts/envelope";
import { readSegment } from "../../agent/accounts/segment";
import { DEFAULT_PROJECT } from "../../formats/flows/defaultProject";
import { type AccountsRegion, regionsOfFile, rounds, SECRET_KEY } from "./accountsRegion";
import { LangFlowApi } from "./langflowApi";

jest.setTimeout(300_000);

const file = regionsOfFile();

async function fleet(): Promise<[AccountsRegion, AccountsRegion]> {
  const pair = await file.pair();
  await rounds(...pair);
  return pair;
}

const VERSION = `INSERT INTO flow_version (id, flow_id, user_id, data, version_number, description, retained, created_at)
  SELECT gen_random_uuid(), $1, $2, json_build_object('graph', n), n, 'version ' || n, false, now()
    FROM generate_series(1, 3) AS n`;
const SCHEDULE = `INSERT INTO trigger (id, flow_id, user_id, name, kind, config, provider_state, state, node_id)
  VALUES ($3, $1, $2, 'each day', 'schedule', '{"cron": "0 0 * * *"}', '{}', 'active', 'node')`;
/** Child rows of a schedule. */
const SEEN = `INSERT INTO trigger_source_version (trigger_id, item_key, provider, resource, provider_item_id, version)
  VALUES ($1, 'item', 'google', 'drive', 'file', '7')`;
const SUBSCRIBED = `INSERT INTO trigger_subscription (id, trigger_id, provider, provider_subscription_id, provider_state, state)
  VALUES (gen_random_uuid(), $1::uuid, 'slack', 'subscription of ' || $1::uuid::text, '{}', 'active')`;
const MESSAGE = `INSERT INTO message (id, timestamp, sender, sender_name, session_id, text, flow_id, error, edit, files, properties, category, content_blocks)
  VALUES (gen_random_uuid(), now(), 'User', 'User', 'session', 'said', $1, false, false, '[]', '{}', 'message', '[]')`;

/**
 * Statements by which LangFlow's `cascade_delete_flow` deletes rows of replicated tables, in its order and in one
 * transaction.
 */
const DELETED = `BEGIN;
  UPDATE trigger_subscription SET state = 'expired' WHERE trigger_id IN (SELECT id FROM trigger WHERE flow_id = $flow);
  DELETE FROM trigger_subscription WHERE trigger_id IN (SELECT id FROM trigger WHERE flow_id = $flow);
  DELETE FROM trigger_source_version WHERE trigger_id IN (SELECT id FROM trigger WHERE flow_id = $flow);
  DELETE FROM trigger WHERE flow_id = $flow;
  DELETE FROM message WHERE flow_id = $flow;
  DELETE FROM flow_version WHERE flow_id = $flow;
  DELETE FROM authz_share WHERE resource_type = 'flow' AND resource_id = $flow;
  DELETE FROM flow WHERE id = $flow;
  COMMIT`;
const deleted = (region: AccountsRegion, flow: string) =>
  region.client.query(DELETED.replaceAll("$flow", `'${flow}'::uuid`));

const FLOW = `INSERT INTO flow (id, name, user_id, data, updated_at, access_type, flow_type) VALUES ($1, 'Report', $2, '{}', now(), 'PRIVATE', 'workflow')`;
/** Table in which the recorder registers a flow before it creates the flow from a file in Git. */
const IMPORTS = "CREATE TABLE IF NOT EXISTS langflow_dr.record_import (flow_id uuid PRIMARY KEY)";

/** Restores a flow like the recorder does after a revert in Git. */
async function reverted(region: AccountsRegion, flow: string, user: string): Promise<void> {
  await region.query(IMPORTS);
  await region.query("INSERT INTO langflow_dr.record_import VALUES ($1)", [flow]);
  await region.query(FLOW, [flow, user]);
  await region.query("DELETE FROM langflow_dr.record_import WHERE flow_id = $1", [flow]);
}
const isThere = async (region: AccountsRegion, flow: string) =>
  (await region.query("SELECT FROM flow WHERE id = $1", [flow])).length > 0;

/** Returns a flow's child rows by table, without columns that differ between regions. */
async function partsOf(region: AccountsRegion, flow: string) {
  const of = async (sql: string) => (await region.query<{ row: object }>(sql, [flow])).map(({ row }) => row);
  const trigger = "trigger_id IN (SELECT id FROM trigger WHERE flow_id = $1)";
  return {
    versions: await of("SELECT to_jsonb(t) AS row FROM flow_version t WHERE flow_id = $1 ORDER BY version_number"),
    schedules: await of(
      "SELECT to_jsonb(t) - 'updated_at' - 'next_fire_at' - 'last_error' AS row FROM trigger t WHERE flow_id = $1 ORDER BY id",
    ),
    seen: await of(`SELECT to_jsonb(t) - 'updated_at' AS row FROM trigger_source_version t WHERE ${trigger}`),
    subscriptions: await of(`SELECT to_jsonb(t) - 'updated_at' AS row FROM trigger_subscription t WHERE ${trigger}`),
  };
}
const NONE = { versions: [], schedules: [], seen: [], subscriptions: [] };

/** Creates a flow with three versions and a schedule in both regions. */
async function madeInBoth(us: AccountsRegion, eu: AccountsRegion, user: string, flow: string): Promise<void> {
  if (!(await isThere(us, flow))) await us.query(FLOW, [flow, user]);
  const schedule = randomUUID();
  await us.query(VERSION, [flow, user]);
  await us.query(SCHEDULE, [flow, user, schedule]);
  await us.query(SEEN, [schedule]);
  await us.query(SUBSCRIBED, [schedule]);
  await us.query(MESSAGE, [flow]);
  await rounds(us, eu, us);
  expect((await partsOf(eu, flow)).versions).toHaveLength(3);
  expect((await partsOf(eu, flow)).schedules).toHaveLength(1);
}

async function aFlow(us: AccountsRegion, eu: AccountsRegion, username: string): Promise<[user: string, flow: string]> {
  const [user, flow] = [await us.makeUser(username), randomUUID()];
  await rounds(us, eu);
  await madeInBoth(us, eu, user, flow);
  return [user, flow];
}

const known = (region: AccountsRegion, flow: string) =>
  region.query<{ table: string; kept: boolean }>(
    `SELECT table_name AS table, waiting IS NOT NULL AS kept FROM langflow_dr.account_row WHERE awaits_flow = $1`,
    [flow],
  );

it("a deleted flow gets back its versions, schedule and their child rows if an edit in another region restores the flow", async () => {
  const [us, eu] = await fleet();
  const { url, apiKey } = await file.scratch().langflowWithKey("deleting", {
    LANGFLOW_DATABASE_URL: file.postgres().url(us.database),
  });
  const api = LangFlowApi.withKey(url, apiKey);
  const { id: flow } = await api.createRunnable("deleted");
  const [{ user } = { user: "" }] = await us.query<{ user: string }>("SELECT user_id AS user FROM flow WHERE id = $1", [
    flow,
  ]);
  await rounds(us, eu);
  await madeInBoth(us, eu, user, flow);
  const before = await partsOf(eu, flow);

  await api.call("DELETE", `/api/v1/flows/${flow}`);
  expect(await partsOf(us, flow)).toEqual(NONE);
  await eu.save(flow, { nodes: [], edges: [] });
  await rounds(us, eu);
  // Chat messages are deleted explicitly by the request that deletes the flow, so they are not restored.
  expect(await eu.query("SELECT FROM message WHERE flow_id = $1", [flow])).toEqual([]);
  expect((await partsOf(eu, flow)).versions).toEqual(before.versions);
  await rounds(us, eu, us, eu);
  // LangFlow cancels a subscription at its provider before it deletes the flow.
  const after = {
    ...before,
    subscriptions: before.subscriptions.map((row) => ({ ...row, state: "expired", renew_after: null })),
  };
  for (const region of [us, eu]) expect(await partsOf(region, flow)).toEqual(after);
  expect(await rounds(us, eu)).toMatchObject([
    { published: 0, applied: 0, waiting: [] },
    { published: 0, applied: 0, waiting: [] },
  ]);

  await api.call("DELETE", `/api/v1/flows/${flow}`);
  const outcomes = await rounds(us, eu, us, eu);
  expect(outcomes.flatMap(({ waiting }) => waiting)).toEqual([]);
  for (const region of [us, eu]) expect(await partsOf(region, flow)).toEqual(NONE);
});

it("a flow moves to its user's default project if a region deletes its project while another region edits the flow or moves it there", async () => {
  const [us, eu] = await fleet();
  const { url, apiKey } = await file.scratch().langflowWithKey("project", {
    LANGFLOW_DATABASE_URL: file.postgres().url(us.database),
  });
  const api = LangFlowApi.withKey(url, apiKey);
  const project = (name: string) => api.call("POST", "/api/v1/projects/", { name, description: "" });
  const [{ id: goes }, { id: stays }] = [await project("Goes"), await project("Stays")];
  const { id: edited } = await api.create("edited", { folder_id: goes });
  const { id: moved } = await api.create("moved", { folder_id: stays });
  await rounds(us, eu);

  await api.call("DELETE", `/api/v1/projects/${goes}`);
  await eu.save(edited, { nodes: [], edges: [] });
  await eu.query("UPDATE flow SET folder_id = $2 WHERE id = $1", [moved, goes]);
  const outcomes = await rounds(us, eu, us, eu, us);
  expect(outcomes.flatMap(({ waiting }) => waiting)).toEqual([]);
  const shown: { id: string; name: string }[] = await api.call("GET", "/api/v1/projects/");
  const start = shown.find(({ name }) => name === DEFAULT_PROJECT)?.id;
  const where = "SELECT folder_id AS project FROM flow WHERE id = ANY($1)";
  for (const region of [us, eu])
    expect(await region.query(where, [[edited, moved]])).toEqual([{ project: start }, { project: start }]);
  const { flows } = await api.call("GET", `/api/v1/projects/${start}`);
  expect(flows.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining([edited, moved]));
  expect(await rounds(us, eu)).toMatchObject([
    { published: 0, applied: 0, copies: 0 },
    { published: 0, applied: 0, copies: 0 },
  ]);
});

it("child rows are restored in all regions even if their region created and cascade-deleted them before it published them", async () => {
  const [us, eu] = await fleet();
  const [user, flow] = await aFlow(us, eu, "quick");
  await us.query("UPDATE flow_version SET version_number = version_number + 10 WHERE flow_id = $1", [flow]);
  await us.query(VERSION, [flow, user]);
  await deleted(us, flow);
  await eu.save(flow, { nodes: [], edges: [] });
  await rounds(us, eu, us, eu);
  const numbers = "SELECT version_number AS number FROM flow_version WHERE flow_id = $1 ORDER BY 1";
  const all = [1, 2, 3, 11, 12, 13].map((number) => ({ number }));
  for (const region of [us, eu]) expect(await region.query(numbers, [flow])).toEqual(all);
});

it("child rows are restored even if only foreign keys deleted them, in a single statement", async () => {
  const [us, eu] = await fleet();
  const [, flow] = await aFlow(us, eu, "by keys");
  const before = await partsOf(us, flow);
  await us.query("DELETE FROM flow WHERE id = $1", [flow]);
  expect(await partsOf(us, flow)).toEqual(NONE);
  await eu.save(flow, { nodes: [], edges: [] });
  await rounds(us, eu, us);
  for (const region of [us, eu]) expect(await partsOf(region, flow)).toEqual(before);
});

it("a version that a user deleted stays deleted, even if its flow is deleted and restored", async () => {
  const [us, eu] = await fleet();
  const [, flow] = await aFlow(us, eu, "pruned");
  await deleted(us, flow);
  await eu.save(flow, { nodes: [], edges: [] });
  await eu.query("DELETE FROM flow_version WHERE flow_id = $1 AND version_number = 2", [flow]);
  await rounds(us, eu, us, eu, us);
  for (const region of [us, eu])
    expect((await partsOf(region, flow)).versions).toMatchObject([{ version_number: 1 }, { version_number: 3 }]);
});

it("a revert in Git restores a flow's child rows after all regions deleted them; a flow that a user re-creates does not get them", async () => {
  const [us, eu] = await fleet();
  const [user, flow] = await aFlow(us, eu, "reverted");
  const before = await partsOf(us, flow);
  const gone = async () => {
    await deleted(us, flow);
    await rounds(us, eu, us);
    for (const region of [us, eu]) expect(await partsOf(region, flow)).toEqual(NONE);
  };
  await gone();
  await reverted(eu, flow, user);
  await rounds(eu, us, eu);
  for (const region of [us, eu]) expect((await partsOf(region, flow)).versions).toEqual(before.versions);

  await gone();
  await eu.query(FLOW, [flow, user]);
  await rounds(eu, us, eu);
  for (const region of [us, eu]) {
    expect(await partsOf(region, flow)).toEqual(NONE);
    expect(await known(region, flow)).toEqual([]);
  }
});

/** Returns the rows of a region's snapshot, which a change of the agent's release triggers. */
async function snapshotOf(region: AccountsRegion) {
  const before = new Set(region.bucket.objects.keys());
  await region.query("COMMENT ON TABLE langflow_dr.account_row IS 'of another release'");
  await region.client.end();
  await region.open(new Map());
  await rounds(region);
  const parts = [...region.bucket.objects].filter(([key]) => !before.has(key) && key.startsWith("accounts/us-east/"));
  const read = parts.map(([key, body]) => readSegment(new Envelope(SECRET_KEY).open(body, key)));
  return (await Promise.all(read)).flatMap(({ rows }) => rows);
}

describe("the retained child rows of a deleted flow", () => {
  it("are not published to other regions and expire after 180 days", async () => {
    const [us, eu] = await fleet();
    const [, flow] = await aFlow(us, eu, "long ago");
    await deleted(us, flow);
    const [told] = await rounds(us, eu);
    // The deletes of the flow and its chat, and LangFlow's cancellation of the subscription.
    expect(told).toMatchObject({ published: 3, waiting: [] });
    expect((await known(us, flow)).every(({ kept }) => kept)).toBe(true);
    expect(await known(us, flow)).toHaveLength(6);
    const rows = await snapshotOf(us);
    expect(rows.map(({ table }) => table)).toContain("user");
    expect(rows.filter(({ table }) => /^(flow_version|trigger)/.test(table))).toEqual([]);
    await us.query("UPDATE langflow_dr.account_row SET awaits_since = awaits_since - $1::bigint", [
      181 * 86_400_000_000,
    ]);
    await rounds(us);
    expect(await known(us, flow)).toEqual([]);
  });

  it("become tombstones in the next snapshot if a user re-creates the flow and deletes it before the agent sees it", async () => {
    const [us, eu] = await fleet();
    const [user, flow] = await aFlow(us, eu, "twice");
    await deleted(us, flow);
    await rounds(us, eu);
    await us.query(FLOW, [flow, user]);
    await deleted(us, flow);
    await rounds(us);
    const awaiting = await known(us, flow);
    const parts = (await snapshotOf(us)).filter(({ table }) => /^(flow_version|trigger)/.test(table));
    expect(new Set(parts.map(({ table, id }) => `${table} ${id}`)).size).toBe(6);
    expect(parts.every(({ row }) => row.deletedAt !== undefined)).toBe(true);
    expect(awaiting).toEqual([]);
  });

  it("are deleted with their user, and are not retained if the user was deactivated before, as in an erasure", async () => {
    const [us, eu] = await fleet();
    const [user, flow] = await aFlow(us, eu, "leaves");
    const [other, erased] = await aFlow(us, eu, "is erased");
    await deleted(us, flow);
    await rounds(us, eu);
    await us.query(`UPDATE "user" SET is_active = false WHERE id = $1`, [other]);
    await deleted(us, erased);
    await us.query(`DELETE FROM trigger WHERE user_id = $1`, [user]);
    await us.query(`DELETE FROM "user" WHERE id = $1`, [user]);
    await rounds(us, eu, us, eu);
    expect(await partsOf(eu, erased)).toEqual(NONE);
    for (const region of [us, eu]) {
      expect(await known(region, flow)).toEqual([]);
      expect(await known(region, erased)).toEqual([]);
    }
  });
});

it("a database that an earlier agent prepared still restores deleted child rows", async () => {
  const [us, eu] = await fleet();
  const [, flow] = await aFlow(us, eu, "earlier");
  await us.query(
    `ALTER TABLE langflow_dr.account_change DROP COLUMN part_of, DROP COLUMN xact, DROP COLUMN awaits_flow, DROP COLUMN fell_of`,
  );
  await us.query(
    `ALTER TABLE langflow_dr.account_row DROP COLUMN awaits_flow, DROP COLUMN awaits_since, DROP COLUMN fell_of`,
  );
  await us.query("COMMENT ON TABLE langflow_dr.account_row IS 'an earlier one'");
  await rounds(us, eu);
  await deleted(us, flow);
  await eu.save(flow, { nodes: [], edges: [] });
  await rounds(us, eu, us);
  for (const region of [us, eu]) expect((await partsOf(region, flow)).versions).toHaveLength(3);
});
