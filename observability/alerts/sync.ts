import type { RuleGroup } from "../rules";

/** The agent's settings that decide when its work is late. */
export interface SyncTimes {
  /** Interval in seconds at which the agent reads the database and the buckets, unless a change triggers it earlier. */
  readonly intervalSeconds: number;
  /** Longest time between two scheduled backups, in seconds. */
  readonly backupGapSeconds: number;
}

/** Number of intervals without a complete sync round before replication is late. An interval has several rounds. */
const LAG_INTERVALS = 2;
/**
 * Minimum lag that counts as late, in seconds, whatever the interval: the agent retries a failing bucket with a delay.
 */
const LAG_SECONDS_MIN = 120;
/**
 * How long a row may wait for its parent, in seconds. A parent in transit arrives within seconds; after half an hour,
 * the row is being rejected.
 */
const ROWS_WAITING_SECONDS = 1_800;
/** Time in which a backup must complete, in seconds: its job's deadline plus the agent's next check. */
const BACKUP_SECONDS = 2 * 3_600;
/**
 * Number of conflicts per hour that manual edits can cause. More conflicts mean that two regions overwrite each other.
 */
export const CONFLICTS_PER_HOUR = 20;
/**
 * Maximum age of the schedules' lease information, in seconds. The lease lasts 20 s, and a different region takes it
 * within a minute.
 */
export const SCHEDULES_LAG_SECONDS = 120;
const BUCKET_UNREACHED_SECONDS = 900;

/** Replication lag of this region's flows and accounts, which is the amount of data lost if the region is lost. */
export const REPLICATION_LAG = "max(langflow_dr_accounts_lag_seconds)";
/** Number of replicated objects that cannot be read. */
export const UNREADABLE = "max(langflow_dr_accounts_broken)";
/** Number of other regions' rows, by table, that the database rejected or whose parent is missing. */
export const ROWS_WAITING = "max by (table) (langflow_dr_accounts_waiting)";
/** Waiting time of the oldest waiting row, by table. */
const WAITING_OLDEST = "max by (table) (langflow_dr_accounts_waiting_oldest_seconds)";
/** 1 for each table that is not replicated at all. */
export const REFUSED = "max by (table) (langflow_dr_accounts_refused)";
/** Number of rows that were deleted only in this region and wait for an operator's decision. */
export const DELETES_HELD = "sum(langflow_dr_accounts_deletes_held)";
/** Number of users, teams and roles that were renamed because a different region used the same name. */
export const RENAMED = "count(langflow_dr_accounts_renamed)";
/** Number of flow versions that were kept as copies because two regions edited the flow at the same time. */
export const CONFLICTS = "sum(increase(langflow_dr_accounts_copies_total[1h]))";
export const SCHEDULES_HELD = "max(langflow_dr_schedules_held)";
export const SCHEDULES_LAG = "max(langflow_dr_schedules_lag_seconds)";
export const BACKUP_AGE = "max(langflow_dr_backup_age_seconds)";
export const BACKUPS_FAILED = 'max by (namespace, job_name) (kube_job_status_failed{job_name=~"backup-.*"})';
/**
 * Returns PromQL for times of each region's newest drill: start, fault (`fault`), restoration and end, and the end of
 * the newest drill that passed.
 */
export const drillAt = (moments: string): string =>
  `max by (target_region, fault, moment) (langflow_dr_drill_timestamp_seconds{moment=~"${moments}"})`;
/** Time since the last drill that passed, in any region. */
export const DRILL_PASSED_AGE = `time() - max(${drillAt("passed")})`;
/** Time after which a drill is overdue: one drill per quarter, plus two weeks for its approval (docs/drill.md). */
export const DRILL_OVERDUE_SECONDS = (92 + 14) * 86_400;

/** Returns the lag from which replication counts as late, in seconds. */
export function replicationLateSeconds({ intervalSeconds }: Pick<SyncTimes, "intervalSeconds">): number {
  return Math.max(LAG_SECONDS_MIN, LAG_INTERVALS * intervalSeconds);
}

/** Returns the age from which the newest backup counts as late, in seconds. */
export function backupLateSeconds({ backupGapSeconds }: Pick<SyncTimes, "backupGapSeconds">): number {
  return backupGapSeconds + BACKUP_SECONDS;
}

/**
 * Returns the rules about the agent's metrics except those of the record: replication, schedules, backups and drills.
 */
export function syncRules(times: SyncTimes): RuleGroup {
  return {
    name: "sync",
    intervalSeconds: 30,
    alerts: [
      {
        name: "UserDataLagging",
        severity: "critical",
        expr: `${REPLICATION_LAG} > ${replicationLateSeconds(times)}`,
        forSeconds: 60,
        summary:
          "flows and accounts last replicated {{ $value | humanizeDuration }} ago; losing this region loses the changes since",
      },
      {
        name: "UserDataUnreadable",
        severity: "warning",
        expr: `${UNREADABLE} > 0`,
        forSeconds: 300,
        summary:
          "{{ $value }} replication objects are unreadable: the regions' secret keys differ, or a foreign writer wrote them",
      },
      {
        name: "RowsWaiting",
        severity: "warning",
        expr: `${WAITING_OLDEST} > ${ROWS_WAITING_SECONDS}`,
        summary:
          "this region's database has rejected a replicated {{ $labels.table }} row, or its parent, for {{ $value | humanizeDuration }}",
      },
      {
        name: "TableRefused",
        severity: "critical",
        expr: `${REFUSED} == 1`,
        forSeconds: 300,
        summary:
          "table {{ $labels.table }} is not replicated to or from this region: LangFlow changed its schema, and the agent does not support it",
      },
      {
        name: "RegionDeletesHeld",
        severity: "warning",
        expr: `${DELETES_HELD} > 0`,
        summary: "{{ $value }} deleted rows are held in this region: release or reject the deletes",
      },
      {
        name: "NameTaken",
        severity: "warning",
        expr: "max by (table, id) (langflow_dr_accounts_renamed) == 1",
        forSeconds: 300,
        summary: "{{ $labels.table }} {{ $labels.id }} was renamed: another region had taken its name first",
      },
      {
        name: "ConflictsRising",
        severity: "warning",
        expr: `${CONFLICTS} > ${CONFLICTS_PER_HOUR}`,
        summary:
          "{{ $value | humanize }} conflicting flow versions were kept as copies within an hour: users edit the same flows in several regions",
      },
      {
        name: "FlowBucketUnreached",
        severity: "warning",
        expr: "max by (to) (langflow_dr_accounts_unreached) == 1",
        forSeconds: BUCKET_UNREACHED_SECONDS,
        summary:
          "the flow bucket of {{ $labels.to }} is unreachable from this region; only S3 replication still copies to it",
      },
      {
        name: "SchedulesUnknown",
        severity: "critical",
        expr: `${SCHEDULES_LAG} > ${SCHEDULES_LAG_SECONDS}`,
        forSeconds: 60,
        summary:
          "this region has not learned who holds the schedules for {{ $value | humanizeDuration }}: its schedules may not fire",
      },
      {
        name: "BackupOld",
        severity: "critical",
        expr: `${BACKUP_AGE} > ${backupLateSeconds(times)}`,
        summary: "the newest backup is {{ $value | humanizeDuration }} old: a scheduled backup is missing",
      },
      {
        name: "BackupMissing",
        severity: "critical",
        // A running agent exports the age of the newest backup, or no series if no backup exists.
        expr: "absent(langflow_dr_backup_age_seconds) and on () max(langflow_dr_accounts_lag_seconds) >= 0",
        forSeconds: backupLateSeconds(times),
        summary: "this region has no backup",
      },
      {
        name: "BackupFailed",
        severity: "warning",
        expr: `${BACKUPS_FAILED} > 0`,
        summary: "backup job {{ $labels.job_name }} failed",
      },
      {
        name: "DrillOverdue",
        severity: "warning",
        // Does not fire if the fleet never had a drill: fleets without drills get no alert.
        expr: `${DRILL_PASSED_AGE} > ${DRILL_OVERDUE_SECONDS} or (max(${drillAt("ended")}) unless on () max(${drillAt("passed")}))`,
        forSeconds: 3_600,
        summary: "no drill has passed in the last quarter: failover is unproven",
      },
    ],
  };
}
