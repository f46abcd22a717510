import { DRILL_OVERDUE_SECONDS } from "../../../observability/alerts/sync";
import { type AlertCase, fault, hold, type QuietCase, type Told } from "./alertCase";

const MINUTE = 60;
const HOUR = 3_600;

/** Returns a list with one alert of one severity. */
const told = (severity: Told["severity"], summary: string, labels: Told["labels"] = {}): Told[] => [
  { severity, labels, summary },
];

/** Returns a case with samples a minute apart whose value is bad for the second hour. */
function hourLong(
  alert: string,
  series: AlertCase["series"],
  expected: Told[],
  times: Partial<Pick<AlertCase, "quietAt" | "firesAt" | "resolvedAt">> = {},
): AlertCase {
  const defaults = { quietAt: HOUR - MINUTE, firesAt: HOUR + 30 * MINUTE, resolvedAt: 2 * HOUR + 30 * MINUTE };
  return { alert, intervalSeconds: MINUTE, series, told: expected, ...defaults, ...times };
}

const EU_WEST = { instance: "https://eu-west.elb.example.com/healthz", job: "probe-origin", target_region: "eu-west" };
const OWN = { instance: "http://langflow/healthz", job: "probe-own", target_region: "us-east" };
const PUBLIC = { instance: "https://langflow.example.com/healthz", job: "probe-public" };
const GIT = { instance: "https://git.example.com/flows.git", job: "probe-git" };

const series = (metric: string, labels: Record<string, string>): string =>
  `${metric}{${Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(",")}}`;

/** Returns a case of three failed checks, 15 s apart: the first fails at 300 s and the third at 330 s. */
const threeInARow = (alert: string, labels: Record<string, string>, summary: string): AlertCase => ({
  alert,
  intervalSeconds: 15,
  series: { [series("probe_success", labels)]: fault(1, 0, [20, 20, 20]) },
  quietAt: 315,
  firesAt: 330,
  resolvedAt: 600,
  told: told("critical", summary, labels),
});

const REGIONS: AlertCase[] = [
  threeInARow(
    "RegionUnhealthy",
    EU_WEST,
    "region eu-west failed 3 health checks in a row, as seen from another region; its users are routed to other regions",
  ),
  threeInARow(
    "OwnRegionUnhealthy",
    OWN,
    "LangFlow of this region failed 3 health checks in a row, from inside its cluster: pods or database do not respond",
  ),
  threeInARow(
    "PublicNameUnhealthy",
    PUBLIC,
    "the public name failed 3 health checks in a row: users cannot reach LangFlow, or only this region cannot",
  ),
  hourLong(
    "CertificateEnding",
    { [series("probe_ssl_earliest_cert_expiry", PUBLIC)]: fault(5_000_000, 1_000_000) },
    told(
      "warning",
      "the certificate of https://langflow.example.com/healthz expires in 11d 12h 16m 40s and was not renewed",
      PUBLIC,
    ),
  ),
  hourLong("CertificateEnding", { [series("probe_ssl_earliest_cert_expiry", PUBLIC)]: fault(5_000_000, 400_000) }, [
    ...told(
      "warning",
      "the certificate of https://langflow.example.com/healthz expires in 4d 13h 36m 40s and was not renewed",
      PUBLIC,
    ),
    ...told(
      "critical",
      "the certificate of https://langflow.example.com/healthz expires in 4d 13h 36m 40s and was not renewed",
      PUBLIC,
    ),
  ]),
];

const requests = (route: string, status: number, more = "") =>
  `http_server_request_duration_seconds_count{pod="langflow-1",http_route="${route}",http_request_method="POST",http_response_status_code="${status}"${more}}`;
const bucket = (le: string) =>
  requests("/api/v1/run/{flow_id_or_name}", 200, `,le="${le}"`).replace("_count", "_bucket");
const RUN = "/api/v1/run/{flow_id_or_name}";

/** Returns a case with a constant ten requests per second, some of which fail for a while. */
const burning = (
  slo: string,
  series: AlertCase["series"],
  expected: Told[],
  { firesAt, resolvedAt }: Pick<AlertCase, "firesAt" | "resolvedAt">,
): AlertCase => ({
  alert: "ErrorBudgetBurning",
  intervalSeconds: MINUTE,
  series,
  quietAt: 6 * HOUR,
  firesAt,
  resolvedAt,
  told: expected.map((each) => ({ ...each, labels: { slo } })),
});

const BUDGETS: AlertCase[] = [
  // Every request fails for half an hour: an error rate of 100 % against the allowed 0.1 %.
  burning(
    "requests-answered",
    {
      [requests("/api/v1/flows/", 200)]: `0+600x360 ${216_000}x30 ${216_000}+600x2400`,
      [requests("/api/v1/flows/", 500)]: `0x360 600+600x30 ${18_600}x2400`,
    },
    [
      ...told(
        "critical",
        "requests-answered: too many requests failed with a server error; the monthly error budget runs out within days",
      ),
      ...told(
        "warning",
        "requests-answered: too many requests failed with a server error; the monthly error budget runs out before the month ends",
      ),
    ],
    { firesAt: 6 * HOUR + 30 * MINUTE, resolvedAt: 14 * HOUR },
  ),
  // One in twenty runs fails for a day, which is five times the allowed rate.
  burning(
    "runs-succeeded",
    {
      [requests(RUN, 200)]: "0+570x2400",
      [requests(RUN, 500)]: `0x360 30+30x1440 ${43_230}x600`,
    },
    told(
      "warning",
      "runs-succeeded: too many flow runs failed; the monthly error budget runs out before the month ends",
    ),
    { firesAt: 30 * HOUR, resolvedAt: 37 * HOUR },
  ),
  // Every second run takes longer than ten seconds, for half an hour.
  burning(
    "runs-in-time",
    {
      [requests(RUN, 200)]: "0+600x2400",
      [bucket("10")]: `0+600x360 ${216_300}+300x120 ${252_900}+600x2000`,
      [bucket("+Inf")]: "0+600x2400",
    },
    told(
      "warning",
      "runs-in-time: too many flow runs took longer than 10 s; the monthly error budget runs out before the month ends",
    ),
    { firesAt: 8 * HOUR, resolvedAt: 16 * HOUR },
  ),
];

const POD = { namespace: "langflow", pod: "langflow-1" };

const LANGFLOW: AlertCase[] = [
  hourLong(
    "RunsSlow",
    {
      [bucket("5")]: `0+60x60 ${3_600}x60 ${3_600}+60x120`,
      [bucket("7.5")]: `0+60x60 ${3_600}x60 ${3_600}+60x120`,
      [bucket("10")]: "0+60x240",
      [bucket("+Inf")]: "0+60x240",
    },
    told("warning", "5% of flow runs take 9.875s or longer"),
  ),
  hourLong(
    "EventLoopBlocked",
    {
      [series("langflow_event_loop_lag_seconds_bucket", {
        ...POD,
        le: "0.5",
      })]: `0+200x60 ${12_000}+100x60 ${18_000}+200x120`,
      [series("langflow_event_loop_lag_seconds_bucket", { ...POD, le: "1.0" })]: "0+200x240",
      [series("langflow_event_loop_lag_seconds_bucket", { ...POD, le: "+Inf" })]: "0+200x240",
      [series("langflow_event_loop_lag_seconds_count", POD)]: "0+200x240",
    },
    told("warning", "langflow-1 does not respond: its event loop is blocked", POD),
  ),
  // The counter stops while the event loop is blocked. After four minutes the pod is killed and the counter restarts at
  // zero.
  {
    alert: "EventLoopBlocked",
    intervalSeconds: 30,
    series: { [series("langflow_event_loop_lag_seconds_count", POD)]: "0+120x20 2400x7 stale 0+120x40" },
    quietAt: 720,
    firesAt: 780,
    resolvedAt: 960,
    told: told("warning", "langflow-1 does not respond: its event loop is blocked", POD),
  },
  hourLong(
    "DatabasePoolNearLimit",
    {
      [series("langflow_db_pool_connections_in_use", POD)]: fault(10, 45),
      [series("langflow_db_pool_size", POD)]: hold(20, 180),
    },
    told("warning", "langflow-1 uses 90% of the database connections it may open", POD),
  ),
  hourLong(
    "DatabaseConnectionsNearLimit",
    {
      [series("langflow_db_pool_connections_in_use", POD)]: fault(10, 350),
      [series("langflow_db_pool_connections_idle", POD)]: hold(5, 180),
      [series("langflow_db_pool_connections_in_use", { ...POD, pod: "langflow-2" })]: fault(10, 350),
      [series("langflow_db_pool_connections_idle", { ...POD, pod: "langflow-2" })]: hold(5, 180),
    },
    told("critical", "LangFlow's pods hold 88.75% of the database's connections; new pods may get none"),
  ),
  hourLong(
    "MemoryNearLimit",
    {
      [series("container_memory_working_set_bytes", { ...POD, container: "langflow", node: "a" })]: fault(1e9, 1.9e9),
      [series("kube_pod_container_resource_limits", { ...POD, container: "langflow", resource: "memory" })]: hold(
        2e9,
        180,
      ),
      [series("kube_pod_container_resource_limits", { ...POD, container: "langflow", resource: "cpu" })]: hold(1, 180),
    },
    told("warning", "langflow of langflow-1 uses 95% of its memory limit and is killed when it reaches it", {
      ...POD,
      container: "langflow",
    }),
  ),
];

const flowRuns = (status: string, flow = "f1") =>
  series("langflow_dr_flow_calls_total", { flow_id: flow, protocol: "v1", status });
const EVERY_MINUTE = "0+60x240";
const UNCOUNTED =
  "the collector gets no spans of LangFlow's runs, or reached its series limit: failing flows go undetected";

const FLOWS: AlertCase[] = [
  // Two of three runs fail for an hour.
  hourLong(
    "FlowFailing",
    { [flowRuns("ok")]: "0+10x240", [flowRuns("error")]: `${hold(0, 60)} 20+20x59 ${hold(1_200, 120)}` },
    told("warning", "66.67% of the runs of flow f1 fail", { flow_id: "f1" }),
    { quietAt: HOUR + 6 * MINUTE },
  ),
  // A flow that has only ever failed: the second failure triggers the alert.
  hourLong(
    "FlowFailing",
    { [flowRuns("error")]: `_x60 1+1x59 ${hold(60, 120)}` },
    told("warning", "100% of the runs of flow f1 fail", { flow_id: "f1" }),
    { quietAt: HOUR + 4 * MINUTE },
  ),
  hourLong(
    "RunsUncounted",
    { [requests(RUN, 200)]: EVERY_MINUTE, [flowRuns("ok")]: `0+60x60 ${hold(3_600, 60)} 3600+60x120` },
    told("warning", UNCOUNTED),
    { quietAt: HOUR + 28 * MINUTE, firesAt: HOUR + 31 * MINUTE, resolvedAt: 2 * HOUR + 3 * MINUTE },
  ),
  // Over the limit of distinct series, the remaining runs share one series without a flow id, for an hour.
  hourLong(
    "RunsUncounted",
    {
      [requests(RUN, 200)]: EVERY_MINUTE,
      [flowRuns("ok")]: EVERY_MINUTE,
      [series("langflow_dr_flow_calls_total", {
        otel_metric_overflow: "true",
      })]: `${hold(0, 60)} 1+1x59 ${hold(60, 120)}`,
    },
    told("warning", UNCOUNTED),
    { quietAt: HOUR + 14 * MINUTE, firesAt: HOUR + 18 * MINUTE, resolvedAt: 2 * HOUR + 18 * MINUTE },
  ),
];

const WORKSPACE = { workspace: "default" };
/** Returns a case in which a gauge of a workspace is above 0 for an hour. */
const held = (alert: string, metric: string, summary: string): AlertCase =>
  hourLong(
    alert,
    { [series(metric, { ...WORKSPACE, pod: "flow-sync-1" })]: fault(0, 2) },
    told("warning", summary, WORKSPACE),
  );

const drillAt = (moment: string) =>
  series("langflow_dr_drill_timestamp_seconds", { target_region: "us-east", fault: "region", moment });
const OVERDUE = told("warning", "no drill has passed in the last quarter: failover is unproven");

const NO_RECORDER = told(
  "warning",
  "no region is the recorder: edits are not committed to Git and pushes are not imported",
);

const RECORD: AlertCase[] = [
  hourLong(
    "GitHostUnreachable",
    { [series("probe_success", GIT)]: fault(1, 0) },
    told("warning", "the Git host does not answer: flows still replicate; commits wait", GIT),
    { quietAt: HOUR + 9 * MINUTE, firesAt: HOUR + 10 * MINUTE, resolvedAt: 2 * HOUR },
  ),
  // A region holds the lease but records nothing, because its database was restored or its agent fails.
  hourLong(
    "RecorderMissing",
    {
      langflow_dr_record_recorder: fault(1, 0),
      langflow_dr_schedules_held: hold(1, 180),
      langflow_dr_schedules_lag_seconds: hold(3, 180),
    },
    NO_RECORDER,
    { quietAt: HOUR + 9 * MINUTE, firesAt: HOUR + 11 * MINUTE },
  ),
  // The holder of the lease is unknown, from the point of view of the configured region.
  hourLong(
    "RecorderMissing",
    {
      langflow_dr_record_recorder: hold(0, 180),
      langflow_dr_schedules_held: hold(0, 180),
      langflow_dr_schedules_lag_seconds: fault(3, 600),
    },
    NO_RECORDER,
    { quietAt: HOUR + 9 * MINUTE, firesAt: HOUR + 11 * MINUTE },
  ),
  hourLong(
    "RecordBehind",
    { [series("langflow_dr_sync_lag_seconds", { ...WORKSPACE, pod: "flow-sync-1" })]: fault(5, 1_200) },
    told(
      "warning",
      "the record in Git of default is 20m 0s behind: edits are replicated but not yet committed",
      WORKSPACE,
    ),
  ),
  held(
    "FlowsSkippedInRecord",
    "langflow_dr_sync_skipped",
    "workspace default: 2 flows or files are unreadable and not synchronized",
  ),
  held(
    "FlowsHeldInRecord",
    "langflow_dr_sync_held",
    "workspace default: 2 flows are held because LangFlow or the Git host rejected them",
  ),
  held(
    "SecretsHeldInRecord",
    "langflow_dr_sync_secrets_held",
    "workspace default: 2 flows may contain a secret and are kept out of Git",
  ),
  held("DeletesHeld", "langflow_dr_sync_deletes_held", "workspace default: 2 pushed deletes wait for approval"),
];

const SYNC: AlertCase[] = [
  hourLong(
    "UserDataLagging",
    { langflow_dr_accounts_lag_seconds: fault(2, 300) },
    told("critical", "flows and accounts last replicated 5m 0s ago; losing this region loses the changes since"),
  ),
  hourLong(
    "UserDataUnreadable",
    { langflow_dr_accounts_broken: fault(0, 1) },
    told(
      "warning",
      "1 replication objects are unreadable: the regions' secret keys differ, or a foreign writer wrote them",
    ),
  ),
  hourLong(
    "RowsWaiting",
    { [series("langflow_dr_accounts_waiting_oldest_seconds", { table: "flow" })]: fault(0, 1_860) },
    told("warning", "this region's database has rejected a replicated flow row, or its parent, for 31m 0s", {
      table: "flow",
    }),
  ),
  hourLong(
    "TableRefused",
    { [series("langflow_dr_accounts_refused", { table: "user" })]: fault(0, 1) },
    told(
      "critical",
      "table user is not replicated to or from this region: LangFlow changed its schema, and the agent does not support it",
      { table: "user" },
    ),
  ),
  hourLong(
    "RegionDeletesHeld",
    {
      'langflow_dr_accounts_deletes_held{table="flow"}': fault(0, 500),
      'langflow_dr_accounts_deletes_held{table="user"}': fault(0, 50),
    },
    told("warning", "550 deleted rows are held in this region: release or reject the deletes"),
  ),
  hourLong(
    "NameTaken",
    { [series("langflow_dr_accounts_renamed", { table: "user", id: "1a2b3c4d" })]: fault(0, 1) },
    told("warning", "user 1a2b3c4d was renamed: another region had taken its name first", {
      table: "user",
      id: "1a2b3c4d",
    }),
  ),
  hourLong(
    "ConflictsRising",
    { langflow_dr_accounts_copies_total: `${hold(0, 60)} 1+1x59 ${hold(60, 120)}` },
    told(
      "warning",
      "31 conflicting flow versions were kept as copies within an hour: users edit the same flows in several regions",
    ),
    { resolvedAt: 3 * HOUR + 30 * MINUTE },
  ),
  hourLong(
    "FlowBucketUnreached",
    { [series("langflow_dr_accounts_unreached", { to: "eu-west" })]: fault(0, 1) },
    told(
      "warning",
      "the flow bucket of eu-west is unreachable from this region; only S3 replication still copies to it",
      {
        to: "eu-west",
      },
    ),
  ),
  hourLong(
    "SchedulesUnknown",
    { langflow_dr_schedules_lag_seconds: fault(3, 180) },
    told("critical", "this region has not learned who holds the schedules for 3m 0s: its schedules may not fire"),
  ),
  hourLong(
    "BackupOld",
    { [series("langflow_dr_backup_age_seconds", { region: "us-east" })]: fault(3_600, 100_000) },
    told("critical", "the newest backup is 1d 3h 46m 40s old: a scheduled backup is missing"),
  ),
  {
    alert: "BackupMissing",
    intervalSeconds: MINUTE,
    series: {
      langflow_dr_accounts_lag_seconds: hold(2, 2_400),
      [series("langflow_dr_backup_age_seconds", { region: "us-east" })]: `_x1800 ${hold(60, 600)}`,
    },
    quietAt: 25 * HOUR,
    firesAt: 27 * HOUR,
    resolvedAt: 31 * HOUR,
    told: told("critical", "this region has no backup"),
  },
  hourLong(
    "BackupFailed",
    {
      [series("kube_job_status_failed", {
        namespace: "langflow",
        job_name: "backup-us-east-1",
        reason: "BackoffLimitExceeded",
      })]: fault(0, 1),
    },
    told("warning", "backup job backup-us-east-1 failed", { namespace: "langflow", job_name: "backup-us-east-1" }),
  ),
  {
    alert: "DrillOverdue",
    intervalSeconds: MINUTE,
    // The last passed drill is overdue after the second hour, and another drill passes after the third hour.
    series: { [drillAt("passed")]: `${hold(HOUR - DRILL_OVERDUE_SECONDS, 180)} ${hold(3 * HOUR, 60)}` },
    quietAt: 2 * HOUR - MINUTE,
    firesAt: 2 * HOUR + 2 * MINUTE,
    resolvedAt: 3 * HOUR + 2 * MINUTE,
    told: OVERDUE,
  },
  {
    alert: "DrillOverdue",
    intervalSeconds: MINUTE,
    // The first drill ever missed its targets, and the second met them.
    series: {
      [drillAt("ended")]: `_x60 ${hold(HOUR, 120)} ${hold(3 * HOUR, 60)}`,
      [drillAt("passed")]: `_x180 ${hold(3 * HOUR, 60)}`,
    },
    quietAt: 2 * HOUR - MINUTE,
    firesAt: 2 * HOUR + 2 * MINUTE,
    resolvedAt: 3 * HOUR + 2 * MINUTE,
    told: OVERDUE,
  },
];

const COPY = { from: "us-east", to: "eu-west" };
const DATABASE = { database: "langflow-dr-us-east-database" };
const CLOUDS: AlertCase[] = [
  hourLong(
    "ReplicationBehind",
    { [series("langflow_dr_replication_latency_seconds", { ...COPY, pod: "flow-sync-1" })]: fault(12, 1_260) },
    told(
      "critical",
      "S3's copy of us-east in eu-west is 21m 0s behind; losing us-east loses the files uploaded since",
      COPY,
    ),
    { quietAt: HOUR + 5 * MINUTE, firesAt: HOUR + 7 * MINUTE, resolvedAt: 2 * HOUR + MINUTE },
  ),
  hourLong(
    "ReplicationFailed",
    { [series("langflow_dr_replication_failed_operations", { ...COPY, pod: "flow-sync-1" })]: fault(0, 3) },
    told(
      "warning",
      "S3 failed to replicate 3 objects from us-east to eu-west within an hour and will not retry them",
      COPY,
    ),
  ),
  hourLong(
    "DatabaseStorageFilling",
    { [series("langflow_dr_database_free_storage_bytes", DATABASE)]: fault(40 * 2 ** 30, 5 * 2 ** 30) },
    told("critical", "5GiB of the database's disk are free, and RDS has not extended it"),
    { quietAt: HOUR + 29 * MINUTE, firesAt: HOUR + 31 * MINUTE, resolvedAt: 2 * HOUR + MINUTE },
  ),
  hourLong(
    "DatabaseConnectionsTaken",
    { [series("langflow_dr_database_connections", DATABASE)]: fault(60, 700) },
    told("warning", "700 of the 800 database connections are in use"),
  ),
];

const CLAIM = { namespace: "observability", persistentvolumeclaim: "prometheus" };
const HPA = { namespace: "langflow", horizontalpodautoscaler: "langflow-us-east" };
const NODE = { instance: "10.16.1.1:9100" };
const pull = (le: string) =>
  series("kubelet_image_pull_duration_seconds_bucket", { image_size_in_bytes: "1GB-5GB", le });

const CLUSTER: AlertCase[] = [
  hourLong(
    "PodNotReady",
    {
      [series("kube_pod_status_ready", { ...POD, condition: "true" })]: fault(1, 0),
      [series("kube_pod_status_phase", { ...POD, phase: "Running" })]: hold(1, 180),
    },
    told("warning", "pod langflow-1 of langflow has not been ready for a quarter of an hour", POD),
  ),
  hourLong(
    "PodRestarting",
    {
      [series("kube_pod_container_status_restarts_total", {
        ...POD,
        container: "langflow",
      })]: `${hold(0, 60)} 1+1x59 ${hold(60, 120)}`,
    },
    told("warning", "langflow of langflow-1 keeps restarting", { ...POD, container: "langflow" }),
  ),
  hourLong(
    "AutoscalerAtMaximum",
    {
      [series("kube_horizontalpodautoscaler_status_desired_replicas", HPA)]: fault(2, 10),
      [series("kube_horizontalpodautoscaler_spec_max_replicas", HPA)]: hold(10, 180),
    },
    told("warning", "langflow-us-east runs its maximum number of pods: no capacity is left for a failover", HPA),
  ),
  hourLong(
    "ImagePullSlow",
    {
      [pull("60")]: `${hold(0, 60)} ${hold(0, 60)} ${hold(0, 120)}`,
      [pull("180")]: `${hold(0, 60)} ${hold(0, 60)} ${hold(0, 120)}`,
      [pull("300")]: `${hold(0, 60)} 1+1x19 ${hold(20, 160)}`,
      [pull("+Inf")]: `${hold(0, 60)} 1+1x19 ${hold(20, 160)}`,
    },
    told("warning", "pulling an image takes 4m 54s, which delays new pods"),
  ),
  hourLong(
    "NodeNotReady",
    { [series("kube_node_status_condition", { node: "i-1", condition: "Ready", status: "true" })]: fault(1, 0) },
    told("warning", "node i-1 is not ready and was not replaced", { node: "i-1" }),
  ),
  hourLong(
    "NodeDiskFilling",
    {
      [series("node_filesystem_avail_bytes", { ...NODE, fstype: "ext4", mountpoint: "/" })]: fault(4e10, 4e9),
      [series("node_filesystem_size_bytes", { ...NODE, fstype: "ext4", mountpoint: "/" })]: hold(8e10, 180),
    },
    told("warning", "a disk of node 10.16.1.1:9100 has 5% free: pods will be evicted", NODE),
  ),
  hourLong(
    "NodeMemoryLow",
    {
      [series("node_memory_MemAvailable_bytes", NODE)]: fault(4e9, 2e8),
      [series("node_memory_MemTotal_bytes", NODE)]: hold(8e9, 180),
    },
    told("warning", "node 10.16.1.1:9100 has 2.5% of its memory free", NODE),
  ),
  hourLong(
    "ClaimFilling",
    {
      [series("kubelet_volume_stats_available_bytes", CLAIM)]: fault(4e10, 4e9, [60, 60, 600]),
      [series("kubelet_volume_stats_capacity_bytes", CLAIM)]: hold(5e10, 720),
    },
    told("warning", "claim prometheus is full or will be within three days", CLAIM),
    { resolvedAt: 10 * HOUR },
  ),
];

const SENT_ON = "remote write is behind: samples older than two hours are lost";

const MONITORING: AlertCase[] = [
  hourLong(
    "TargetDown",
    { [series("up", { job: "langflow", instance: "10.16.0.9:9090" })]: fault(1, 0) },
    told("warning", "langflow at 10.16.0.9:9090 does not respond to Prometheus: its state is unknown", {
      job: "langflow",
      instance: "10.16.0.9:9090",
    }),
  ),
  hourLong(
    "RulesFailing",
    {
      [series("prometheus_rule_evaluation_failures_total", {
        rule_group: "a",
      })]: `${hold(0, 60)} 1+1x59 ${hold(60, 120)}`,
    },
    told("warning", "Prometheus could not evaluate some of its rules: alerts may be missing"),
  ),
  hourLong(
    "AlertmanagerMissing",
    { prometheus_notifications_alertmanagers_discovered: fault(1, 0) },
    told("critical", "Prometheus cannot reach Alertmanager: no alerts are sent"),
  ),
  hourLong(
    "AlertmanagerMissing",
    {
      prometheus_notifications_alertmanagers_discovered: hold(1, 240),
      [series("prometheus_notifications_dropped_total", {
        alertmanager: "a",
      })]: `${hold(0, 60)} 1+1x59 ${hold(60, 120)}`,
    },
    told("critical", "Prometheus cannot reach Alertmanager: no alerts are sent"),
  ),
  hourLong(
    "RemoteWriteBehind",
    {
      prometheus_remote_storage_queue_highest_timestamp_seconds: "0+60x240",
      prometheus_remote_storage_queue_highest_sent_timestamp_seconds: `0+60x60 ${hold(3_600, 60)} 7260+60x120`,
    },
    told("warning", SENT_ON),
    { quietAt: HOUR + 13 * MINUTE, firesAt: HOUR + 20 * MINUTE, resolvedAt: 2 * HOUR + 3 * MINUTE },
  ),
  hourLong(
    "RemoteWriteBehind",
    { prometheus_remote_storage_samples_failed_total: `${hold(0, 60)} 1+1x59 ${hold(60, 120)}` },
    told("warning", SENT_ON),
    { quietAt: HOUR + 4 * MINUTE },
  ),
  hourLong(
    "NotificationsFailing",
    {
      [series("alertmanager_notifications_failed_total", {
        integration: "email",
        reason: "other",
      })]: `${hold(0, 60)} 1+1x59 ${hold(60, 120)}`,
    },
    told("critical", "notifications by email fail; another receiver delivered this alert", { integration: "email" }),
  ),
];

/** Returns a case in which all targets of one job disappear and come back. */
const missing = (job: string): AlertCase => {
  const others = ["langflow", "agent", "kubelet", "kube-state-metrics", "node-exporter"].filter((each) => each !== job);
  return hourLong(
    "TargetsMissing",
    {
      [series("up", { job, instance: "a" })]: `${hold(1, 60)} stale _x59 ${hold(1, 120)}`,
      ...Object.fromEntries(others.map((each) => [series("up", { job: each, instance: "b" }), hold(1, 240)])),
    },
    told("warning", `Prometheus finds no ${job} target: its state is unknown`, { job }),
  );
};

export const CASES: readonly AlertCase[] = [
  ...REGIONS,
  ...BUDGETS,
  ...LANGFLOW,
  ...FLOWS,
  ...SYNC,
  ...RECORD,
  ...CLOUDS,
  ...CLUSTER,
  ...MONITORING,
  ...["langflow", "agent", "kubelet", "kube-state-metrics", "node-exporter"].map(missing),
];

export const QUIET: readonly QuietCase[] = [
  {
    alert: "RecorderMissing",
    because: "another region holds the lease, and is the recorder",
    intervalSeconds: MINUTE,
    series: {
      langflow_dr_record_recorder: hold(0, 120),
      langflow_dr_schedules_held: hold(0, 120),
      langflow_dr_schedules_lag_seconds: hold(3, 120),
    },
    at: [20 * MINUTE, HOUR],
  },
  {
    alert: "RecorderMissing",
    because: "the region is the recorder, and LangFlow has no schedules that anybody could hold",
    intervalSeconds: MINUTE,
    series: {
      langflow_dr_record_recorder: hold(1, 120),
      langflow_dr_schedules_held: hold(0, 120),
      langflow_dr_schedules_lag_seconds: "0+60x120",
    },
    at: [20 * MINUTE, HOUR],
  },
  {
    alert: "RowsWaiting",
    because: "rows wait some minutes for their parents, which are on their way",
    intervalSeconds: MINUTE,
    series: {
      [series("langflow_dr_accounts_waiting_oldest_seconds", { table: "flow" })]: "0+60x30 _x10 0+60x20",
    },
    at: [15 * MINUTE, 29 * MINUTE, 45 * MINUTE],
  },
  {
    alert: "RegionUnhealthy",
    because: "two checks failed in a row, and the third did not",
    intervalSeconds: 15,
    series: {
      [series("probe_success", EU_WEST)]: `${hold(1, 20)} ${hold(0, 2)} ${hold(1, 2)} ${hold(0, 2)} ${hold(1, 20)}`,
    },
    at: [300, 315, 330, 345, 360, 375, 390, 405],
  },
  {
    alert: "AlertmanagerMissing",
    because: "Alertmanager's pod was replaced, and what was sent meanwhile is lost",
    intervalSeconds: 30,
    series: {
      [series("prometheus_notifications_dropped_total", { alertmanager: "a" })]: `${hold(0, 10)} 1 2 ${hold(3, 60)}`,
    },
    at: [330, 420, 540, 660, 780, 900],
  },
  {
    alert: "FlowFailing",
    because: "four runs fail, of a flow that nobody ran before, and no more",
    intervalSeconds: MINUTE,
    series: { [flowRuns("error")]: `_x30 1 2 3 ${hold(4, 60)}` },
    at: [32, 36, 40, 44, 50].map((minutes) => minutes * MINUTE),
  },
  {
    alert: "FlowFailing",
    because: "two of five runs fail, and users stop others",
    intervalSeconds: MINUTE,
    series: { [flowRuns("ok")]: "0+60x120", [flowRuns("error")]: "0+40x120", [flowRuns("cancelled")]: "0+100x120" },
    at: [HOUR, 2 * HOUR],
  },
  {
    alert: "RunsUncounted",
    because: "every run is refused, so that none begins",
    intervalSeconds: MINUTE,
    series: { [requests(RUN, 403)]: EVERY_MINUTE, [requests("/api/v1/flows/", 200)]: EVERY_MINUTE },
    at: [HOUR, 2 * HOUR],
  },
  {
    alert: "BackupMissing",
    because: "the agent is away, and nothing is known of backups",
    intervalSeconds: MINUTE,
    series: { [series("up", { job: "agent", instance: "a" })]: hold(0, 1_800) },
    at: [28 * HOUR],
  },
  {
    alert: "DrillOverdue",
    because: "another drill passed in this quarter",
    intervalSeconds: MINUTE,
    series: {
      [drillAt("ended")]: hold(0, 240),
      [drillAt("passed")]: hold(2 * HOUR - DRILL_OVERDUE_SECONDS, 120),
      [drillAt("passed").replace("us-east", "eu-west")]: hold(0, 240),
    },
    at: [HOUR, 3 * HOUR + 30 * MINUTE],
  },
  {
    alert: "DatabaseStorageFilling",
    because: "RDS adds to the disk within the half hour",
    intervalSeconds: MINUTE,
    series: {
      [series("langflow_dr_database_free_storage_bytes", DATABASE)]: fault(40 * 2 ** 30, 9 * 2 ** 30, [60, 25, 60]),
    },
    at: [HOUR + 20 * MINUTE, HOUR + 40 * MINUTE],
  },
  {
    alert: "PodNotReady",
    because: "a backup that is done is not ready, and need not be",
    intervalSeconds: MINUTE,
    series: {
      [series("kube_pod_status_ready", { ...POD, condition: "true" })]: hold(0, 120),
      [series("kube_pod_status_phase", { ...POD, phase: "Succeeded" })]: hold(1, 120),
      [series("kube_pod_status_phase", { ...POD, phase: "Running" })]: hold(0, 120),
    },
    at: [HOUR],
  },
  {
    alert: "ErrorBudgetBurning",
    because: "nobody asks for anything",
    intervalSeconds: MINUTE,
    series: { [requests("/api/v1/flows/", 500)]: hold(7, 600), [requests(RUN, 500)]: hold(7, 600) },
    at: [HOUR, 8 * HOUR],
  },
  {
    alert: "ErrorBudgetBurning",
    because: "only health checks fail, which are no user's",
    intervalSeconds: MINUTE,
    series: {
      [requests("/healthz", 503)]: "0+60x600",
      [requests("/api/v1/flows/", 200)]: "0+60x600",
    },
    at: [HOUR, 8 * HOUR],
  },
  {
    alert: "ImagePullSlow",
    because: "images are pulled in a minute",
    intervalSeconds: MINUTE,
    series: { [pull("60")]: "0+1x120", [pull("180")]: "0+1x120", [pull("300")]: "0+1x120", [pull("+Inf")]: "0+1x120" },
    at: [HOUR],
  },
];
