/** Series in a region's Prometheus on a day with every kind of event, with the labels that they have in production. */

/** Values that rise by one per evaluation, for counters and timestamps. */
const RISING = "1+1x60";
const STEADY = "1x60";

const POD = 'namespace="langflow",pod="langflow-0"';
const CONTAINER = `${POD},container="langflow"`;
const AGENT = 'namespace="langflow",pod="flow-sync-0"';
const DRILL = `${AGENT},target_region="eu-west",fault="region"`;
const RUN = 'http_route="/api/v1/run/{flow_id_or_name}",http_request_method="POST"';
const LIST = 'http_route="/api/v1/flows/",http_request_method="GET"';
const PROVIDER = `${POD},gen_ai_provider_name="openai",gen_ai_request_model="gpt"`;
const SLOS = ["requests-answered", "runs-succeeded", "runs-in-time"];

const requests = (labels: string): string[] => [
  ...["1", "10", "+Inf"].map((le) => `http_server_request_duration_seconds_bucket{${POD},${labels},le="${le}"}`),
  `http_server_request_duration_seconds_count{${POD},${labels}}`,
];

const COUNTED: readonly string[] = [
  ...requests(`${RUN},http_response_status_code="200"`),
  ...requests(`${LIST},http_response_status_code="200"`),
  ...["_count", "_sum"].flatMap((end) =>
    [PROVIDER, `${PROVIDER},error_type="RateLimitError"`].map(
      (labels) => `gen_ai_client_operation_duration_seconds${end}{${labels}}`,
    ),
  ),
  ...["0.1", "+Inf"].map((le) => `langflow_event_loop_lag_seconds_bucket{${POD},le="${le}"}`),
  ...["ok", "error"].map(
    (status) => `langflow_dr_flow_calls_total{job="collector",flow_id="f1",protocol="v1",status="${status}"}`,
  ),
  ...["1", "+Inf"].map(
    (le) => `langflow_dr_flow_duration_seconds_bucket{job="collector",protocol="v1",status="ok",le="${le}"}`,
  ),
  `langflow_dr_accounts_copies_total{${AGENT}}`,
  `langflow_dr_sync_cycles_total{${AGENT},result="success"}`,
  `container_cpu_usage_seconds_total{${CONTAINER}}`,
  `kube_pod_container_status_restarts_total{${CONTAINER}}`,
  ...["10", "+Inf"].map((le) => `kubelet_image_pull_duration_seconds_bucket{node="a",le="${le}"}`),
];

const MEASURED: readonly string[] = [
  'ALERTS{alertname="RegionUnhealthy",alertstate="firing",severity="critical",target_region="eu-west"}',
  'probe_success{job="probe-origin",instance="https://eu-west/healthz",target_region="eu-west"}',
  'probe_duration_seconds{job="probe-origin",instance="https://eu-west/healthz",target_region="eu-west"}',
  'probe_ssl_earliest_cert_expiry{job="probe-origin",instance="https://eu-west/healthz",target_region="eu-west"}',
  ...["own", "public", "git"].flatMap((what) =>
    ["probe_success", "probe_duration_seconds"].map((name) => `${name}{job="probe-${what}",instance="${what}"}`),
  ),
  ...SLOS.flatMap((slo) =>
    [
      "slo:error_budget_left:ratio",
      "slo:error_ratio:over1h",
      "slo:error_ratio:over1d",
      "slo:errors:rate",
      "slo:events:rate",
    ].map((name) => `${name}{slo="${slo}"}`),
  ),
  `http_server_active_requests{${POD},http_request_method="POST",url_scheme="http"}`,
  ...["in_use", "idle"].map((state) => `langflow_db_pool_connections_${state}{${POD}}`),
  `langflow_db_pool_size{${POD}}`,
  `container_memory_working_set_bytes{${CONTAINER},node="a"}`,
  `kube_pod_container_resource_limits{${CONTAINER},resource="memory",unit="byte"}`,
  `kube_pod_status_phase{${POD},phase="Running"}`,
  ...["spec_max", "status_desired"].map(
    (what) => `kube_horizontalpodautoscaler_${what}_replicas{namespace="langflow",horizontalpodautoscaler="langflow"}`,
  ),
  'kube_job_status_failed{namespace="langflow",job_name="backup-1"}',
  ...["avail", "size"].map((what) => `node_filesystem_${what}_bytes{instance="a",fstype="xfs"}`),
  ...["MemAvailable", "MemTotal"].map((what) => `node_memory_${what}_bytes{instance="a"}`),
  ...["available", "capacity"].map(
    (what) => `kubelet_volume_stats_${what}_bytes{namespace="langflow",persistentvolumeclaim="files"}`,
  ),
  ...["flows", "held", "deletes_held", "secrets_held", "skipped", "lag_seconds"].map(
    (what) => `langflow_dr_sync_${what}{${AGENT},workspace="default"}`,
  ),
  ...["lag_seconds", "broken"].map((what) => `langflow_dr_accounts_${what}{${AGENT}}`),
  `langflow_dr_accounts_deletes_held{${AGENT},table="flow"}`,
  ...["lag_seconds", "held"].map((what) => `langflow_dr_schedules_${what}{${AGENT}}`),
  ...["recorder", "pending_commits"].map((what) => `langflow_dr_record_${what}{${AGENT}}`),
  ...["latency_seconds", "pending_operations", "failed_operations"].map(
    (what) => `langflow_dr_replication_${what}{${AGENT},from="us-east",to="eu-west"}`,
  ),
  ...["free_storage_bytes", "connections", "cpu_ratio"].map(
    (what) => `langflow_dr_database_${what}{${AGENT},database="langflow-dr-us-east-database"}`,
  ),
  ...["fault", "restored", "ended", "passed"].map(
    (moment) => `langflow_dr_drill_timestamp_seconds{${DRILL},moment="${moment}"}`,
  ),
  ...["passed", "recovery_seconds", "detection_seconds"].map((what) => `langflow_dr_drill_${what}{${DRILL}}`),
  `langflow_dr_drill_missed{${DRILL},what="RTO"}`,
  `langflow_dr_accounts_waiting{${AGENT},table="flow"}`,
  `langflow_dr_accounts_refused{${AGENT},table="user"}`,
  `langflow_dr_accounts_renamed{${AGENT},table="user",id="1a2b3c4d"}`,
  `langflow_dr_accounts_unreached{${AGENT},to="eu-west"}`,
  ...["age_seconds", "size_bytes"].map((what) => `langflow_dr_backup_${what}{${AGENT},region="us-east"}`),
];

/** Series with their values, in promtool's notation. */
export const PANEL_SERIES: Readonly<Record<string, string>> = Object.fromEntries([
  ...COUNTED.map((series) => [series, RISING]),
  ...MEASURED.map((series) => [series, STEADY]),
  ['up{job="langflow",instance="a"}', "0x60"],
]);
