import { SCHEMA } from "../../formats/tables/agentSchema";
import { isClaimedSql } from "../accounts/runFenceSchema";
import { type DatabaseAddress, inTransaction } from "../postgres/connection";
import { ShortSession } from "../postgres/shortSession";
import type { WaitingRun } from "./takenRuns";

/** How long a person's answer in another region counts as a wish, in seconds. */
const WISH_SECONDS = 60;

/** The fence of waiting runs, with the database's clock. */
export interface RunFence {
  readonly waiting: readonly WaitingRun[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What the agent found out about this region's waiting runs. */
export interface Ruling {
  readonly region: string;
  /** Whether the region can take runs over, so that a claim of a different region's run should wait for that. */
  readonly takesOver: boolean;
  /** Keys of runs that may go on in this region because it took them. */
  readonly resumable: readonly string[];
  /** Keys of runs that may not go on in this region, although they may have paused in it. */
  readonly blocked: readonly string[];
  /** Keys that this region took, so that the wish is fulfilled. */
  readonly fulfilled: readonly string[];
  /** Runs may go on in this region until then, in milliseconds since 1970 by the database's clock. */
  readonly until: number;
}

/** Access to the fence of waiting runs in the region's database. */
export interface RunFencing {
  /** Returns undefined if the database has no fence yet. */
  read(): Promise<RunFence | undefined>;
  rule(ruling: Ruling): Promise<void>;
}

const KEY = "w.job_id || '/' || w.pause";

export class DatabaseRunFence implements RunFencing {
  readonly #session: ShortSession;

  constructor(address: DatabaseAddress) {
    this.#session = new ShortSession(address);
  }

  read(): Promise<RunFence | undefined> {
    return this.#session.use(async (client) => {
      const { rows: found } = await client.query<{ found: boolean }>(
        `SELECT to_regclass('${SCHEMA}.waiting_run') IS NOT NULL AND to_regclass('${SCHEMA}.run_fence') IS NOT NULL AS found`,
      );
      if (!found[0]?.found) return undefined;
      const { rows } = await client.query<{ now: number; waiting: WaitingRun[] }>(
        `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now, coalesce((
          SELECT jsonb_agg(jsonb_build_object('key', ${KEY},
            'isWished', coalesce(w.wished_at > now() - interval '${WISH_SECONDS} seconds', false) OR ${isClaimedSql("w.job_id")}))
          FROM ${SCHEMA}.waiting_run w), '[]') AS waiting`,
      );
      return rows[0];
    });
  }

  /** Applies a ruling: first which runs may go on in this region, and with the same commit until when. */
  rule({ region, takesOver, resumable, blocked, fulfilled, until }: Ruling): Promise<void> {
    return this.#session.use((client) =>
      inTransaction(client, async () => {
        // After a restore of a different region's backup, the runs that paused in that region are marked as paused in
        // this region.
        await client.query(
          `UPDATE ${SCHEMA}.waiting_run w SET is_home = false FROM ${SCHEMA}.run_fence f WHERE w.is_home AND f.region <> $1`,
          [region],
        );
        await client.query(
          `UPDATE ${SCHEMA}.waiting_run w SET may_resume = ${KEY} = ANY($1::text[])
            WHERE ${KEY} = ANY($1::text[] || $2::text[])`,
          [resumable, blocked],
        );
        await client.query(`UPDATE ${SCHEMA}.waiting_run w SET wished_at = NULL WHERE ${KEY} = ANY($1::text[])`, [
          fulfilled,
        ]);
        await client.query(
          `UPDATE ${SCHEMA}.run_fence SET region = $1, takes_over = $2, until = to_timestamp($3::float8 / 1000)`,
          [region, takesOver, until],
        );
      }),
    );
  }

  end(): Promise<void> {
    return this.#session.end();
  }
}
