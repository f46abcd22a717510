import { randomUUID } from "node:crypto";
import type { Round } from "../../agent/accounts/accounts";
import { placeOf } from "../../agent/accounts/segmentPlaces";
import { type AccountsRegion, regionsOfFile, rounds, settle } from "./accountsRegion";

jest.setTimeout(120_000);

const file = regionsOfFile();
const FLOWS = 4;
const TABLES = ["user", "flow", "flow_version", "variable"];

const open = (region: AccountsRegion, other: AccountsRegion) => region.open(new Map([[other.name, other.bucket]]));

async function makeFlow(region: AccountsRegion, user: string, name: string, data = '{"nodes":[]}'): Promise<string> {
  const id = randomUUID();
  await region.query(
    `INSERT INTO flow (id, name, user_id, data, version_token, updated_at, access_type, flow_type)
      VALUES ($1, $2, $3, $4, gen_random_uuid(), now(), 'PRIVATE', 'workflow')`,
    [id, name, user, data],
  );
  return id;
}

const makeVariable = (region: AccountsRegion, user: string, name: string) =>
  region.query(
    `INSERT INTO variable (id, name, type, value, default_fields, user_id, created_at)
      VALUES (gen_random_uuid(), $2, 'Credential', 'v', '[]', $1, now())`,
    [user, name],
  );

/**
 * Returns two regions with a user who has variables and flows with one version each, half of them created in each
 * region.
 */
async function fleet() {
  const [us, eu] = await file.pair();
  const user = await us.makeUser("ada");
  await settle(us, eu);
  for (let n = 0; n < FLOWS; n += 1) {
    const region = n % 2 === 0 ? us : eu;
    const flow = await makeFlow(region, user, `Flow ${n}`);
    await region.query(
      `INSERT INTO flow_version (id, flow_id, user_id, data, version_number, retained)
        VALUES (gen_random_uuid(), $1, $2, '{}', 1, false)`,
      [flow, user],
    );
    await makeVariable(region, user, `KEY_${n}`);
  }
  await settle(us, eu);
  return { us, eu, user, before: await held(eu) };
}

/** Returns all rows of users in a region's tables. */
const held = async (region: AccountsRegion) =>
  Object.fromEntries(
    await Promise.all(
      TABLES.map(async (table) => {
        const rows = await region.query<{ row: string }>(
          `SELECT (to_jsonb(t) - 'updated_at' - 'last_login_at')::text AS row FROM "${table}" t
            WHERE ${table === "user" ? "NOT is_superuser" : "user_id IS NOT NULL"} ORDER BY 1`,
        );
        return [table, rows.map(({ row }) => row)] as const;
      }),
    ),
  );

const epochsOf = (region: AccountsRegion) =>
  new Set(
    [...region.bucket.objects.keys()].flatMap((key) => {
      const place = placeOf("accounts", key);
      return place?.region === region.name ? [place.epoch] : [];
    }),
  );

/** Makes the region's next publication start a snapshot. */
const beginSoon = (region: AccountsRegion) =>
  region.query("UPDATE langflow_dr.account_seen SET names = '{}' WHERE what = 'peers'");

type Fleet = Awaited<ReturnType<typeof fleet>>;

/** Runs `then` once, while a region's agent lists the objects of the other region. */
function asItReads({ us, eu }: Fleet, then: () => Promise<unknown>): void {
  const list = us.bucket.listAfter.bind(us.bucket);
  us.bucket.listAfter = async (prefix, after) => {
    if (prefix.includes(eu.name)) {
      us.bucket.listAfter = list;
      await then();
    }
    return list(prefix, after);
  };
}

const restarted = async ({ us, eu }: Fleet) => {
  await us.client.end();
  await open(us, eu);
};

it.each<[string, string, (fleet: Fleet, truncate: () => Promise<unknown>) => Promise<unknown>]>([
  [
    "before another user's change is published",
    "TRUNCATE flow CASCADE",
    async ({ us }, truncate) => {
      await truncate();
      await us.query(`UPDATE "user" SET optins = '{"a": 1}' WHERE NOT is_superuser`);
      await us.accounts.publishChanges().catch(() => undefined);
      await us.query("DELETE FROM langflow_dr.account_part");
      await us.accounts.publishChanges().catch(() => undefined);
    },
  ],
  [
    "with all tables that refer to it, when a snapshot is due",
    'TRUNCATE "user" CASCADE',
    async ({ us }, truncate) => {
      await truncate();
      await beginSoon(us);
      await us.accounts.publishChanges().catch(() => undefined);
    },
  ],
  [
    "between a round's reads and its publication, when a snapshot is due",
    "TRUNCATE flow CASCADE",
    async (all, truncate) => {
      await beginSoon(all.us);
      asItReads(all, truncate);
      await rounds(all.us);
    },
  ],
  [
    "twice, the second time while its rows are read again",
    "TRUNCATE variable",
    async (all, truncate) => {
      await truncate();
      asItReads(all, truncate);
      await rounds(all.us);
    },
  ],
  [
    "before a restart, together with the agent's read positions",
    "TRUNCATE variable, langflow_dr.account_part",
    async (all, truncate) => {
      await truncate();
      await restarted(all);
      await all.us.accounts.publishChanges().catch(() => undefined);
    },
  ],
  [
    "together with the agent's state of all rows",
    "TRUNCATE variable, langflow_dr.account_row",
    async ({ us }, truncate) => {
      await truncate();
      await us.accounts.publishChanges().catch(() => undefined);
    },
  ],
  [
    "while the agent cannot read its bucket and is restarted",
    'TRUNCATE "user" CASCADE',
    async (all, truncate) => {
      const { us } = all;
      await truncate();
      const list = us.bucket.listAfter.bind(us.bucket);
      us.bucket.listAfter = () => Promise.reject(new Error("the bucket is away"));
      await beginSoon(us);
      await expect(rounds(us)).rejects.toThrow("the bucket is away");
      await us.accounts.publishChanges().catch(() => undefined);
      await restarted(all);
      us.bucket.listAfter = list;
    },
  ],
])("a table that is truncated %s gets all its rows back in every region: %s", async (_, sql, happens) => {
  const all = await fleet();
  const { us, eu, before } = all;
  await happens(all, () => us.query(sql));
  await settle(us, eu);
  for (const region of [us, eu])
    expect(await held(region)).toMatchObject({
      flow: before.flow,
      variable: before.variable,
      flow_version: before.flow_version,
    });
  // The region's published objects still contain the rows, in one snapshot as before.
  await beginSoon(us);
  await settle(us, eu);
  expect(epochsOf(us).size).toBe(1);
  await us.query('TRUNCATE "user" CASCADE');
  eu.bucket.objects.clear();
  await settle(us);
  expect((await held(us)).variable).toEqual(before.variable);
});

it("replication reports how many rows of a truncated table it restored, and how many unpublished rows were lost", async () => {
  const { us, eu, user, before } = await fleet();
  await us.query("DELETE FROM variable WHERE name = 'KEY_0'");
  await makeVariable(us, user, "UNTOLD");
  us.bucket.away = true;
  await expect(rounds(us)).rejects.toThrow("the bucket is away");
  us.bucket.away = false;
  await us.query("TRUNCATE variable");
  const [outcome] = (await rounds(us)) as [Round];
  expect(outcome.readAgain).toEqual([{ table: "variable", rows: FLOWS - 1, lost: 1 }]);
  await settle(us, eu);
  for (const region of [us, eu]) expect((await held(region)).variable).toHaveLength(FLOWS - 1);
  expect(before.variable).toHaveLength(FLOWS);
  expect((await settle(us, eu))[0]).toMatchObject({ readAgain: [], waiting: [] });
});
