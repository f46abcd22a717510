import type { ClientBase } from "pg";
import { SCHEMA } from "../../formats/tables/agentSchema";
import { type DatabaseAddress, inTransaction } from "../postgres/connection";
import { lockSchema } from "../postgres/schemaLock";
import { ShortSession } from "../postgres/shortSession";
import { FENCE_SQL, FENCE_TRIGGER, FENCE_VERSION, FENCED, IS_TICK, POD_AHEAD_MS } from "./fenceSchema";
import type { Fence, Lease } from "./lease";

/** Access to the fence in the region's database. */
export class DatabaseFence {
  readonly #session: ShortSession;

  constructor(address: DatabaseAddress) {
    this.#session = new ShortSession(address);
  }

  /**
   * Reads the fence. Returns undefined if this LangFlow has no schedules.
   *
   * @throws DatabaseUnreachable
   */
  read(): Promise<Fence | undefined> {
    return this.#session.use(async (client) => ((await provideFence(client)) ? readFence(client) : undefined));
  }

  /** Stores the lease that is about to be requested from the witness. */
  async ask({ generation, until }: Pick<Lease, "generation" | "until">): Promise<void> {
    await this.#session.use((client) =>
      client.query(
        `UPDATE ${SCHEMA}.schedules SET asked_generation = greatest(asked_generation, $1),
          asked_until = greatest(asked_until, ${AT("$2")})`,
        [generation, until],
      ),
    );
  }

  /**
   * Opens the fence, so that schedules fire. Does nothing if the region has meanwhile acquired a lease with a higher
   * generation.
   */
  async open(lease: Pick<Lease, "generation" | "after">, until: number): Promise<void> {
    await this.#session.use((client) => openFence(client, lease, until));
  }

  /**
   * Closes the fence, so that no schedule fires.
   *
   * @returns milliseconds: no run was admitted for a scheduled time after this
   */
  close(): Promise<number> {
    return this.#session.use(closeFence);
  }

  end(): Promise<void> {
    return this.#session.end();
  }
}

/** Installs the fence if it is missing or outdated. @returns false if LangFlow has no tables for schedules */
export async function provideFence(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ tables: boolean; same: boolean }>(
    `SELECT (SELECT count(*) FROM unnest($1::text[]) AS name WHERE to_regclass('public.' || name) IS NOT NULL) = $2 AS tables,
      coalesce(obj_description(to_regclass('${SCHEMA}.schedules'), 'pg_class'), '') = $3
        AND (SELECT count(*) FROM pg_trigger WHERE tgname = $4 AND tgenabled = 'O') = $2 AS same`,
    [FENCED, FENCED.length, FENCE_VERSION, FENCE_TRIGGER],
  );
  if (!rows[0]?.tables) return false;
  if (!rows[0].same)
    await inTransaction(client, async () => {
      // Serialize pods that start at the same time, and the agent, so that only one installs the fence.
      await lockSchema(client);
      await client.query(FENCE_SQL);
    });
  return true;
}

async function readFence(client: ClientBase): Promise<Fence> {
  const { rows } = await client.query({
    text: `SELECT holder, generation::float8, ${MS("after")}, ${MS("until")}, asked_generation::float8,
        ${MS("asked_until")}, ${MS("clock_timestamp()")} FROM ${SCHEMA}.schedules`,
    rowMode: "array",
  });
  const [holder, generation, after, until, askedGeneration, askedUntil, now] = rows[0] ?? [];
  return { holder, generation, after, until, asked: { generation: askedGeneration, until: askedUntil }, now };
}

/**
 * Implements {@link DatabaseFence.open}. At the start of a new span, LangFlow recomputes every schedule from the
 * beginning of the span, and makes up for missed runs by its own rule for downtimes.
 */
async function openFence(
  client: ClientBase,
  { generation, after }: Pick<Lease, "generation" | "after">,
  until: number,
): Promise<void> {
  await inTransaction(client, async () => {
    const { rows } = await client.query<{ moved: boolean }>(
      `UPDATE ${SCHEMA}.schedules s SET holder = true, generation = $1, after = ${AT("$2")}, until = ${AT("$3")}
        FROM (SELECT after AS before FROM ${SCHEMA}.schedules FOR UPDATE) b WHERE generation <= $1
        RETURNING b.before <> s.after AS moved`,
      [generation, after, until],
    );
    if (rows[0]?.moved)
      await client.query(
        `UPDATE public.trigger SET next_fire_at = greatest(${AT("$1")}, least(created_at, now())) + interval '1 microsecond'
          WHERE kind = 'schedule'`,
        [after],
      );
  });
}

async function closeFence(client: ClientBase): Promise<number> {
  await client.query(`UPDATE ${SCHEMA}.schedules SET holder = false`);
  // Query after the commit. Every run was admitted by a clock that showed an earlier time, unless the clock was set
  // back.
  const { rows } = await client.query<{ now: number }>(
    `SELECT ${MS(`greatest(clock_timestamp() + interval '${POD_AHEAD_MS} milliseconds', (
        SELECT max(substr(dedupe_key, 6)::timestamptz) FROM public.trigger_event
        WHERE ${IS_TICK("dedupe_key")} AND state <> 'failed' AND created_at > now() - interval '1 hour'))`)} AS now`,
  );
  return Math.ceil(rows[0]?.now ?? 0);
}

function MS(at: string): string {
  return `(extract(epoch FROM ${at}) * 1000)::float8`;
}

/** Returns SQL that converts milliseconds, including infinite ones, to a PostgreSQL timestamp. */
function AT(milliseconds: string): string {
  return `to_timestamp(${milliseconds}::float8 / 1000)`;
}
