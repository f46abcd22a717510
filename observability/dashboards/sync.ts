/** The dashboard about replication between regions, the record and backups. */
import * as units from "@grafana/grafana-foundation-sdk/units";
import { COPIES_FAILED, COPY_LAG, COPY_LAG_SECONDS } from "../alerts/clouds";
import { byWorkspace, HELD_MIN, RECORD_LAG, RECORDER, type RecordSettings, recordLateSeconds } from "../alerts/record";
import {
  BACKUP_AGE,
  BACKUPS_FAILED,
  backupLateSeconds,
  CONFLICTS,
  CONFLICTS_PER_HOUR,
  DELETES_HELD,
  REFUSED,
  RENAMED,
  REPLICATION_LAG,
  ROWS_WAITING,
  replicationLateSeconds,
  SCHEDULES_HELD,
  SCHEDULES_LAG,
  SCHEDULES_LAG_SECONDS,
  UNREADABLE,
} from "../alerts/sync";
import { areas, type Board, type DashboardSettings, lines, numbers, type Panel, type Row, states } from "./dashboard";

/** @param settings of the agent's region */
export function syncBoard({ region, rules: { sync, record } }: DashboardSettings): Board {
  return {
    name: "sync",
    title: "Replication, record and backup",
    description: `What makes ${region} and the other regions alike, and what is left when one is gone.`,
    rows: [
      { title: "Replication of flows and accounts", panels: replication(sync) },
      ...(record ? recordRows(record) : []),
      { title: "Schedules", panels: schedules() },
      { title: "Copies between flow buckets, by S3's own numbers", panels: copies() },
      { title: "Backup", panels: backup(sync) },
    ],
  };
}

type SyncTimes = DashboardSettings["rules"]["sync"];

function replication(times: SyncTimes): Panel[] {
  return [
    lines({
      title: "Replication lag",
      description:
        "How long ago this region had last published all changes of flows and accounts, and read those of the others. A loss of the region costs as much.",
      unit: units.Seconds,
      queries: { "flows and accounts": REPLICATION_LAG },
      width: 12,
      limits: [{ alert: "UserDataLagging", severity: "critical", at: replicationLateSeconds(times) }],
    }),
    lines({
      title: "Copies kept within an hour",
      description:
        "Versions of flows that two regions edited at once. The later edit became the flow, the other lies beside it as a copy.",
      unit: units.Short,
      queries: { copies: CONFLICTS },
      width: 12,
      limits: [{ alert: "ConflictsRising", severity: "warning", at: CONFLICTS_PER_HOUR }],
    }),
    lines({
      title: "What is not replicated",
      description:
        "Objects that cannot be read, and rows that the database refuses or whose parent row is missing. Each is tried again. Rows that were deleted in this region alone wait for a person. Users, teams and roles that were renamed are replicated under their new name.",
      unit: units.Short,
      queries: {
        "objects that cannot be read": UNREADABLE,
        "rows of {{table}} that wait": ROWS_WAITING,
        "rows deleted here alone": DELETES_HELD,
        renamed: RENAMED,
      },
      width: 12,
      alerts: ["UserDataUnreadable", "RowsWaiting", "RegionDeletesHeld", "NameTaken"],
    }),
    states({
      title: "Tables that are not replicated",
      description:
        "Tables that LangFlow has changed in a way that the agent does not know. What users do in them stays in this region, until an agent that knows them takes it along.",
      unit: units.NoUnit,
      queries: { "{{table}}": REFUSED },
      width: 12,
      empty: "all are",
      states: { 1: { text: "refused", color: "red" } },
      alerts: ["TableRefused"],
    }),
    states({
      title: "Flow buckets that are not reached",
      description:
        "While another region's bucket takes nothing from here, S3's replication alone brings it what is new.",
      unit: units.NoUnit,
      queries: { "{{to}}": "max by (to) (langflow_dr_accounts_unreached)" },
      width: 12,
      empty: "all are reached",
      states: { 1: { text: "not reached", color: "orange" } },
      alerts: ["FlowBucketUnreached"],
    }),
  ];
}

function recordRows(settings: RecordSettings): Row[] {
  return [
    { title: "Record in Git, of which only the recorder has numbers", panels: record(settings) },
    { title: "Held in the record until a person decides", panels: held() },
  ];
}

/** Text if there is no series, as in every region except one. */
const ELSEWHERE = "this region is not the recorder";

function record(settings: RecordSettings): Panel[] {
  return [
    states({
      title: "Whether this region is the recorder",
      description:
        "One region of the fleet is: it commits what the database holds, and brings people's pushes in. In no region for long: nothing is recorded.",
      unit: units.NoUnit,
      queries: { recorder: RECORDER },
      width: 12,
      states: { 0: { text: "another region", color: "text" }, 1: { text: "recorder", color: "blue" } },
      // Without a witness, only the region that the config names has this alert.
      alerts: settings.isNamed || settings.hasWitness ? ["RecorderMissing"] : [],
    }),
    lines({
      title: "Record lag",
      description:
        "How far each workspace's history in Git is behind what LangFlow holds. The edits are in the other regions all the same.",
      unit: units.Seconds,
      queries: { "{{workspace}}": RECORD_LAG },
      width: 12,
      empty: ELSEWHERE,
      limits: [{ alert: "RecordBehind", severity: "warning", at: recordLateSeconds(settings) }],
    }),
    areas({
      title: "Cycles of the recorder, by result",
      description:
        "How the agent's cycles ended. raced: somebody pushed first, and it is tried again. standby: another region is the recorder.",
      unit: units.OpsPerSecond,
      queries: { "{{result}}": "sum by (result) (rate(langflow_dr_sync_cycles_total[$__rate_interval]))" },
      width: 8,
    }),
    lines({
      title: "Commits that wait for the Git host",
      description: "What was recorded while the Git host was away. It is pushed in order when the host answers.",
      unit: units.Short,
      queries: { commits: "max(langflow_dr_record_pending_commits)" },
      width: 8,
      empty: ELSEWHERE,
    }),
    lines({
      title: "Flows in Git",
      description: "How many flows each workspace has in Git. A fall that nobody made is a loss.",
      unit: units.Short,
      queries: { "{{workspace}}": byWorkspace("langflow_dr_sync_flows") },
      width: 8,
      empty: ELSEWHERE,
    }),
  ];
}

function held(): Panel[] {
  const panel = (title: string, alert: string, metric: string, description: string): Panel =>
    numbers({
      title,
      description,
      unit: units.Short,
      queries: { "{{workspace}}": byWorkspace(metric) },
      width: 6,
      empty: ELSEWHERE,
      limits: [{ alert, severity: "warning", at: HELD_MIN }],
    });
  return [
    panel(
      "Skipped",
      "FlowsSkippedInRecord",
      "langflow_dr_sync_skipped",
      "Flows and files that cannot be read. They are not recorded or brought in.",
    ),
    panel(
      "Refused",
      "FlowsHeldInRecord",
      "langflow_dr_sync_held",
      "Flows that the Git host refused to record, or LangFlow to bring in.",
    ),
    panel(
      "Held for a secret",
      "SecretsHeldInRecord",
      "langflow_dr_sync_secrets_held",
      "Flows that look as if they held a secret. They are in every region, and stay out of Git until a person decides.",
    ),
    panel(
      "Deletes held",
      "DeletesHeld",
      "langflow_dr_sync_deletes_held",
      "Deletes by a push that wait for a person's release, because too many came at once.",
    ),
  ];
}

function schedules(): Panel[] {
  return [
    states({
      title: "Whether schedules fire in this region",
      description: "One region of the fleet holds them. In no region for long: they fire nowhere.",
      unit: units.NoUnit,
      queries: { schedules: SCHEDULES_HELD },
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
