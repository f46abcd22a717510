/**
 * Rows that LangFlow 1.13 and the agent write without a user's action. They are no reason to refuse a restore. Every
 * table and row not listed here counts, including those of a later LangFlow: an unnecessary refusal only asks the
 * operator, whereas a missed row would be lost.
 */

/**
 * Timestamp columns that do not indicate a change: times in the future, and times that reading, using or a heartbeat
 * updates.
 */
export const NO_TIME_OF_A_CHANGE: ReadonlySet<string> = new Set([
  "acquired_at",
  "available_at",
  "consumed_at",
  "credential_expires_at",
  "due_at",
  "expires_at",
  "health_checked_at",
  "heartbeat_at",
  "last_fired_at",
  "last_login_at",
  "last_used_at",
  "lease_expires_at",
  "lease_until",
  "next_fire_at",
  "renew_after",
  "sso_last_login_at",
]);

const LOG = "a log of actions: their results are in other tables, and the log also contains the flow sync";
const RUNS = "a log of runs, which LangFlow prunes itself; the messages are in the table message";
const QUEUE = "background work in progress: each start of LangFlow clears it, and its results are in other tables";
const LEASE = "a lease that a running LangFlow renews";
const CURSOR = "the progress of background work, whose data is in other tables";
const NO_TIME = "LangFlow stores no timestamps of its rows";

/** Tables whose rows never count, with the reason. */
export const NO_PERSONS_TABLES: Readonly<Record<string, string>> = {
  a2a_checkpoints: NO_TIME,
  alembic_version: NO_TIME,
  audit_events: LOG,
  authz_audit_log: LOG,
  authz_edit_lock: LEASE,
  background_job_metric_totals: NO_TIME,
  casbin_rule: NO_TIME,
  connection_oauth: "a sign-in in progress, which takes minutes",
  execution_signals: QUEUE,
  // LangFlow creates users' first projects, and the agent creates others. A project with newer flows is noticed through
  // its flows.
  folder: NO_TIME,
  job: QUEUE,
  job_checkpoints: QUEUE,
  job_events: QUEUE,
  knowledge_base_storage_migration: QUEUE,
  memory_base_preprocessing_output: CURSOR,
  memory_base_session: CURSOR,
  memory_base_workflow_run: CURSOR,
  message_ingestion_record: CURSOR,
  model_provider_policy: NO_TIME,
  span: RUNS,
  sso_settings: NO_TIME,
  trace: RUNS,
  transaction: RUNS,
  trigger_cleanup: QUEUE,
  trigger_event: QUEUE,
  trigger_lease: LEASE,
  trigger_listener_lease: LEASE,
  trigger_source_version: CURSOR,
  trigger_subscription: "a subscription at a provider that a running LangFlow renews",
  vertex_build: RUNS,
};

/**
 * Rows that do not count in tables whose other rows do: a condition over the row `t`, in which $1 is the backup's time,
 * and the reason.
 */
export const NO_PERSONS_ROWS: Readonly<Record<string, { readonly row: string; readonly why: string }>> = {
  apikey: {
    row: "t.name LIKE 'MCP Project %'",
    why: "LangFlow creates one for each project's MCP server, also at its start",
  },
  authz_role: { row: "t.is_system", why: "LangFlow's migrations create them" },
  flow: { row: "t.user_id IS NULL", why: "LangFlow's starter flows, written at each start" },
  mcp_server: { row: "t.name LIKE 'lf-%'", why: "LangFlow creates one for each project, also at its start" },
  policy_bundle_active: { row: "NOT t.initialized", why: "LangFlow's migrations create it" },
  policy_bundle_revision: { row: "t.source = 'migration'", why: "LangFlow's migrations create it" },
  sso_user_profile: {
    row: "t.created_at <= $1 AND t.updated_at BETWEEN t.sso_last_login_at AND t.sso_last_login_at + interval '1 second'",
    why: "each sign-in writes updated_at",
  },
  user: {
    row: `(t.create_at <= $1 OR t.is_superuser AND t.create_at = (SELECT min(create_at) FROM "user"))
      AND (t.updated_at <= $1 OR t.create_at > $1 AND t.updated_at - t.create_at < interval '1 second'
        OR t.updated_at BETWEEN t.last_login_at AND t.last_login_at + interval '1 second')
      AND (t.retired_at IS NULL OR t.retired_at <= $1)`,
    why: "the agent adopts the migration's superuser, and each sign-in writes updated_at",
  },
  variable: {
    // At each start, LangFlow recreates the variables that come from the environment, and these four, empty, for each
    // user.
    row: `t.is_environment_managed OR t.name = 'LANGFLOW_DR_SYNC'
      OR t.updated_at IS NULL AND t.name IN ('FLOW_ID', 'COMPONENT_ID', 'FIELD_NAME', 'ASTRA_TOKEN')`,
    why: "LangFlow's own variables, and the one in which an earlier flow sync stored its state",
  },
};
