import type { RuleGroup } from "../rules";

/** What the agent is set to, as far as it says when something is late. */
export interface SyncTimes {
  /** Seconds within which database and buckets are read, where nothing told of a change before. */
  readonly intervalSeconds: number;
  /** The longest time between two backups by their schedule, in seconds. */
  readonly backupGapSeconds: number;
}

/** Intervals that may pass without a whole round, of which an interval has several. */
const LAG_INTERVALS = 2;
/** Least seconds until the replication is called late, whatever its interval: a bucket that fails is asked again later. */
const LAG_SECONDS_MIN = 120;
/** A row whose parent is on its way waits for seconds; one that waits for half an hour is refused. */
const ROWS_WAITING_SECONDS = 1_800;
/** Seconds until a backup has to be complete after it began: the deadline of its job and the agent's next look at it. */
const BACKUP_SECONDS = 2 * 3_600;
/** Conflicts in an hour that somebody may make by hand; more are two regions at odds. */
export const CONFLICTS_PER_HOUR = 20;
/** The lease of the schedules is for 20 s, and another region takes it within a minute. */
export const SCHEDULES_LAG_SECONDS = 120;
const BUCKET_UNREACHED_SECONDS = 900;

/** How far the replication of this region is behind, flows and accounts: what its loss would cost. */
export const REPLICATION_LAG = "max(langflow_dr_accounts_lag_seconds)";
/** Objects of the replication that cannot be read. */
export const UNREADABLE = "max(langflow_dr_accounts_broken)";
/** By table, rows of other regions that the database did not take, or whose parent is missing. */
export const ROWS_WAITING = "max by (table) (langflow_dr_accounts_waiting)";
/** By table, how long the row has waited that waits longest. */
const WAITING_OLDEST = "max by (table) (langflow_dr_accounts_waiting_oldest_seconds)";
/** By table, 1 where no row of it is replicated. */
export const REFUSED = "max by (table) (langflow_dr_accounts_refused)";
/** Rows that were deleted here, and nowhere else until a person decides. */
export const DELETES_HELD = "sum(langflow_dr_accounts_deletes_held)";
/** Users, teams and roles that were renamed, since another region had one of their name. */
export const RENAMED = "count(langflow_dr_accounts_renamed)";
/** Versions of flows that were kept as copies, since two regions edited the flow at once. */
export const CONFLICTS = "sum(increase(langflow_dr_accounts_copies_total[1h]))";
export const SCHEDULES_HELD = "max(langflow_dr_schedules_held)";
export const SCHEDULES_LAG = "max(langflow_dr_schedules_lag_seconds)";
export const BACKUP_AGE = "max(langflow_dr_backup_age_seconds)";
export const BACKUPS_FAILED = 'max by (namespace, job_name) (kube_job_status_failed{job_name=~"backup-.*"})';
/** When the newest drills of each region began, took it away (`fault`), had put it back and ended, and the newest that passed ended. */
export const drillAt = (moments: string): string =>
  `max by (target_region, fault, moment) (langflow_dr_drill_timestamp_seconds{moment=~"${moments}"})`;
/** How long ago a drill last passed, of whichever region. */
export const DRILL_PASSED_AGE = `time() - max(${drillAt("passed")})`;
/** A drill a quarter, and two weeks in which somebody approves it (docs/drill.md). */
export const DRILL_OVERDUE_SECONDS = (92 + 14) * 86_400;

/** Seconds from which on the replication is called late. */
export function replicationLateSeconds({ intervalSeconds }: Pick<SyncTimes, "intervalSeconds">): number {
  return Math.max(LAG_SECONDS_MIN, LAG_INTERVALS * intervalSeconds);
}

/** Seconds from which on the newest backup is called old. */
export function backupLateSeconds({ backupGapSeconds }: Pick<SyncTimes, "backupGapSeconds">): number {
  return backupGapSeconds + BACKUP_SECONDS;
}

/** The agent's metrics but those of the record: replication, schedules, backups and drills. */
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
        // An agent that runs says the age of the newest backup, or nothing where there is none.
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
        // Nothing where there never was a drill: who makes none is told so by nobody.
        expr: `${DRILL_PASSED_AGE} > ${DRILL_OVERDUE_SECONDS} or (max(${drillAt("ended")}) unless on () max(${drillAt("passed")}))`,
        forSeconds: 3_600,
        summary: "no drill has passed in the last quarter: failover is unproven",
      },
    ],
  };
}
