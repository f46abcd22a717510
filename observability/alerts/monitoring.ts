import type { Job } from "../metrics";
import type { Alert, RuleGroup } from "../rules";

/** Jobs whose targets are found: with none of them there is no series that could say so. */
const FOUND: readonly Job[] = ["langflow", "agent", "kubelet", "kube-state-metrics", "node-exporter"];

/** Name of the alert that always fires, by which the alerts' way is known to be open. */
export const WATCHDOG = "Watchdog";

/** Seconds by which a store outside may be behind. */
const SENT_ON_SECONDS = 600;
/** How far it is behind. */
const SENT_ON_LAG =
  "max(prometheus_remote_storage_queue_highest_timestamp_seconds - prometheus_remote_storage_queue_highest_sent_timestamp_seconds)";

/**
 * What watches, watched.
 *
 * @param isSentOn whether Prometheus sends its series on
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
        // The watchdog is sent every minute or two. A window longer than that, and as long as the time it has to hold, would
        // tell of each time that Alertmanager's pod was replaced.
        expr: "max(prometheus_notifications_alertmanagers_discovered) < 1 or sum(increase(prometheus_notifications_dropped_total[3m])) > 0",
        forSeconds: 300,
        summary: "Prometheus cannot reach Alertmanager: no alerts are sent",
      },
      ...(isSentOn
        ? [
            {
              name: "RemoteWriteBehind",
              severity: "warning" as const,
              // What the store refuses for good counts as sent, and is lost to it.
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
