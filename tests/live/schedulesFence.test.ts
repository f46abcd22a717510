import { randomUUID } from "node:crypto";
import { provideLogins } from "../../agent/adopt/logins";
import { parseDatabaseUrl, withDatabase } from "../../agent/postgres/connection";
import { keepFromFiring } from "../../agent/schedules/beforeLangFlow";
import { DatabaseFence } from "../../agent/schedules/fence";
import { POD_AHEAD_MS } from "../../agent/schedules/fenceSchema";
import { SimulatedDatabase } from "../agent/schedules/simulatedRegions";
import { type Postgres, Scratch } from "./scratch";

jest.setTimeout(120_000);

const TERM_MS = 20_000;
const LOOPS = [
  "trigger_scheduler",
  "trigger_subscription_renewal",
  "trigger-source-maintenance",
  "trigger_listener_host",
];

let scratch: Scratch;
let postgres: Postgres;
let databases = 0;
let database: string;
let fence: DatabaseFence;

beforeAll(async () => {
  scratch = await Scratch.make();
  postgres = await scratch.migratedPostgres();
});
afterAll(() => scratch.end());
beforeEach(async () => {
  database = `region_${++databases}`;
  await postgres.create(database, "migrated");
  fence = new DatabaseFence(parseDatabaseUrl(postgres.url(database)));
  await fence.read();
});
afterEach(() => fence.end());

const query = <Row extends object>(text: string, values: unknown[] = []) => postgres.query<Row>(database, text, values);
const read = async () => {
  const state = await fence.read();
  if (!state) throw new Error("LangFlow has no schedules");
  return state;
};

/** Acquires an existing lease like LangFlow's services/triggers/leases.py. */
async function acquires(name: string, owner = "pod"): Promise<boolean> {
  const rows = await query(
    `UPDATE trigger_lease SET owner = $2, expires_at = now() + interval '30 seconds' WHERE name = $1 RETURNING name`,
    [name, owner],
  );
  return rows.length === 1;
}

/** Creates a missing lease like LangFlow's code. */
const begins = (name: string, owner: string) =>
  query("INSERT INTO trigger_lease (name, owner, expires_at) VALUES ($1, $2, now() + interval '30 seconds')", [
    name,
    owner,
  ]).then(
    () => true,
    (error) => {
      if (error.code !== "23505") throw error;
      return false;
    },
  );

async function makeTrigger(nextFireAt?: number): Promise<string> {
  const [user, flow, trigger] = [randomUUID(), randomUUID(), randomUUID()];
  await query(
    `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
      VALUES ($1, $2, 'hash', true, false, now(), now())`,
    [user, user],
  );
  await query(`INSERT INTO flow (id, name, user_id, updated_at) VALUES ($1, 'f', $2, now())`, [flow, user]);
  await query(
    `INSERT INTO trigger (id, flow_id, user_id, name, kind, config, provider_state, state, next_fire_at, created_at)
      VALUES ($1, $2, $3, 'schedule', 'schedule', '{"cron": "* * * * *"}', '{}', 'active', to_timestamp($4::float8 / 1000),
        '2020-01-01')`,
    [trigger, flow, user, nextFireAt ?? null],
  );
  return trigger;
}

async function tick(trigger: string, at: number): Promise<"in" | "refused" | "failed"> {
  try {
    const [row] = await query<{ state: string }>(
      `INSERT INTO trigger_event (id, trigger_id, dedupe_key, payload) VALUES ($1, $2, $3, '{}') RETURNING state`,
      [randomUUID(), trigger, `tick:${new Date(at).toISOString().replace("Z", "+00:00")}`],
    );
    return row?.state === "failed" ? "failed" : "in";
  } catch (error) {
    // The error that LangFlow interprets as a lease or a tick of a different pod.
    if ((error as { code?: string }).code !== "23505") throw error;
    return "refused";
  }
}

describe("the fence of the schedules in a region's database", () => {
  it("grants LangFlow's loops a lease only while the region holds the schedules", async () => {
    const granted = async () => Promise.all(LOOPS.map((name) => acquires(name)));
    expect(await granted()).toEqual(LOOPS.map(() => false));
    const { now } = await read();
    await fence.open({ generation: 1, after: now }, now + 1_500);
    expect(await granted()).toEqual(LOOPS.map(() => true));
    await query("SELECT pg_sleep(1.6)");
    expect(await granted()).toEqual(LOOPS.map(() => false));
  });

  it("rejects new leases of loops, sources and connections as if another pod had just created them", async () => {
    await query("DELETE FROM trigger_lease");
    for (const name of LOOPS) expect(await begins(name, "pod")).toBe(false);
    expect(await begins(`trigger-cleanup:${randomUUID()}`, "cleanup:1:a")).toBe(false);
    expect(await begins(`trigger-source:${randomUUID()}`, "source-reconcile:1:a")).toBe(false);
    const listen = query("INSERT INTO trigger_listener_lease (connection_id, holder) VALUES ($1, 'pod')", [
      randomUUID(),
    ]);
    await expect(listen).rejects.toMatchObject({ code: "23505" });
  });

  it("allows queued work, newly enabled sources and the erasure of a user's data in every region", async () => {
    expect(await begins("data_subject_eraser", "dsr:1:a")).toBe(true);
    expect(await begins("trigger_dispatcher", "dispatcher:1:a")).toBe(true);
    expect(await acquires("trigger_dispatcher")).toBe(true);
    expect(await begins(`trigger-source:${randomUUID()}`, "source-enable:1:a")).toBe(true);
    const trigger = await makeTrigger();
    await query(
      `INSERT INTO trigger_event (id, trigger_id, dedupe_key, payload) VALUES ($1, $2, 'ingress:webhook:1', '{}')`,
      [randomUUID(), trigger],
    );
  });

  it("accepts and rejects the same schedule ticks as the simulated database", async () => {
    const { now } = await read();
    const trigger = await makeTrigger();
    for (const holder of [true, false])
      for (const until of [now + 600_000, now - 1, Number.POSITIVE_INFINITY])
        for (const after of [now - 60_000, now + 60_000]) {
          await fence.open({ generation: 1, after }, until);
          if (!holder) await fence.close();
          const simulated = new SimulatedDatabase(() => now);
          simulated.open({ generation: 1, after }, until);
          if (!holder) simulated.close();
          for (const at of [-120_000, -60_001, -60_000, -59_999, -1, 60_000, 120_000].map((offset) => now + offset)) {
            const context = { holder, until: until - now, after: after - now, at: at - now };
            await query("DELETE FROM trigger_event");
            expect({ ...context, verdict: await tick(trigger, at) }).toEqual({
              ...context,
              verdict: simulated.tick(Math.floor(at)),
            });
          }
        }
  });

  it("restarts every schedule once, at the end of the previous holder's period", async () => {
    const [stale, fresh] = [await makeTrigger(Date.parse("2030-01-01")), await makeTrigger()];
    const next = async (trigger: string) =>
      (
        await query<{ at: number }>(
          `SELECT (extract(epoch FROM next_fire_at) * 1000)::float8 AS at FROM trigger WHERE id = $1`,
          [trigger],
        )
      )[0]?.at;
    const { now } = await read();
    const after = Math.floor(now) - 30_000;
    await fence.open({ generation: 5, after }, now + TERM_MS);
    for (const trigger of [stale, fresh]) expect(await next(trigger)).toBeCloseTo(after, 0);
    await query("UPDATE trigger SET next_fire_at = '2027-01-01'");
    await fence.open({ generation: 5, after }, now + TERM_MS + 5_000);
    expect(await next(stale)).toBe(Date.parse("2027-01-01"));
    // An agent that was suspended since before the change.
    await fence.open({ generation: 4, after: after - 5 }, now + 3_600_000);
    expect(await read()).toMatchObject({ generation: 5, after });
  });

  it("reports a time after every accepted schedule tick when the region stops holding the schedules", async () => {
    const { now } = await read();
    const trigger = await makeTrigger();
    await fence.open({ generation: 1, after: now - 60_000 }, now + 600_000);
    expect(await tick(trigger, now)).toBe("in");
    const closedAt = await fence.close();
    expect(closedAt).toBeGreaterThan(now + POD_AHEAD_MS - 1);
    expect(await tick(trigger, now + 1)).toBe("refused");
    // As after the database's clock was set back.
    await query(`UPDATE trigger_event SET dedupe_key = 'tick:2099-01-01T00:00:00+00:00'`);
    expect(await fence.close()).toBe(Date.parse("2099-01-01"));
  });

  it("prevents LangFlow's login from forging a schedule tick or reviving a late one, and still accepts other events", async () => {
    const { now } = await read();
    const trigger = await makeTrigger();
    await fence.open({ generation: 1, after: now }, now + 600_000);
    expect([await tick(trigger, now - 60_000), await tick(trigger, now + 1)]).toEqual(["failed", "in"]);
    await fence.close();
    const url = (user: string) => postgres.url(database).replace("langflow:sesame-secret@", `${user}:OfItsOwn1@`);
    const logins = { server: url("langflow_server"), backup: url("langflow_backup") };
    await provideLogins(postgres.url(database), logins, { info: () => undefined });
    const asServer = (statement: string) =>
      withDatabase(parseDatabaseUrl(logins.server), (client) => client.query(statement));
    await asServer(
      `INSERT INTO trigger_event (id, trigger_id, dedupe_key, payload) VALUES ('${randomUUID()}', '${trigger}', 'x', '{}')`,
    );
    for (const forged of [
      "UPDATE trigger_event SET dedupe_key = 'tick:2026-12-01T00:00:00+00:00' WHERE dedupe_key = 'x'",
      "UPDATE trigger_event SET dedupe_key = 'tick:garbage' WHERE dedupe_key = 'x'",
      "UPDATE trigger_event SET state = 'pending', dedupe_key = 'y' WHERE state = 'failed'",
      "UPDATE trigger_event SET error = NULL WHERE state = 'failed'; UPDATE trigger_event SET state = 'pending' WHERE state = 'failed'",
      `SET DateStyle = 'DMY'; INSERT INTO trigger_event (id, trigger_id, dedupe_key, payload) VALUES ('${randomUUID()}', '${trigger}', 'tick:31/12/2024 00:00', '{}')`,
    ])
      await expect(asServer(forged)).rejects.toMatchObject({ code: "23505" });
    await asServer("UPDATE trigger SET created_at = '294276-12-31 23:59:59.999999+00'");
    await fence.open({ generation: 2, after: now + 1 }, now + 600_000);
    expect(await fence.close()).toBeGreaterThan(now);
    const { rowCount } = await asServer("UPDATE trigger_event SET state = 'claimed' WHERE state = 'pending'");
    expect(rowCount).toBe(2);
  });

  it("stores the requested lease, and supports an unlimited period", async () => {
    await fence.ask({ generation: 7, until: 1_800_000_000_123 });
    await fence.ask({ generation: 6, until: 1_700_000_000_000 });
    await fence.open({ generation: 7, after: 1_700_000_000_123 }, Number.POSITIVE_INFINITY);
    expect(await read()).toEqual({
      holder: true,
      generation: 7,
      after: 1_700_000_000_123,
      until: Number.POSITIVE_INFINITY,
      asked: { generation: 7, until: 1_800_000_000_123 },
      now: expect.any(Number),
    });
  });

  it("lets LangFlow recalculate a schedule that a different region edited", async () => {
    const trigger = await makeTrigger(Date.parse("2030-01-01"));
    const next = async () =>
      (await query<{ at: Date | null }>("SELECT next_fire_at AS at FROM trigger WHERE id = $1", [trigger]))[0]?.at;
    await query(`SET langflow_dr.applying = 'on'; UPDATE trigger SET name = 'other'`);
    expect(await next()).not.toBeNull();
    await query(`SET langflow_dr.applying = 'on'; UPDATE trigger SET config = '{"cron": "0 3 * * *"}'`);
    expect(await next()).toBeNull();
  });

  it("ends an unlimited hold before LangFlow serves requests, if the config now names a different region", async () => {
    await fence.open({ generation: 1, after: 0 }, Number.POSITIVE_INFINITY);
    await keepFromFiring(postgres.url(database), "us-east", "us-east");
    expect(await read()).toMatchObject({ holder: true });
    await keepFromFiring(postgres.url(database), "us-east", "eu-west");
    expect(await read()).toMatchObject({ holder: false });
  });
});
