/**
 * The home dashboard: whether users are served in every region, and how much data a region's loss would currently cost.
 */
import * as units from "@grafana/grafana-foundation-sdk/units";
import { CERTIFICATE_LEFT, CERTIFICATE_SECONDS } from "../alerts/regions";
import {
  BACKUP_AGE,
  backupLateSeconds,
  DRILL_OVERDUE_SECONDS,
  DRILL_PASSED_AGE,
  drillAt,
  REPLICATION_LAG,
  replicationLateSeconds,
} from "../alerts/sync";
import { BUDGET_LEFT, BURNS, burnRate, HEALTH_ROUTES, OBJECTIVES } from "../objectives";
import { duration } from "../promql";
import { areas, type Board, type DashboardSettings, lines, numbers, type Panel, type Row, states } from "./dashboard";

const ANSWERS = { 0: { text: "fails", color: "red" }, 1: { text: "answers", color: "green" } } as const;
const FIRING = 'ALERTS{alertstate="firing",severity!="none"}';

/** @param settings of the region whose view of the fleet is shown */
export function fleetBoard(settings: DashboardSettings): Board {
  const { region, rules } = settings;
  return {
    name: "fleet",
    title: "Fleet",
    description: `Whether users are served, and what losing a region now would cost, as seen from ${region}.`,
    rows: [
      { title: "Now", panels: now(settings) },
      { title: "Regions", panels: regions(rules) },
      { title: "Drills", panels: drills() },
      { title: "Users", panels: [traffic(), burn("critical"), burn("warning")] },
    ],
  };
}

function now({ runbooks, rules: { sync } }: DashboardSettings): Row["panels"] {
  return [
    numbers({
      title: "Firing alerts",
      description: "Number of firing alerts in this region. The panel below lists them.",
      unit: units.NoUnit,
      queries: { alerts: `count(${FIRING}) or vector(0)` },
      width: 4,
      limits: [{ severity: "critical", at: 1 }],
    }),
    numbers({
      title: "Error budget left",
      description:
        "Share of each service level objective's 30-day error budget that is left. 100 %: no errors. Below 0: the objective is missed.",
      unit: units.PercentUnit,
      queries: { "{{slo}}": BUDGET_LEFT },
      width: 10,
      isBadBelow: true,
      limits: [{ severity: "critical", at: 0 }],
      alerts: ["ErrorBudgetBurning"],
    }),
    numbers({
      title: "Edits at risk",
      description:
        "Time since flows and accounts were last replicated. If this region is lost, its changes since then are lost.",
      unit: units.Seconds,
      queries: { "flows and accounts": REPLICATION_LAG },
      width: 5,
      limits: [{ alert: "UserDataLagging", severity: "critical", at: replicationLateSeconds(sync) }],
    }),
    numbers({
      title: "Age of the newest backup",
      description: "Age of this region's newest complete backup.",
      unit: units.Seconds,
      queries: { backup: BACKUP_AGE },
      width: 5,
      empty: "no data",
      limits: [{ alert: "BackupOld", severity: "critical", at: backupLateSeconds(sync) }],
      alerts: ["BackupMissing"],
    }),
    states({
      title: "Alerts over time",
      description: `Alerts in the selected time range, and when each fired. For their meaning and remedy, see [alerts](${runbooks}).`,
      unit: units.NoUnit,
      queries: { "{{alertname}} ({{severity}})": `max by (alertname, severity) (${FIRING})` },
      width: 24,
      empty: "none",
      states: { 1: { text: "firing", color: "red" } },
    }),
  ];
}

function regions({ healthCheck, record }: DashboardSettings["rules"]): Row["panels"] {
  const { consecutiveFailures, intervalSeconds, timeoutSeconds } = healthCheck;
  const git = (metric: string): Record<string, string> => (record ? { "Git host": `${metric}{job="probe-git"}` } : {});
  return [
    states({
      title: "Health of the other regions, as seen from here",
      description: `Whether each other region's load balancer answers a health check, every ${intervalSeconds} s. A region counts as lost after ${consecutiveFailures} failures in a row.`,
      unit: units.NoUnit,
      queries: { "{{target_region}}": 'probe_success{job="probe-origin"}' },
      width: 12,
      empty: "no other region is checked",
      states: ANSWERS,
      alerts: ["RegionUnhealthy"],
    }),
    states({
      title: "Health of this region, the public name and the Git host",
      description:
        "Whether LangFlow answers inside this cluster, and whether the public name and the record's Git host answer from here. If the public name fails in every region, users cannot reach LangFlow.",
      unit: units.NoUnit,
      queries: {
        "LangFlow of this region": 'probe_success{job="probe-own"}',
        "public name": 'probe_success{job="probe-public"}',
        ...git("probe_success"),
      },
      width: 12,
      states: ANSWERS,
      alerts: ["OwnRegionUnhealthy", "PublicNameUnhealthy", ...(record ? ["GitHostUnreachable"] : [])],
    }),
    lines({
      title: "Duration of health checks",
      description: `Time from the request to the response. The axis ends at the timeout of ${timeoutSeconds} s.`,
      unit: units.Seconds,
      queries: {
        "{{target_region}}": 'probe_duration_seconds{job="probe-origin"}',
        "LangFlow of this region": 'probe_duration_seconds{job="probe-own"}',
        "public name": 'probe_duration_seconds{job="probe-public"}',
        ...git("probe_duration_seconds"),
      },
      width: 12,
      max: timeoutSeconds,
    }),
    lines({
      title: "Remaining validity of certificates",
      description:
        "Time until each certificate expires. Certificates renew automatically long before the upper line, so a certificate below it was not renewed.",
      unit: units.Seconds,
      queries: { "{{instance}}": CERTIFICATE_LEFT },
      width: 12,
      isBadBelow: true,
      limits: (["warning", "critical"] as const).map((severity) => ({
        alert: "CertificateEnding",
        severity,
        at: CERTIFICATE_SECONDS[severity],
      })),
    }),
    areas({
      title: "Targets that Prometheus cannot scrape",
      description:
        "Number of failing targets by job. Their metrics are missing, so an empty panel does not mean that all is well.",
      unit: units.Short,
      queries: { "{{job}}": "count by (job) (up == 0)" },
      width: 24,
      empty: "all respond",
      alerts: ["TargetDown", "TargetsMissing"],
    }),
  ];
}

/** Returns panels about the newest drill of each region, whichever region ran the drill. */
function drills(): Row["panels"] {
  const newest = "{{target_region}}: {{fault}}";
  const ofDrill = (metric: string, ...more: string[]) =>
    `max by (${["target_region", "fault", ...more].join(", ")}) (langflow_dr_drill_${metric})`;
  return [
    numbers({
      title: "Last drill",
      description: "Time since each region's last drill ended, and its fault.",
      unit: units.Seconds,
      queries: { [newest]: `time() - ${drillAt("ended")}` },
      width: 6,
      empty: "no data",
    }),
    numbers({
      title: "Last passed drill",
      description: "Time since a drill of any region last passed. Run a drill every quarter.",
      unit: units.Seconds,
      queries: { "any region": DRILL_PASSED_AGE },
      width: 4,
      empty: "no data",
      limits: [{ alert: "DrillOverdue", severity: "warning", at: DRILL_OVERDUE_SECONDS }],
    }),
    states({
      title: "Result of the last drill",
      description: "Whether each region's last drill met all its targets and checks.",
      unit: units.NoUnit,
      queries: { [newest]: ofDrill("passed") },
      width: 7,
      empty: "no data",
      states: { 0: { text: "missed", color: "red" }, 1: { text: "passed", color: "green" } },
    }),
    numbers({
      title: "RTO of the last drill",
      description:
        "Time from the fault of each region's last drill until its users were served again (RTO), and until the monitor marked the region as down (detection).",
      unit: units.Seconds,
      queries: {
        [`RTO, ${newest}`]: ofDrill("recovery_seconds"),
        [`detection, ${newest}`]: ofDrill("detection_seconds"),
      },
      width: 7,
      empty: "no data",
    }),
    states({
      title: "What the last drill missed",
      description: "Targets that each region's last drill missed, and checks that failed after it.",
      unit: units.NoUnit,
      queries: { "{{target_region}}: {{what}} ({{fault}})": ofDrill("missed", "what") },
      width: 24,
      empty: "nothing",
      states: { 1: { text: "missed", color: "red" } },
    }),
  ];
}

function traffic(): Panel {
  const requests = `http_server_request_duration_seconds_count{http_route!~"${HEALTH_ROUTES}"}`;
  return areas({
    title: "Requests by status",
    description:
      "Requests that this region answers, by HTTP status, without health checks. A 5xx status is a server error.",
    unit: units.RequestsPerSecond,
    queries: {
      "{{http_response_status_code}}": `sum by (http_response_status_code) (rate(${requests}[$__rate_interval]))`,
    },
    width: 8,
  });
}

/** Returns a panel with the burn rate of each budget, over the first window of the severity. */
function burn(severity: keyof typeof BURNS): Panel {
  const [first] = BURNS[severity];
  if (!first) throw new Error(`no burn rate is configured for the severity ${severity}`);
  return lines({
    title: `Error budget burn rate over ${duration(first.longSeconds)}`,
    description: `How fast each error budget was consumed over ${duration(first.longSeconds)}. At 1, the budget lasts exactly 30 days.`,
    unit: units.NoUnit,
    queries: Object.fromEntries(OBJECTIVES.map((objective) => [objective.name, burnRate(objective, first)])),
    width: 8,
    limits: [{ alert: "ErrorBudgetBurning", severity, at: first.factor }],
  });
}
