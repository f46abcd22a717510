import { SCHEMA } from "../../formats/tables/agentSchema";
import { AS_OWNER, IS_APPLYING } from "./capture";

/** LangFlow's table of runs, which gets the fence. */
export const RUNS_TABLE = "job";
const TRIGGER = "langflow_dr_run";

/**
 * Returns SQL that identifies one pause of a run in all regions: LangFlow stamps a new time on the run when it starts
 * and each time it goes on.
 */
const pauseSql = (row: string): string =>
  `md5(concat(${row}.job_metadata ->> 'owner', ' ', ${row}.job_metadata ->> 'heartbeat_at'))`;

/** The setting is null in sessions that never set it. */
const APPLIES = `coalesce(${IS_APPLYING}, false)`;

/**
 * The fence of runs that wait for a person: only one region lets LangFlow go on with a run. LangFlow claims a waiting
 * run by an UPDATE from `suspended` to `in_progress`. An UPDATE without a row means to LangFlow that the run is not
 * resumable, so it answers 409 and keeps the question open.
 *
 * - A run may go on in the region in which it paused, its home, and after a take-over in the region that took it
 *   (`agent/runs/takenRuns.ts`): `taken` is `here` there, and `elsewhere` in the other regions.
 * - Both hold only until the time in `run_fence`, which the agent sets for as long as no other region can have taken a
 *   run without this region's knowledge.
 * - A rejected claim of another region's run is stored as a wish, so that the agent takes the run over.
 *
 * Runs that paused before the fence existed have no home: their origin is unknown.
 */
export const RUN_FENCE_SQL = `
CREATE TABLE IF NOT EXISTS ${SCHEMA}.run_fence (
  "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
  until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO ${SCHEMA}.run_fence DEFAULT VALUES ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS ${SCHEMA}.waiting_run (
  job_id uuid PRIMARY KEY,
  pause text NOT NULL,
  is_home boolean NOT NULL,
  taken text CHECK (taken IN ('here', 'elsewhere')),
  wished_at timestamptz
);
CREATE OR REPLACE FUNCTION ${SCHEMA}.run_claimed() RETURNS trigger LANGUAGE plpgsql ${AS_OWNER} AS $$
BEGIN
  IF NEW.status::text = 'suspended' THEN
    INSERT INTO ${SCHEMA}.waiting_run AS w (job_id, pause, is_home)
      VALUES (NEW.job_id, ${pauseSql("NEW")}, NOT ${APPLIES})
      ON CONFLICT (job_id) DO UPDATE SET pause = excluded.pause, is_home = excluded.is_home, taken = NULL, wished_at = NULL
      WHERE w.pause <> excluded.pause;
    RETURN NEW;
  END IF;
  IF TG_OP = 'INSERT' THEN RETURN NEW; END IF;
  IF OLD.status::text <> 'suspended' THEN RETURN NEW; END IF;
  IF NEW.status::text = 'in_progress' AND NOT ${APPLIES} AND NOT EXISTS (
    SELECT FROM ${SCHEMA}.waiting_run w, ${SCHEMA}.run_fence f
      WHERE w.job_id = OLD.job_id AND CASE WHEN w.taken IS NULL THEN w.is_home ELSE w.taken = 'here' END
        AND clock_timestamp() < f.until) THEN
    UPDATE ${SCHEMA}.waiting_run SET wished_at = clock_timestamp()
      WHERE job_id = OLD.job_id AND CASE WHEN taken IS NULL THEN NOT is_home ELSE taken = 'elsewhere' END;
    RETURN NULL;
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
