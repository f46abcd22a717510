import type { Job } from "../metrics";
import type { Alert, RuleGroup } from "../rules";

/** Jobs with discovered targets. If discovery finds none, no series could report the absence. */
const FOUND: readonly Job[] = ["langflow", "agent", "kubelet", "kube-state-metrics", "node-exporter"];

/** Name of the alert that always fires, which proves that alerts are delivered. */
export const WATCHDOG = "Watchdog";

/** Maximum lag of remote write, in seconds. */
const SENT_ON_SECONDS = 600;
/** Lag of remote write. */
const SENT_ON_LAG =
  "max(prometheus_remote_storage_queue_highest_timestamp_seconds - prometheus_remote_storage_queue_highest_sent_timestamp_seconds)";

/**
 * Returns the rules about the monitoring itself.
 *
 * @param isSentOn whether Prometheus uses remote write
 */
export function monitoringRules(isSentOn: boolean): RuleGroup {
  return {
    name: "monitoring",
    intervalSeconds: 30,
    alerts: [
      {
        name: WATCHDOG,
        severity: "none",
        expr: "vector(1)",
        summary: "always fires; if it stops arriving, no alert is delivered",
      },
      {
        name: "TargetDown",
        severity: "warning",
        expr: "up == 0",
        forSeconds: 600,
        summary: "{{ $labels.job }} at {{ $labels.instance }} does not respond to Prometheus: its state is unknown",
      },
      ...FOUND.map(
        (job): Alert => ({
          name: "TargetsMissing",
          severity: "warning",
          labels: { job },
          expr: `absent(up{job="${job}"})`,
          forSeconds: 900,
          summary: "Prometheus finds no {{ $labels.job }} target: its state is unknown",
        }),
      ),
      {
        name: "RulesFailing",
        severity: "warning",
        expr: "sum(increase(prometheus_rule_evaluation_failures_total[10m])) > 0",
        summary: "Prometheus could not evaluate some of its rules: alerts may be missing",
      },
      {
        name: "AlertmanagerMissing",
        severity: "critical",
        // The watchdog is sent every one or two minutes. A window as long as the pending time would fire at each
        // replacement of Alertmanager's pod.
        expr: "max(prometheus_notifications_alertmanagers_discovered) < 1 or sum(increase(prometheus_notifications_dropped_total[3m])) > 0",
        forSeconds: 300,
        summary: "Prometheus cannot reach Alertmanager: no alerts are sent",
      },
      ...(isSentOn
        ? [
            {
              name: "RemoteWriteBehind",
              severity: "warning" as const,
              // Samples that the store rejects permanently count as sent, but are lost.
              expr: `${SENT_ON_LAG} > ${SENT_ON_SECONDS} or sum(rate(prometheus_remote_storage_samples_failed_total[10m])) > 0`,
              forSeconds: 300,
              summary: "remote write is behind: samples older than two hours are lost",
            },
          ]
        : []),
      {
        name: "NotificationsFailing",
        severity: "critical",
        expr: "sum by (integration) (increase(alertmanager_notifications_failed_total[10m])) > 0",
        forSeconds: 300,
        summary: "notifications by {{ $labels.integration }} fail; another receiver delivered this alert",
      },
    ],
  };
}
