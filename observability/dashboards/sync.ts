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
    description: `Replication between ${region} and the other regions, and the backups that remain if a region is lost.`,
    rows: [
      { title: "Replication of flows and accounts", panels: replication(sync) },
      ...(record ? recordRows(record) : []),
      { title: "Schedules", panels: schedules() },
      { title: "Replication between flow buckets, as S3 reports it", panels: copies() },
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
        "Time since this region had last published all its changes of flows and accounts, and read those of the other regions. If the region is lost, the changes since then are lost.",
      unit: units.Seconds,
      queries: { "flows and accounts": REPLICATION_LAG },
      width: 12,
      limits: [{ alert: "UserDataLagging", severity: "critical", at: replicationLateSeconds(times) }],
    }),
    lines({
      title: "Conflict copies in the last hour",
      description:
        "Versions of flows that two regions edited concurrently. The later edit became the flow, and the earlier one was kept as a copy.",
      unit: units.Short,
      queries: { copies: CONFLICTS },
      width: 12,
      limits: [{ alert: "ConflictsRising", severity: "warning", at: CONFLICTS_PER_HOUR }],
    }),
    lines({
      title: "Rows and objects that are not replicated",
      description:
        "Unreadable objects, and rows that the database rejects or whose parent row is missing; the agent retries them. Rows that are deleted only in this region wait for an operator's decision. Renamed users, teams and roles are replicated under their new name.",
      unit: units.Short,
      queries: {
        "unreadable objects": UNREADABLE,
        "waiting rows of {{table}}": ROWS_WAITING,
        "rows deleted only here": DELETES_HELD,
        renamed: RENAMED,
      },
      width: 12,
      alerts: ["UserDataUnreadable", "RowsWaiting", "RegionDeletesHeld", "NameTaken"],
    }),
    states({
      title: "Tables that are not replicated",
      description:
        "Tables that LangFlow changed in a way that the agent does not support. Their changes stay in this region until a newer agent replicates them.",
      unit: units.NoUnit,
      queries: { "{{table}}": REFUSED },
      width: 12,
      empty: "all are replicated",
      states: { 1: { text: "not replicated", color: "red" } },
      alerts: ["TableRefused"],
    }),
    states({
      title: "Unreachable flow buckets",
      description:
        "While this region cannot write directly to another region's bucket, only S3 replication delivers its changes there.",
      unit: units.NoUnit,
      queries: { "{{to}}": "max by (to) (langflow_dr_accounts_unreached)" },
      width: 12,
      empty: "all are reachable",
      states: { 1: { text: "unreachable", color: "orange" } },
      alerts: ["FlowBucketUnreached"],
    }),
  ];
}

function recordRows(settings: RecordSettings): Row[] {
  return [
    { title: "Record in Git (data only in the recorder's region)", panels: record(settings) },
    { title: "Held in the record until an operator decides", panels: held() },
  ];
}

/** Text if there is no series, as in every region except one. */
const ELSEWHERE = "this region is not the recorder";

function record(settings: RecordSettings): Panel[] {
  return [
    states({
      title: "Recorder",
      description:
        "Whether this region is the fleet's recorder, which commits the database's flows and imports pushed edits. If no region is the recorder for long, nothing is recorded.",
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
        "How far each workspace's history in Git is behind LangFlow. The edits are still replicated to the other regions.",
      unit: units.Seconds,
      queries: { "{{workspace}}": RECORD_LAG },
      width: 12,
      empty: ELSEWHERE,
      limits: [{ alert: "RecordBehind", severity: "warning", at: recordLateSeconds(settings) }],
    }),
    areas({
      title: "Cycles of the recorder, by result",
      description:
        "Results of the agent's cycles. raced: another push came first, and the agent retries. standby: another region is the recorder.",
      unit: units.OpsPerSecond,
      queries: { "{{result}}": "sum by (result) (rate(langflow_dr_sync_cycles_total[$__rate_interval]))" },
      width: 8,
    }),
    lines({
      title: "Commits that wait for the Git host",
      description:
        "Commits that the agent created while the Git host was unreachable. The agent pushes them in order when the host responds.",
      unit: units.Short,
      queries: { commits: "max(langflow_dr_record_pending_commits)" },
      width: 8,
      empty: ELSEWHERE,
    }),
    lines({
      title: "Flows in Git",
      description: "Number of each workspace's flows in Git. An unexplained drop means lost files.",
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
      "Unreadable flows and files. They are neither recorded nor imported.",
    ),
    panel(
      "Rejected",
      "FlowsHeldInRecord",
      "langflow_dr_sync_held",
      "Flows that the Git host refused to record, or that LangFlow refused to import.",
    ),
    panel(
      "Held for a secret",
      "SecretsHeldInRecord",
      "langflow_dr_sync_secrets_held",
      "Flows that may contain a secret. They are replicated to every region, but stay out of Git until an operator decides.",
    ),
    panel(
      "Deletes held",
      "DeletesHeld",
      "langflow_dr_sync_deletes_held",
      "Deletes by a push that wait for an operator's release, because the push deletes too many flows.",
    ),
  ];
}

function schedules(): Panel[] {
  return [
    states({
      title: "Schedules in this region",
      description: "Whether this region holds the fleet's schedules. If no region holds them, they do not fire.",
      unit: units.NoUnit,
      queries: { schedules: SCHEDULES_HELD },
      width: 12,
      empty: "the fleet does not hold the schedules",
      states: { 0: { text: "another region", color: "text" }, 1: { text: "held", color: "blue" } },
    }),
    lines({
      title: "Time without a known holder of the schedules",
      description: "Time since this region last knew which region holds the schedules.",
      unit: units.Seconds,
      queries: { schedules: SCHEDULES_LAG },
      width: 12,
      limits: [{ alert: "SchedulesUnknown", severity: "critical", at: SCHEDULES_LAG_SECONDS }],
    }),
  ];
}

function copies(): Panel[] {
  const none = "no data from CloudWatch";
  return [
    lines({
      title: "S3 replication lag",
      description:
        "How far this region's flow bucket is behind each other region's. If that region were lost now, its files and backups of this period would be lost.",
      unit: units.Seconds,
      queries: { "{{from}} to {{to}}": COPY_LAG },
      width: 8,
      empty: none,
      limits: [{ alert: "ReplicationBehind", severity: "critical", at: COPY_LAG_SECONDS }],
    }),
    lines({
      title: "Pending S3 replication",
      description: "Objects and deletes of each other region that S3 has yet to replicate to this region.",
      unit: units.Short,
      queries: { "{{from}} to {{to}}": "max by (from, to) (langflow_dr_replication_pending_operations)" },
      width: 8,
      empty: none,
    }),
    lines({
      title: "Failed S3 replication in the last hour",
      description:
        "Objects and deletes that S3 failed to replicate from and to this region. S3 does not retry them: copy them manually.",
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
      description: "Drops to near zero whenever a backup is complete. Above the line, a scheduled backup is missing.",
      unit: units.Seconds,
      queries: { backup: BACKUP_AGE },
      width: 8,
      empty: "no data",
      limits: [{ alert: "BackupOld", severity: "critical", at: backupLateSeconds(times) }],
      alerts: ["BackupMissing"],
    }),
    lines({
      title: "Size of the newest backup",
      description: "After an unexplained drop, find out what is missing before the older backups expire.",
      unit: units.BytesIEC,
      queries: { backup: "max(langflow_dr_backup_size_bytes)" },
      width: 8,
      empty: "no data",
    }),
    lines({
      title: "Failed backups",
      description: "Jobs that ended without a backup, by name. See their log for the reason.",
      unit: units.Short,
      queries: { "{{job_name}}": BACKUPS_FAILED },
      width: 8,
      empty: "none failed",
      alerts: ["BackupFailed"],
    }),
  ];
}
