/** The dashboard of what makes regions alike, and of what is left when one is gone. */
import * as units from "@grafana/grafana-foundation-sdk/units";
import { COPIES_FAILED, COPY_LAG, COPY_LAG_SECONDS } from "../alerts/clouds";
import {
  ACCOUNTS_BROKEN,
  ACCOUNTS_LAG,
  ACCOUNTS_LAG_SECONDS,
  BACKUP_AGE,
  BACKUPS_FAILED,
  backupLateSeconds,
  byWorkspace,
  CONFLICTS,
  CONFLICTS_PER_HOUR,
  SCHEDULES_LAG,
  SCHEDULES_LAG_SECONDS,
  SYNC_LAG,
  syncLateSeconds,
  WAITING_MIN,
} from "../alerts/sync";
import { areas, type Board, type DashboardSettings, lines, numbers, type Panel, states } from "./dashboard";

/** @param settings of the region whose agent is looked at */
export function syncBoard({ region, rules: { sync } }: DashboardSettings): Board {
  return {
    name: "sync",
    title: "Sync and backup",
    description: `What makes ${region} and the others alike, and what is left when one is gone.`,
    rows: [
      { title: "Flows", panels: flows(sync) },
      { title: "Waiting for a person", panels: waiting() },
      { title: "Accounts", panels: accounts() },
      { title: "Schedules", panels: schedules() },
      { title: "Copies between flow buckets, by S3's own numbers", panels: copies() },
      { title: "Backup", panels: backup(sync) },
    ],
  };
}

type SyncTimes = DashboardSettings["rules"]["sync"];

function flows(times: SyncTimes): Panel[] {
  return [
    lines({
      title: "How far flows are behind",
      description:
        "How long ago each workspace was last the same in LangFlow and Git. A loss of the region costs as much.",
      unit: units.Seconds,
      queries: { "{{workspace}}": SYNC_LAG },
      width: 12,
      limits: [{ alert: "SyncLagging", severity: "critical", at: syncLateSeconds(times) }],
    }),
    areas({
      title: "Cycles of the flow sync, by result",
      description:
        "How the agent's looks at LangFlow and Git ended. raced: another region wrote first, and it is tried again. standby: another agent of the region writes.",
      unit: units.OpsPerSecond,
      queries: { "{{result}}": "sum by (result) (rate(langflow_dr_sync_cycles_total[$__rate_interval]))" },
      width: 12,
    }),
    lines({
      title: "Conflicts within an hour",
      description:
        "Flows that were edited in two regions at once. The later edit was kept, the other lies in Git beside it.",
      unit: units.Short,
      queries: { "{{workspace}}": CONFLICTS },
      width: 12,
      limits: [{ alert: "ConflictsRising", severity: "warning", at: CONFLICTS_PER_HOUR }],
    }),
    lines({
      title: "Flows in Git",
      description: "How many flows each workspace has in Git. A fall that nobody made is a loss.",
      unit: units.Short,
      queries: { "{{workspace}}": byWorkspace("langflow_dr_sync_flows") },
      width: 12,
    }),
  ];
}

function waiting(): Panel[] {
  const held = (title: string, alert: string, metric: string, description: string): Panel =>
    numbers({
      title,
      description,
      unit: units.Short,
      queries: { "{{workspace}}": byWorkspace(metric) },
      width: 6,
      limits: [{ alert, severity: "warning", at: WAITING_MIN }],
    });
  return [
    held(
      "Skipped",
      "FlowsSkipped",
      "langflow_dr_sync_skipped",
      "Flows and files that cannot be read. They stay as they are, and are not the same everywhere.",
    ),
    held("Refused", "FlowsHeld", "langflow_dr_sync_held", "Flows that LangFlow or the Git host did not take."),
    held(
      "Held for a secret",
      "SecretsHeld",
      "langflow_dr_sync_secrets_held",
      "Flows that look as if they held a secret, and stay out of Git until a person looks.",
    ),
    held(
      "Deletes held back",
      "DeletesHeld",
      "langflow_dr_sync_deletes_held",
      "Deletes that wait for a person's word, because too many came at once.",
    ),
  ];
}

function accounts(): Panel[] {
  return [
    lines({
      title: "How far accounts are behind",
      description: "How long ago the other regions were last told all of this region's accounts, and theirs were read.",
      unit: units.Seconds,
      queries: { accounts: ACCOUNTS_LAG },
      width: 8,
      limits: [{ alert: "AccountsLagging", severity: "critical", at: ACCOUNTS_LAG_SECONDS }],
    }),
    lines({
      title: "What of accounts is left out",
      description:
        "Objects that cannot be read, and rows that the database did not take or that wait for another. Each is tried again.",
      unit: units.Short,
      queries: { "cannot be read": ACCOUNTS_BROKEN, "not taken yet": "max(langflow_dr_accounts_waiting)" },
      width: 8,
      alerts: ["AccountsBroken"],
    }),
    states({
      title: "Flow buckets that are not reached",
      description:
        "While another region's bucket takes nothing from here, S3's replication alone brings it what is new.",
      unit: units.NoUnit,
      queries: { "{{to}}": "max by (to) (langflow_dr_accounts_unreached)" },
      width: 8,
      empty: "all are reached",
      states: { 1: { text: "not reached", color: "orange" } },
      alerts: ["FlowBucketUnreached"],
    }),
  ];
}

function schedules(): Panel[] {
  return [
    states({
      title: "Whether schedules fire in this region",
      description: "One region of the fleet holds them. In no region for long: they fire nowhere.",
      unit: units.NoUnit,
      queries: { schedules: "max(langflow_dr_schedules_held)" },
      width: 12,
      empty: "not held by the fleet",
      states: { 0: { text: "elsewhere", color: "text" }, 1: { text: "held", color: "blue" } },
    }),
    lines({
      title: "How long it is unknown who holds the schedules",
      description: "How long ago this region last knew which region holds the schedules.",
      unit: units.Seconds,
      queries: { schedules: SCHEDULES_LAG },
      width: 12,
      limits: [{ alert: "SchedulesUnknown", severity: "critical", at: SCHEDULES_LAG_SECONDS }],
    }),
  ];
}

function copies(): Panel[] {
  const none = "CloudWatch tells nothing";
  return [
    lines({
      title: "How far copies are behind",
      description:
        "By how much this region's flow bucket is behind each other region's. A loss of that region now would cost as much of its files and backups.",
      unit: units.Seconds,
      queries: { "{{from}} to {{to}}": COPY_LAG },
      width: 8,
      empty: none,
      limits: [{ alert: "ReplicationBehind", severity: "critical", at: COPY_LAG_SECONDS }],
    }),
    lines({
      title: "Copies that are yet to be made",
      description: "Objects and deletions of each other region that S3 has yet to bring here.",
      unit: units.Short,
      queries: { "{{from}} to {{to}}": "max by (from, to) (langflow_dr_replication_pending_operations)" },
      width: 8,
      empty: none,
    }),
    lines({
      title: "Copies that failed within an hour",
      description:
        "Objects and deletions that S3 gave up, from this region and to it. Each is missing until it is copied by hand.",
      unit: units.Short,
      queries: { "{{from}} to {{to}}": COPIES_FAILED },
      width: 8,
      empty: none,
      alerts: ["ReplicationFailed"],
    }),
  ];
}

function backup(times: SyncTimes): Panel[] {
  return [
    lines({
      title: "Age of the newest backup",
      description:
        "Falls to nearly nothing whenever a backup is complete. Above the line one that was due was not made.",
      unit: units.Seconds,
      queries: { backup: BACKUP_AGE },
      width: 8,
      empty: "none is known",
      limits: [{ alert: "BackupOld", severity: "critical", at: backupLateSeconds(times) }],
      alerts: ["BackupMissing"],
    }),
    lines({
      title: "Size of the newest backup",
      description: "A fall that nobody made: look what is missing before the old ones are gone.",
      unit: units.BytesIEC,
      queries: { backup: "max(langflow_dr_backup_size_bytes)" },
      width: 8,
      empty: "none is known",
    }),
    lines({
      title: "Backups that failed",
      description: "Jobs that ended without a backup, by name. Their log says why.",
      unit: units.Short,
      queries: { "{{job_name}}": BACKUPS_FAILED },
      width: 8,
      empty: "none failed",
      alerts: ["BackupFailed"],
    }),
  ];
}
