import { randomUUID } from "node:crypto";
import { MARK_WINS } from "../../agent/backup/restoreDatabase";
import { type AccountsRegion, regionsOfFile, rounds, settle } from "./accountsRegion";

jest.setTimeout(300_000);

const file = regionsOfFile();
const USERS = 100;
const FLOW = `INSERT INTO flow (id, name, user_id, folder_id, data, version_token, updated_at, access_type, flow_type)
  VALUES ($1, $2, $3, $4, $5, gen_random_uuid(), now(), 'PRIVATE', 'workflow')`;
const graph = (id: string) => JSON.stringify({ nodes: [{ id }], edges: [] });

/** Returns the number of users' rows in a region, by table, and the flows' names with their content. */
async function held(region: AccountsRegion) {
  const [counts] = await region.query<Record<string, number>>(`SELECT
    (SELECT count(*)::int FROM "user" WHERE NOT is_superuser) AS users, (SELECT count(*)::int FROM variable) AS variables,
    (SELECT count(*)::int FROM apikey) AS keys, (SELECT count(*)::int FROM folder WHERE user_id IS NOT NULL) AS projects`);
  const flows = await region.query<{ flow: string }>(
    `SELECT f.name || ' ' || (f.data->'nodes'->0->>'id') || ' ' || count(v.id) AS flow FROM flow f
      LEFT JOIN flow_version v ON v.flow_id = f.id WHERE f.user_id IS NOT NULL GROUP BY f.id ORDER BY 1`,
  );
  return { users: 0, variables: 0, keys: 0, projects: 0, ...counts, flows: flows.map(({ flow }) => flow) };
}

/**
 * Returns two regions with users who have a variable, an API key and a project, one of them also flows. A copy of each
 * database is kept.
 */
async function fleet() {
  const [us, eu] = await file.pair();
  const users: string[] = [];
  for (let each = 0; each < USERS; each += 1) users.push(await us.makeUser(`user-${each}`));
  for (const user of users) {
    await us.query("INSERT INTO folder (id, name, user_id) VALUES ($1, 'Starter Project', $2)", [randomUUID(), user]);
    await us.query(
      "INSERT INTO variable (id, name, type, value, default_fields, user_id, created_at) VALUES ($1, 'KEY', 'Credential', 'v', '[]', $2, now())",
      [randomUUID(), user],
    );
    await us.query(
      "INSERT INTO apikey (id, name, api_key, user_id, created_at, is_active, total_uses) VALUES ($1, 'k', $2, $3, now(), true, 0)",
      [randomUUID(), randomUUID(), user],
    );
  }
  const [owner = ""] = users;
  const [project] = await us.query<{ id: string }>("SELECT id FROM folder WHERE user_id = $1", [owner]);
  const flows = { edited: randomUUID(), deleted: randomUUID() };
  for (const [name, id] of Object.entries(flows)) {
    await us.query(FLOW, [id, name, owner, project?.id, graph("first")]);
    await us.query(
      `INSERT INTO flow_version (id, flow_id, user_id, data, version_number, retained) VALUES ($1, $2, $3, '{}', 1, false)`,
      [randomUUID(), id, owner],
    );
  }
  await settle(us, eu);
  const before = await held(us);
  expect(await held(eu)).toEqual(before);
  for (const region of [us, eu]) {
    await region.client.end();
    await file.postgres().create(`${region.database}_saved`, region.database);
  }
  await us.open(new Map([["eu-west", eu.bucket]]));
  await eu.open(new Map([["us-east", us.bucket]]));
  return { us, eu, owner, flows, before };
}
type Fleet = Awaited<ReturnType<typeof fleet>>;

/** Simulates a user's mistake that was replicated to every region. */
async function deleteAll({ us, eu, owner, flows }: Fleet) {
  await eu.save(flows.edited, JSON.parse(graph("edited since")));
  await eu.query(`UPDATE "user" SET is_active = false WHERE username = 'user-1'`);
  await settle(us, eu);
  await us.query("DELETE FROM flow WHERE id = $1", [flows.deleted]);
  await us.query("DELETE FROM flow WHERE user_id = $1", [owner]);
  for (const table of ["apikey", "variable", "flow", "folder"])
    await us.query(`DELETE FROM ${table} WHERE user_id IN (SELECT id FROM "user" WHERE NOT is_superuser)`);
  await us.query(`DELETE FROM "user" WHERE NOT is_superuser`);
  await settle(us, eu);
  for (const region of [us, eu])
    expect(await held(region)).toMatchObject({ users: 0, variables: 0, keys: 0, flows: [] });
}

async function putBack(region: AccountsRegion, other: AccountsRegion, { wins = false, without = false } = {}) {
  await region.client.end();
  await file.postgres().create(region.database, `${region.database}_saved`);
  if (without) await region.query("DROP SCHEMA langflow_dr CASCADE");
  if (wins) await region.query(MARK_WINS);
  await region.open(new Map([[other.name, other.bucket]]));
}

describe("a restore with `wins` reverts later deletes and changes in every region", () => {
  it.each<[string, (fleet: Fleet) => Promise<void>]>([
    ["only one region is restored", ({ us, eu }) => putBack(us, eu, { wins: true })],
    [
      "both regions are restored, and one of them with `wins`",
      async ({ us, eu }) => {
        await putBack(us, eu, { wins: true });
        await putBack(eu, us);
      },
    ],
    [
      "both regions are restored with `wins`",
      async ({ us, eu }) => {
        await putBack(us, eu, { wins: true });
        await putBack(eu, us, { wins: true });
      },
    ],
    [
      "both regions are restored without the agent's state",
      async ({ us, eu }) => {
        await putBack(us, eu, { wins: true, without: true });
        await putBack(eu, us, { without: true });
      },
    ],
  ])("if %s", async (_, restore) => {
    const all = await fleet();
    await deleteAll(all);
    await restore(all);
    await settle(all.us, all.eu);
    for (const region of [all.us, all.eu]) {
      expect(await held(region)).toEqual(all.before);
      expect(await region.query(`SELECT FROM "user" WHERE NOT is_active AND NOT is_superuser`)).toEqual([]);
    }
    await all.eu.query("DELETE FROM variable WHERE user_id = $1", [all.owner]);
    await all.us.save(all.flows.edited, JSON.parse(graph("after")));
    await settle(all.us, all.eu);
    for (const region of [all.us, all.eu]) {
      const { variables, flows } = await held(region);
      expect(variables).toBe(USERS - 1);
      expect(flows).toEqual(["deleted first 1", "edited after 1"]);
    }
  });
});

it("a restore with `wins` includes the changes in the backup's log, and overrides deletes that are held in another region", async () => {
  const all = await fleet();
  const { us, eu } = all;
  await us.client.end();
  const since = randomUUID();
  await us.query(
    `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
    VALUES ($1, 'logged', 'hash', true, false, now(), now())`,
    [since],
  );
  await file.postgres().create(`${us.database}_saved`, us.database);
  await us.open(new Map([["eu-west", eu.bucket]]));
  await settle(us, eu);
  await eu.query(`DELETE FROM "user" WHERE id = $1`, [since]);
  await settle(us, eu);
  eu.limits = { users: 1, rows: 1, share: 0.1 };
  await eu.client.end();
  await eu.open(new Map([["us-east", us.bucket]]));
  await eu.query("DELETE FROM variable WHERE user_id IS NOT NULL");
  await settle(us, eu);
  expect((await held(eu)).variables).toBe(0);
  await putBack(us, eu, { wins: true });
  await settle(us, eu);
  for (const region of [us, eu]) {
    expect(await region.query(`SELECT FROM "user" WHERE id = $1`, [since])).toHaveLength(1);
    expect((await held(region)).variables).toBe(USERS);
  }
});

it("a restore with `wins` takes effect once a lock on a table, such as a migration's, is released", async () => {
  const all = await fleet();
  const { us, eu } = all;
  await deleteAll(all);
  await putBack(us, eu, { wins: true });
  await us.client.query("BEGIN; LOCK TABLE variable");
  await expect(us.accounts.round()).rejects.toThrow(/lock timeout/);
  // The round fails before it restores any row.
  expect(
    await us.query(
      "SELECT at, (SELECT count(*)::int FROM langflow_dr.account_row WHERE restored_at IS NOT NULL) AS restored FROM langflow_dr.restore_wins",
    ),
  ).toEqual([{ at: null, restored: 0 }]);
  await us.client.query("COMMIT");
  await settle(us, eu);
  for (const region of [us, eu]) expect(await held(region)).toEqual(all.before);
});

it("a snapshot waits while a table is locked, so that no round writes the snapshot's first segments again", async () => {
  const [us, eu] = await file.pair();
  await us.query(`INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
    SELECT gen_random_uuid(), 'user-' || n, 'hash', true, false, now(), now() FROM generate_series(1, 3000) n`);
  await us.query(
    `INSERT INTO variable (id, name, type, value, default_fields, user_id, created_at)
    SELECT gen_random_uuid(), 'KEY', 'Credential', 'v', '[]', id, now() FROM "user" WHERE username = 'user-1'`,
  );
  await settle(us, eu);
  // The set of regions has changed, so this region has to publish a full snapshot.
  await us.client.end();
  await us.open(new Map([["eu-north", eu.bucket]]));
  const keys = () => [...us.bucket.objects.keys()];
  const before = keys();
  await us.client.query("BEGIN; LOCK TABLE variable");
  for (let round = 0; round < 2; round += 1) await expect(us.accounts.round()).rejects.toThrow(/lock timeout/);
  expect(keys()).toEqual(before);
  await us.client.query("COMMIT");
  await us.accounts.round();
  expect(keys()).not.toEqual(before);
});

it("a restored region without `wins` receives the later changes of the other regions", async () => {
  const all = await fleet();
  await deleteAll(all);
  await putBack(all.us, all.eu);
  await settle(all.us, all.eu);
  expect(await held(all.us)).toMatchObject({ users: 0, variables: 0, keys: 0, flows: [] });
});

it("a restore with `wins` keeps rows that were created since the backup, and later rounds are idle", async () => {
  const all = await fleet();
  const { us, eu } = all;
  const since = await eu.makeUser("made since");
  await settle(us, eu);
  await putBack(us, eu, { wins: true });
  await settle(us, eu);
  for (const region of [us, eu])
    expect(await region.query(`SELECT FROM "user" WHERE id = $1`, [since])).toHaveLength(1);
  const objects = () => us.bucket.objects.size + eu.bucket.objects.size;
  const before = objects();
  await rounds(us, eu, us, eu);
  expect(objects()).toBe(before);
});

it("a restore with `wins` keeps restored names: a newer user of that name is renamed, a newer variable or project is merged", async () => {
  const all = await fleet();
  const { us, eu, owner } = all;
  await eu.query("DELETE FROM flow WHERE user_id = $1", [owner]);
  for (const table of ["variable", "folder"]) await eu.query(`DELETE FROM ${table} WHERE user_id = $1`, [owner]);
  await settle(us, eu);
  await eu.query("INSERT INTO folder (id, name, user_id) VALUES ($1, 'Starter Project', $2)", [randomUUID(), owner]);
  await eu.query(
    "INSERT INTO variable (id, name, type, value, default_fields, user_id, created_at) VALUES ($1, 'KEY', 'Credential', 'since', '[]', $2, now())",
    [randomUUID(), owner],
  );
  await eu.query(`DELETE FROM variable WHERE user_id = (SELECT id FROM "user" WHERE username = 'user-7')`);
  await eu.query(`DELETE FROM apikey WHERE user_id = (SELECT id FROM "user" WHERE username = 'user-7')`);
  await eu.query(`DELETE FROM folder WHERE user_id = (SELECT id FROM "user" WHERE username = 'user-7')`);
  await eu.query(`DELETE FROM "user" WHERE username = 'user-7'`);
  const since = await eu.makeUser("user-7");
  await settle(us, eu);
  await putBack(us, eu, { wins: true });
  await settle(us, eu);
  for (const region of [us, eu]) {
    const users = await region.query<{ id: string; username: string }>(
      `SELECT id, username FROM "user" WHERE username LIKE 'user-7%' AND username !~ '^user-7[0-9]$' ORDER BY username`,
    );
    expect(users.map(({ id, username }) => [username, id === since])).toEqual([
      ["user-7", false],
      [expect.stringMatching(/^user-7 \(/), true],
    ]);
    const rows = (table: string, columns: string) =>
      region.query(`SELECT ${columns} FROM ${table} WHERE user_id = $1`, [owner]);
    expect(await rows("variable", "name, value")).toEqual([{ name: "KEY", value: "v" }]);
    expect(await rows("folder", "name")).toEqual([{ name: "Starter Project" }]);
  }
});
