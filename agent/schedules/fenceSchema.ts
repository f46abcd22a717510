import { print } from "../../formats/flows/version";
import { SCHEMA } from "../../formats/tables/agentSchema";
import { AS_OWNER, IS_APPLYING } from "../accounts/capture";

/** LangFlow's tables that get a trigger, and the trigger's name. */
export const FENCED = ["trigger", "trigger_event", "trigger_lease", "trigger_listener_lease"];
export const FENCE_TRIGGER = "langflow_dr_schedules";

/**
 * LangFlow's loops whose lease is denied while schedules do not fire. Each has a row in the table, so that LangFlow's
 * UPDATE matches no row and a denial is not an error.
 */
const LOOPS = [
  "trigger_scheduler",
  "trigger-source-maintenance",
  "trigger_subscription_renewal",
  "trigger_listener_host",
];

const LOOP_NAMES = LOOPS.map((name) => `'${name}'`).join(", ");

const ENDED = "'completed', 'failed', 'dead'";

/**
 * Returns SQL that matches the key of a tick in LangFlow's exact format. PostgreSQL would parse any other format
 * according to the session's settings.
 */
export const IS_TICK = (key: string): string =>
  `(${key} ~ '^tick:[12][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?[+]00:00$')`;

/**
 * Maximum lead of a pod's clock over the database's clock. A tick further in the future is rejected until its time has
 * come.
 */
export const POD_AHEAD_MS = 1_000;

/**
 * The fence: triggers that let schedules fire in one region only. They are in the database that LangFlow's pods use, so
 * they work even if the agent dies, and a lease expires by the database's clock.
 *
 * - Each of LangFlow's loops needs a row in `trigger_lease` or `trigger_listener_lease`. If the row is denied, the loop
 *   does nothing and retries: an UPDATE without a row and a failing INSERT both mean to LangFlow that a different pod
 *   has the lease. The table's other leases are not related to schedules and are always granted: the dispatcher's for
 *   the region's queue, the eraser's for a person's data, and those for users' actions such as enabling a trigger.
 * - A pod may pause between the lease and the tick. The tick itself, a row of `trigger_event` with its scheduled time,
 *   is therefore admitted only within the holder's span. A tick before the span belongs to the previous holder: it is
 *   stored as failed, which LangFlow never runs, and LangFlow continues from it.
 * - If replication changes a schedule, LangFlow recomputes the schedule from now, as if a user had changed it in this
 *   region.
 */
const STATEMENTS = `
CREATE SCHEMA IF NOT EXISTS ${SCHEMA};
CREATE TABLE IF NOT EXISTS ${SCHEMA}.schedules (
  "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
  holder boolean NOT NULL DEFAULT false,
  generation bigint NOT NULL DEFAULT 0,
  after timestamptz NOT NULL DEFAULT '-infinity',
  until timestamptz NOT NULL DEFAULT '-infinity',
  asked_generation bigint NOT NULL DEFAULT 0,
  asked_until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO ${SCHEMA}.schedules DEFAULT VALUES ON CONFLICT DO NOTHING;
CREATE OR REPLACE FUNCTION ${SCHEMA}.schedules_fire() RETURNS boolean LANGUAGE sql VOLATILE AS $$
  SELECT coalesce((SELECT holder AND clock_timestamp() < until FROM ${SCHEMA}.schedules), false)
$$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.schedules_lease() RETURNS trigger LANGUAGE plpgsql ${AS_OWNER} AS $$
BEGIN
  IF TG_TABLE_NAME = 'trigger_lease' THEN
    IF (NEW.owner = '${SCHEMA}' AND session_user = current_user) OR NOT (NEW.name = ANY (ARRAY[${LOOP_NAMES}])
      OR NEW.owner LIKE 'source-reconcile:%' OR NEW.owner LIKE 'cleanup:%') THEN
      RETURN NEW;
    END IF;
  END IF;
  IF ${SCHEMA}.schedules_fire() THEN RETURN NEW; END IF;
  IF TG_OP = 'UPDATE' THEN RETURN NULL; END IF;
  RAISE unique_violation USING MESSAGE = 'schedules do not fire in this region now';
END $$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.schedules_tick() RETURNS trigger LANGUAGE plpgsql ${AS_OWNER} AS $$
DECLARE
  now_ timestamptz := clock_timestamp();
  tick_ timestamptz;
  row_ ${SCHEMA}.schedules;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    -- LangFlow goes on with what was let in, revives nothing that has ended, and makes no other event a tick.
    IF session_user <> current_user AND (OLD.dedupe_key LIKE 'tick:%' OR NEW.dedupe_key LIKE 'tick:%')
      AND (NEW.dedupe_key <> OLD.dedupe_key
        OR OLD.state IN (${ENDED}) AND NEW.state NOT IN (${ENDED})) THEN
      RAISE unique_violation USING MESSAGE = 'a tick is let in as it is made';
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.dedupe_key NOT LIKE 'tick:%' THEN RETURN NEW; END IF;
  IF NOT ${IS_TICK("NEW.dedupe_key")} THEN
    RAISE unique_violation USING MESSAGE = 'a tick says its moment as LangFlow writes it';
  END IF;
  tick_ := substr(NEW.dedupe_key, 6)::timestamptz;
  SELECT * INTO row_ FROM ${SCHEMA}.schedules;
  IF row_.holder IS NOT TRUE OR clock_timestamp() >= row_.until
    OR tick_ > least(row_.until, now_ + interval '${POD_AHEAD_MS} milliseconds') THEN
    RAISE unique_violation USING MESSAGE = 'schedules do not fire in this region now';
  END IF;
  IF tick_ <= row_.after THEN
    NEW.state := 'failed';
    NEW.error := 'due while another region held the schedules';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.schedules_changed() RETURNS trigger LANGUAGE plpgsql ${AS_OWNER} AS $$
BEGIN
  IF ${IS_APPLYING} AND NEW.kind = 'schedule'
    AND (NEW.state, to_jsonb(NEW.config)) IS DISTINCT FROM (OLD.state, to_jsonb(OLD.config)) THEN
    NEW.next_fire_at := NULL;
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER ${FENCE_TRIGGER} BEFORE INSERT OR UPDATE ON public.trigger_lease
  FOR EACH ROW EXECUTE FUNCTION ${SCHEMA}.schedules_lease();
CREATE OR REPLACE TRIGGER ${FENCE_TRIGGER} BEFORE INSERT OR UPDATE ON public.trigger_listener_lease
  FOR EACH ROW EXECUTE FUNCTION ${SCHEMA}.schedules_lease();
CREATE OR REPLACE TRIGGER ${FENCE_TRIGGER} BEFORE INSERT OR UPDATE OF dedupe_key, state ON public.trigger_event
  FOR EACH ROW EXECUTE FUNCTION ${SCHEMA}.schedules_tick();
CREATE OR REPLACE TRIGGER ${FENCE_TRIGGER} BEFORE UPDATE ON public.trigger
  FOR EACH ROW EXECUTE FUNCTION ${SCHEMA}.schedules_changed();
INSERT INTO public.trigger_lease (name, owner, acquired_at, heartbeat_at, expires_at)
  SELECT name, '${SCHEMA}', now(), now(), now() - interval '1 second'
  FROM unnest(ARRAY[${LOOP_NAMES}]) AS name ON CONFLICT DO NOTHING;
`;

/** Version of the fence, stored as the table's comment. An agent with a different version installs its own fence. */
export const FENCE_VERSION = print(STATEMENTS);
export const FENCE_SQL = `${STATEMENTS}COMMENT ON TABLE ${SCHEMA}.schedules IS '${FENCE_VERSION}';`;
