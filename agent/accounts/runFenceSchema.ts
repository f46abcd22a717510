import { SCHEMA } from "../../formats/tables/agentSchema";
import { AS_OWNER, IS_APPLYING } from "./capture";

/** LangFlow's table of runs, which gets the fence. */
export const RUNS_TABLE = "job";
const TRIGGER = "langflow_dr_run";

/**
 * Returns SQL that identifies one pause of a run in all regions: LangFlow stamps a new time on the run at its start and
 * at each resumption.
 */
const pauseSql = (row: string): string =>
  `md5(concat(${row}.job_metadata ->> 'owner', ' ', ${row}.job_metadata ->> 'heartbeat_at'))`;

/**
 * How long a rejected claim waits for the agent to take the run over, in seconds: longer than an undisturbed take-over
 * (`TAKE_OVER_MS` and two rounds of the agent), and shorter than the timeouts of clients.
 */
const CLAIM_WAITS_SECONDS = 18;
/** Interval between two checks of a waiting claim, in seconds. */
const CLAIM_CHECKED_SECONDS = 0.25;
/** Maximum number of claims that wait in one database: each occupies a connection of LangFlow's pool. */
const WAITING_CLAIMS_MAX = 10;
/** First key of the advisory locks that waiting claims hold. The second key is {@link claimKeySql}. */
const CLAIM_LOCK = 1_819_436_402;

/** Returns SQL for the second key of the advisory lock of a run's claim: a non-negative integer. */
const claimKeySql = (job: string): string => `(hashtext(${job}::text) & 2147483647)`;

/** The advisory locks of waiting claims in this database. */
const CLAIM_LOCKS = `pg_locks l WHERE l.locktype = 'advisory' AND l.classid = ${CLAIM_LOCK} AND l.objsubid = 2
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** Returns a condition: a claim of the run waits for the agent to take the run over. */
export const isClaimedSql = (job: string): string =>
  `EXISTS (SELECT FROM ${CLAIM_LOCKS} AND l.objid::bigint = ${claimKeySql(job)})`;

/** Returns a condition: the run may go on in this region, if the fence is open. */
const isOwnSql = (row: string): string => `coalesce(${row}.may_resume, ${row}.is_home)`;

/**
 * Returns a condition: this region may take the run over. Without its checkpoint, which may be too large to be
 * replicated, LangFlow would fail the run.
 */
const isTakeableSql = (row: string): string =>
  `(NOT ${isOwnSql(row)} AND EXISTS (SELECT FROM public.job_checkpoints c WHERE c.job_id = ${row}.job_id))`;

/** The setting is null in sessions that never set it. */
const APPLIES = `coalesce(${IS_APPLYING}, false)`;

/**
 * The fence of runs that wait for a person: only one region lets LangFlow go on with a run. LangFlow claims a waiting
 * run by an UPDATE from `suspended` to `in_progress`. An UPDATE without a row means to LangFlow that the run is not
 * resumable, so it answers 409 and keeps the question open.
 *
 * - A run may go on in the region in which it paused, its home, and after a take-over in the region that took it
 *   (`agent/runs/takenRuns.ts`): then `may_resume` is true in that region, and false in the other regions.
 * - Both hold only until the time in `run_fence`, which the agent sets for as long as no other region can have taken a
 *   run without this region's knowledge.
 * - A claim of another region's run waits until the agent has taken the run over, and is then accepted. LangFlow's UI
 *   shows a rejected answer as if it had been accepted, so the first answer should be the last one. The claim's
 *   transaction is open, so an advisory lock tells the agent of it.
 * - A waiting claim holds a lock on the run's row. It gives up as soon as a different session waits for that lock: the
 *   agent may want to delete the run, because it went on in a different region.
 * - A claim that gives up is stored as a wish, so that the agent takes the run over and a later answer is accepted.
 *
 * Runs that paused before the fence existed have no home: their origin is unknown.
 */
export const RUN_FENCE_SQL = `
CREATE TABLE IF NOT EXISTS ${SCHEMA}.run_fence (
  "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
  until timestamptz NOT NULL DEFAULT '-infinity',
  region text,
  takes_over boolean NOT NULL DEFAULT false
);
INSERT INTO ${SCHEMA}.run_fence DEFAULT VALUES ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS ${SCHEMA}.waiting_run (
  job_id uuid PRIMARY KEY,
  pause text NOT NULL,
  is_home boolean NOT NULL,
  may_resume boolean,
  wished_at timestamptz
);
CREATE OR REPLACE FUNCTION ${SCHEMA}.run_may_go_on(job_ uuid) RETURNS boolean LANGUAGE sql VOLATILE AS $$
  SELECT EXISTS (SELECT FROM ${SCHEMA}.waiting_run w, ${SCHEMA}.run_fence f
    WHERE w.job_id = job_ AND ${isOwnSql("w")} AND clock_timestamp() < f.until)
$$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.run_claim_may_wait(job_ uuid, since_ timestamptz) RETURNS boolean LANGUAGE sql VOLATILE AS $$
  SELECT clock_timestamp() < since_ + interval '${CLAIM_WAITS_SECONDS} seconds'
    AND EXISTS (SELECT FROM ${SCHEMA}.waiting_run w, ${SCHEMA}.run_fence f
      WHERE w.job_id = job_ AND ${isTakeableSql("w")} AND clock_timestamp() < f.until AND f.takes_over)
    AND (SELECT count(DISTINCT l.pid) FROM ${CLAIM_LOCKS} AND l.pid <> pg_backend_pid()) < ${WAITING_CLAIMS_MAX}
    AND NOT EXISTS (SELECT FROM pg_locks l WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid)))
$$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.run_claimed() RETURNS trigger LANGUAGE plpgsql ${AS_OWNER} AS $$
DECLARE
  since_ timestamptz := clock_timestamp();
BEGIN
  IF NEW.status::text = 'suspended' THEN
    INSERT INTO ${SCHEMA}.waiting_run AS w (job_id, pause, is_home)
      VALUES (NEW.job_id, ${pauseSql("NEW")}, NOT ${APPLIES})
      ON CONFLICT (job_id) DO UPDATE SET pause = excluded.pause, is_home = excluded.is_home, may_resume = NULL, wished_at = NULL
      WHERE w.pause <> excluded.pause;
    RETURN NEW;
  END IF;
  IF TG_OP = 'INSERT' THEN RETURN NEW; END IF;
  IF OLD.status::text <> 'suspended' THEN RETURN NEW; END IF;
  IF NEW.status::text = 'in_progress' AND NOT ${APPLIES} THEN
    WHILE NOT ${SCHEMA}.run_may_go_on(OLD.job_id) LOOP
      IF NOT ${SCHEMA}.run_claim_may_wait(OLD.job_id, since_) THEN
        UPDATE ${SCHEMA}.waiting_run w SET wished_at = clock_timestamp() WHERE w.job_id = OLD.job_id AND ${isTakeableSql("w")};
        RETURN NULL;
      END IF;
      PERFORM pg_advisory_xact_lock_shared(${CLAIM_LOCK}, ${claimKeySql("OLD.job_id")});
      PERFORM pg_sleep(${CLAIM_CHECKED_SECONDS});
    END LOOP;
  END IF;
  DELETE FROM ${SCHEMA}.waiting_run WHERE job_id = OLD.job_id;
  RETURN NEW;
EXCEPTION WHEN undefined_table OR invalid_schema_name THEN
  RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.run_deleted() RETURNS trigger LANGUAGE plpgsql ${AS_OWNER} AS $$
BEGIN
  DELETE FROM ${SCHEMA}.waiting_run WHERE job_id = OLD.job_id;
  RETURN NULL;
EXCEPTION WHEN undefined_table OR invalid_schema_name THEN
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER ${TRIGGER} BEFORE INSERT OR UPDATE OF status ON public.${RUNS_TABLE}
  FOR EACH ROW EXECUTE FUNCTION ${SCHEMA}.run_claimed();
CREATE OR REPLACE TRIGGER ${TRIGGER}_deleted AFTER DELETE ON public.${RUNS_TABLE}
  FOR EACH ROW EXECUTE FUNCTION ${SCHEMA}.run_deleted();
INSERT INTO ${SCHEMA}.waiting_run (job_id, pause, is_home)
  SELECT j.job_id, ${pauseSql("j")}, false FROM public.${RUNS_TABLE} j WHERE j.status::text = 'suspended' ON CONFLICT DO NOTHING;
`;
