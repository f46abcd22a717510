/** Scraped metrics, and the part of them that is kept. */
import { FLOW_RUNS, FLOW_SECONDS } from "./collector";

/** Kinds of targets, named like their Prometheus jobs. */
export type Job =
  | "langflow"
  | "agent"
  | "kubelet"
  | "cadvisor"
  | "kube-state-metrics"
  | "node-exporter"
  | "prometheus"
  | "alertmanager"
  | "collector"
  | "probe-origin"
  | "probe-own"
  | "probe-public"
  | "probe-git";

/** Metrics of a probe by the blackbox exporter. */
const PROBE = ["probe_success", "probe_duration_seconds", "probe_ssl_earliest_cert_expiry"];

/**
 * Metrics that rules and dashboards use, per job. All other metrics of a target are dropped at the scrape: of the node
 * exporter's 300 names, 4 are kept. A test fails if a listed metric is unused or no longer exported
 * (tests/observability/catalogue.test.ts).
 */
export const KEPT: Readonly<Record<Job, readonly string[]>> = {
  langflow: [
    "gen_ai_client_operation_duration_seconds_count",
    "gen_ai_client_operation_duration_seconds_sum",
    "http_server_active_requests",
    "http_server_request_duration_seconds_bucket",
    "http_server_request_duration_seconds_count",
    "langflow_db_pool_connections_idle",
    "langflow_db_pool_connections_in_use",
    "langflow_db_pool_size",
    "langflow_event_loop_lag_seconds_bucket",
    "langflow_event_loop_lag_seconds_count",
  ],
  agent: [
    "langflow_dr_accounts_broken",
    "langflow_dr_accounts_copies_total",
    "langflow_dr_accounts_deletes_held",
    "langflow_dr_accounts_lag_seconds",
    "langflow_dr_accounts_refused",
    "langflow_dr_accounts_renamed",
    "langflow_dr_accounts_unreached",
    "langflow_dr_accounts_waiting",
    "langflow_dr_accounts_waiting_oldest_seconds",
    "langflow_dr_backup_age_seconds",
    "langflow_dr_backup_size_bytes",
    "langflow_dr_database_connections",
    "langflow_dr_database_cpu_ratio",
    "langflow_dr_database_free_storage_bytes",
    "langflow_dr_drill_detection_seconds",
    "langflow_dr_drill_missed",
    "langflow_dr_drill_passed",
    "langflow_dr_drill_recovery_seconds",
    "langflow_dr_drill_timestamp_seconds",
    "langflow_dr_record_pending_commits",
    "langflow_dr_record_recorder",
    "langflow_dr_replication_failed_operations",
    "langflow_dr_replication_latency_seconds",
    "langflow_dr_replication_pending_operations",
    "langflow_dr_schedules_held",
    "langflow_dr_schedules_lag_seconds",
    "langflow_dr_sync_cycles_total",
    "langflow_dr_sync_deletes_held",
    "langflow_dr_sync_flows",
    "langflow_dr_sync_held",
    "langflow_dr_sync_lag_seconds",
    "langflow_dr_sync_secrets_held",
    "langflow_dr_sync_skipped",
  ],
  kubelet: [
    "kubelet_image_pull_duration_seconds_bucket",
    "kubelet_volume_stats_available_bytes",
    "kubelet_volume_stats_capacity_bytes",
  ],
  cadvisor: ["container_cpu_usage_seconds_total", "container_memory_working_set_bytes"],
  "kube-state-metrics": [
    "kube_horizontalpodautoscaler_spec_max_replicas",
    "kube_horizontalpodautoscaler_status_desired_replicas",
    "kube_job_status_failed",
    "kube_node_status_condition",
    "kube_pod_container_resource_limits",
    "kube_pod_container_status_restarts_total",
    "kube_pod_status_phase",
    "kube_pod_status_ready",
  ],
  "node-exporter": [
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
  ],
  prometheus: [
    "prometheus_notifications_alertmanagers_discovered",
    "prometheus_notifications_dropped_total",
    "prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
    "prometheus_remote_storage_queue_highest_timestamp_seconds",
    "prometheus_remote_storage_samples_failed_total",
    "prometheus_rule_evaluation_failures_total",
  ],
  alertmanager: ["alertmanager_notifications_failed_total"],
  collector: [FLOW_RUNS, FLOW_SECONDS],
  "probe-origin": PROBE,
  "probe-own": ["probe_success", "probe_duration_seconds"],
  "probe-public": PROBE,
  "probe-git": ["probe_success", "probe_duration_seconds"],
};
