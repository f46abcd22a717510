import { print } from "../flows/version";
import { STATE_FORM } from "./flowState";

/** The agent's own schema in LangFlow's database. */
export const SCHEMA = "langflow_dr";
/** Where the database says that a flow or a project changed. */
export const CHANNEL = "langflow_dr";

/** Set for the rest of a transaction in which a wait for one lock ended without it: a hundred rows do not wait for it each. */
const BUSY = `${SCHEMA}.busy`;

/** One agent writes for a region: who holds this advisory lock, for as long as its session lasts. */
export const WRITER_LOCK = [0x6c616e67, 0x666c6f77] as const;

/**
 * Tables, and triggers on LangFlow's. A trigger's function never fails the write that called it: an error in it is
 * caught, it waits for nobody's lock longer than its users would notice, and a notification that might not fit is left
 * out, since a full queue would fail the user's commit (PostgreSQL manual, NOTIFY). No trigger names a column in its definition, which would forbid LangFlow's migrations to
 * change that column's type; the functions name them, and are looked up when they run.
 *
 * `edit` has the time of each field's last write by the database's clock. LangFlow keeps one time for the whole flow, and
 * none for a move between projects: all that is known of what was written while no trigger saw it.
 */
const STATEMENTS = `
CREATE SCHEMA IF NOT EXISTS ${SCHEMA};
CREATE TABLE IF NOT EXISTS ${SCHEMA}.flow_state (
  workspace text NOT NULL,
  user_id uuid NOT NULL,
  flow_id uuid NOT NULL,
  state jsonb NOT NULL,
  PRIMARY KEY (workspace, user_id, flow_id)
);
CREATE INDEX IF NOT EXISTS flow_state_flow ON ${SCHEMA}.flow_state (flow_id);
CREATE TABLE IF NOT EXISTS ${SCHEMA}.region_state (
  "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
  head text,
  writes bigint NOT NULL DEFAULT 0
);
INSERT INTO ${SCHEMA}.region_state DEFAULT VALUES ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS ${SCHEMA}.edit (
  flow_id uuid PRIMARY KEY,
  graph timestamptz,
  name timestamptz,
  description timestamptz,
  project timestamptz,
  endpoint timestamptz,
  lock timestamptz,
  details timestamptz
);
CREATE OR REPLACE FUNCTION ${SCHEMA}.announce() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF pg_notification_queue_usage() < 0.5 THEN PERFORM pg_notify('${CHANNEL}', ''); END IF;
END $$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.flow_changed() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
DECLARE
  now_ timestamptz := clock_timestamp();
BEGIN
  IF current_setting('${BUSY}', true) = 'on' THEN RETURN NULL; END IF;
  IF TG_OP = 'UPDATE' THEN
    INSERT INTO ${SCHEMA}.edit AS e (flow_id, graph, name, description, project, endpoint, lock, details)
    VALUES (
      NEW.id,
      CASE WHEN NEW.version_token IS DISTINCT FROM OLD.version_token
        OR (NEW.version_token IS NULL AND NEW.data::text IS DISTINCT FROM OLD.data::text) THEN now_ END,
      CASE WHEN NEW.name IS DISTINCT FROM OLD.name THEN now_ END,
      CASE WHEN NEW.description IS DISTINCT FROM OLD.description THEN now_ END,
      CASE WHEN NEW.folder_id IS DISTINCT FROM OLD.folder_id THEN now_ END,
      CASE WHEN NEW.endpoint_name IS DISTINCT FROM OLD.endpoint_name THEN now_ END,
      CASE WHEN NEW.locked IS DISTINCT FROM OLD.locked THEN now_ END,
      CASE WHEN (NEW.icon, NEW.icon_bg_color, NEW.tags::text, NEW.mcp_enabled, NEW.is_component, NEW.webhook)
        IS DISTINCT FROM (OLD.icon, OLD.icon_bg_color, OLD.tags::text, OLD.mcp_enabled, OLD.is_component, OLD.webhook)
        THEN now_ END
    )
    ON CONFLICT (flow_id) DO UPDATE SET
      graph = coalesce(excluded.graph, e.graph), name = coalesce(excluded.name, e.name),
      description = coalesce(excluded.description, e.description), project = coalesce(excluded.project, e.project),
      endpoint = coalesce(excluded.endpoint, e.endpoint), lock = coalesce(excluded.lock, e.lock),
      details = coalesce(excluded.details, e.details);
  ELSIF TG_OP = 'INSERT' THEN
    INSERT INTO ${SCHEMA}.edit VALUES (NEW.id, now_, now_, now_, now_, now_, now_, now_)
    ON CONFLICT (flow_id) DO UPDATE SET (graph, name, description, project, endpoint, lock, details)
      = (now_, now_, now_, now_, now_, now_, now_);
  ELSE
    DELETE FROM ${SCHEMA}.edit WHERE flow_id = OLD.id;
  END IF;
  PERFORM ${SCHEMA}.announce();
  RETURN NULL;
EXCEPTION
  WHEN lock_not_available THEN
    PERFORM set_config('${BUSY}', 'on', true);
    RETURN NULL;
  WHEN OTHERS THEN
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.project_changed() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
BEGIN
  IF NEW.name IS DISTINCT FROM OLD.name THEN
    INSERT INTO ${SCHEMA}.edit (flow_id, project)
    SELECT id, clock_timestamp() FROM public.flow WHERE folder_id = NEW.id
    ON CONFLICT (flow_id) DO UPDATE SET project = excluded.project;
    PERFORM ${SCHEMA}.announce();
  END IF;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $$;
LOCK TABLE public.flow IN SHARE ROW EXCLUSIVE MODE;
DELETE FROM ${SCHEMA}.edit e WHERE NOT EXISTS (SELECT FROM public.flow f WHERE f.id = e.flow_id);
INSERT INTO ${SCHEMA}.edit AS e
  SELECT id, at, at, at, at, at, at, at FROM (SELECT id, updated_at AT TIME ZONE 'UTC' AS at FROM public.flow) f
  ON CONFLICT (flow_id) DO UPDATE SET (graph, name, description, project, endpoint, lock, details)
    = (excluded.graph, excluded.name, excluded.description, excluded.project, excluded.endpoint, excluded.lock,
      excluded.details)
  WHERE excluded.graph > greatest(e.graph, e.name, e.description, e.project, e.endpoint, e.lock, e.details)
    AND NOT EXISTS (
      SELECT FROM pg_trigger WHERE tgname = 'langflow_dr_flow' AND tgrelid = 'public.flow'::regclass);
CREATE OR REPLACE TRIGGER langflow_dr_flow AFTER INSERT OR UPDATE OR DELETE ON public.flow
  FOR EACH ROW EXECUTE FUNCTION ${SCHEMA}.flow_changed();
CREATE OR REPLACE TRIGGER langflow_dr_project AFTER UPDATE ON public.folder
  FOR EACH ROW EXECUTE FUNCTION ${SCHEMA}.project_changed();
`;

/** Told by the schema's comment: another release of the agent makes it anew. */
export const SCHEMA_VERSION = `${print(STATEMENTS)} ${STATE_FORM}`;
export const SCHEMA_SQL = `${STATEMENTS}
DO $$ BEGIN
  IF coalesce(obj_description(to_regnamespace('${SCHEMA}'), 'pg_namespace'), '') NOT LIKE '% ${STATE_FORM}' THEN
    DELETE FROM ${SCHEMA}.flow_state;
    UPDATE ${SCHEMA}.region_state SET writes = writes + 1;
  END IF;
END $$;
COMMENT ON SCHEMA ${SCHEMA} IS '${SCHEMA_VERSION}';
`;
