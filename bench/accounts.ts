import { setTimeout as sleep } from "node:timers/promises";
import { ALL_TOLD, EAST, type LiveBench, onLiveFleet, type RegionName, timed, WEST } from "./liveBench";
import { peakMegabytes, processorSeconds } from "./processes";
import type { Row } from "./rows";

const USERS = 500;
const VARIABLES_EACH = 10;
const MESSAGES = 200_000;
const IDLE_CYCLES = 6;
/** Default of a region's `sync.intervalSeconds`, in seconds. */
const INTERVAL_SECONDS = 10;

const ALL_HERE = `
  SELECT (SELECT count(*) FROM public."user" WHERE username LIKE 'user-%') = ${USERS}
     AND (SELECT count(*) FROM public.variable WHERE name LIKE 'VARIABLE_%') = ${USERS * VARIABLES_EACH}
     AND (SELECT count(*) FROM public.message) = ${MESSAGES} AS done`;

/**
 * Measures account replication on real PostgreSQL: a region that catches up with a company's accounts and is then idle.
 */
export function accountRows(): Promise<Row[]> {
  return onLiveFleet(async (fleet, add) => {
    await fleet.up({ webhook: false });
    await (await fleet.live()).stopRegion(WEST);
    const all = `${USERS} users, ${USERS * VARIABLES_EACH} variables, ${MESSAGES} messages`;
    const written = add(`${all} written to PostgreSQL without agents`, "s", [await timed(() => makeAccounts(fleet))]);
    const told = await timed(() => fleet.until(EAST, ALL_TOLD));
    add("published by their region", "s", [told], written);
    await (await fleet.live()).startRegion(WEST);
    const caughtUp = await timed(() => fleet.until(WEST, ALL_HERE));
    add("received by a region that returns", "s", [caughtUp], written, { most: 600 });
    const missing = await differences(fleet);
    add("rows that differ between the regions", "rows", [missing], undefined, { most: 0 });
    for (const region of [EAST, WEST]) {
      const agent = await fleet.pid(region, "flow-sync");
      const began = processorSeconds(agent);
      await sleep(IDLE_CYCLES * INTERVAL_SECONDS * 1000);
      const each = (processorSeconds(agent) - began) / IDLE_CYCLES;
      add(`agent's processor time per interval without changes, ${region}`, "s", [each], undefined, { most: 1 });
      add(`agent's peak memory, ${region}`, "MB", [peakMegabytes(agent)], undefined, { most: 300 });
    }
  });
}

/**
 * Inserts accounts as LangFlow writes them, directly into the database, because LangFlow's API needs a second of bcrypt
 * for each user.
 */
async function makeAccounts(fleet: LiveBench): Promise<void> {
  await fleet.query(
    EAST,
    `INSERT INTO public."user" (id, username, password, is_active, is_superuser, create_at, updated_at)
     SELECT gen_random_uuid(), 'user-' || n, '!', true, false, now(), now() FROM generate_series(1, $1::int) AS n`,
    [USERS],
  );
  await fleet.query(
    EAST,
    `INSERT INTO public.variable (id, name, value, type, user_id, created_at, updated_at)
     SELECT gen_random_uuid(), 'VARIABLE_' || n, repeat('cipher', 40), 'Credential', id, now(), now()
       FROM public."user", generate_series(1, $1::int) AS n WHERE username LIKE 'user-%'`,
    [VARIABLES_EACH],
  );
  await fleet.query(
    EAST,
    `INSERT INTO public.message (id, timestamp, sender, sender_name, session_id, text, error, edit, files, properties, category, content_blocks)
     SELECT gen_random_uuid(), now(), 'User', 'User', 'session-' || n % 5000, repeat('What people say. ', 20), false, false,
            '[]', '{}', 'message', '[]' FROM generate_series(1, $1::int) AS n`,
    [MESSAGES],
  );
}

/** Counts the rows that are missing or different in one of the two regions. */
async function differences(fleet: LiveBench): Promise<number> {
  const rows = async (region: RegionName) => {
    const found = await fleet.query(
      region,
      `SELECT id::text || password AS row FROM public."user"
       UNION ALL SELECT id::text || value FROM public.variable WHERE name LIKE 'VARIABLE_%'
       UNION ALL SELECT id::text || text FROM public.message`,
    );
    return new Set(found.map((each) => each.row));
  };
  const [east, west] = [await rows(EAST), await rows(WEST)];
  return [...east].filter((one) => !west.has(one)).length + [...west].filter((one) => !east.has(one)).length;
}
