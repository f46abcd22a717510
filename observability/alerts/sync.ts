import type { Alert, RuleGroup } from "../rules";

/** What the agent is set to, as far as it says when something is late. */
export interface SyncTimes {
  /** Seconds between two looks at LangFlow and Git. */
  readonly intervalSeconds: number;
  /** The longest time between two backups by their schedule, in seconds. */
  readonly backupGapSeconds: number;
}

/** Intervals that may pass without a sync: one fails, the next waits its turn, the one after that is late. */
const INTERVALS_MAX = 6;
/** Least seconds until the sync is called late, whatever its interval: LangFlow and Git take some. */
const LAG_SECONDS_MIN = 120;
/** Seconds until a backup has to be complete after it began: the deadline of its job and the agent's next look at it. */
const BACKUP_SECONDS = 2 * 3_600;
/** Conflicts in an hour that somebody may make by hand; more are two regions at odds. */
export const CONFLICTS_PER_HOUR = 20;
export const ACCOUNTS_LAG_SECONDS = 120;
/** The lease of the schedules is for 20 s, and another region takes it within a minute. */
export const SCHEDULES_LAG_SECONDS = 120;
const BUCKET_UNREACHED_SECONDS = 900;

/** The greatest that any pod says of each workspace. */
export const byWorkspace = (metric: string): string => `max by (workspace) (${metric})`;

/** How long ago each workspace's flows were last the same in LangFlow and Git. */
export const SYNC_LAG = byWorkspace("langflow_dr_sync_lag_seconds");
export const CONFLICTS = "sum by (workspace) (increase(langflow_dr_sync_conflicts_total[1h]))";
export const ACCOUNTS_LAG = "max(langflow_dr_accounts_lag_seconds)";
export const ACCOUNTS_BROKEN = "max(langflow_dr_accounts_broken)";
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
/** One that waits is one too many. */
export const WAITING_MIN = 1;

/** Seconds from which on a sync is called late. */
export function syncLateSeconds({ intervalSeconds }: Pick<SyncTimes, "intervalSeconds">): number {
  return Math.max(LAG_SECONDS_MIN, INTERVALS_MAX * intervalSeconds);
}

/** Seconds from which on the newest backup is called old. */
export function backupLateSeconds({ backupGapSeconds }: Pick<SyncTimes, "backupGapSeconds">): number {
  return backupGapSeconds + BACKUP_SECONDS;
}

/** The agent's metrics: flows, accounts, schedules, backups and drills. */
export function syncRules(times: SyncTimes): RuleGroup {
  const waiting = (name: string, metric: string, what: string): Alert => ({
    name,
    severity: "warning",
    expr: `${byWorkspace(metric)} >= ${WAITING_MIN}`,
    forSeconds: 600,
    summary: `{{ $value }} ${what} in workspace {{ $labels.workspace }}`,
  });
  return {
    name: "sync",
    intervalSeconds: 30,
    alerts: [
      {
        name: "SyncLagging",
        severity: "critical",
        expr: `${SYNC_LAG} > ${syncLateSeconds(times)}`,
        forSeconds: 60,
        summary:
          "flows of {{ $labels.workspace }} were last the same in LangFlow and Git {{ $value | humanizeDuration }} ago: the region's loss would cost as much",
      },
      {
        name: "ConflictsRising",
        severity: "warning",
        expr: `${CONFLICTS} > ${CONFLICTS_PER_HOUR}`,
        summary:
          "{{ $value | humanize }} conflicts in an hour in {{ $labels.workspace }}: the same flows are edited in several regions",
      },
      waiting(
        "FlowsSkipped",
        "langflow_dr_sync_skipped",
        "flows or files cannot be read, and are not the same everywhere,",
      ),
      waiting("FlowsHeld", "langflow_dr_sync_held", "flows were refused by LangFlow or the Git host"),
      waiting(
        "SecretsHeld",
        "langflow_dr_sync_secrets_held",
        "flows look as if they held a secret, and stay out of Git,",
      ),
      waiting("DeletesHeld", "langflow_dr_sync_deletes_held", "deletes wait for a person's word"),
      {
        name: "AccountsLagging",
        severity: "critical",
        expr: `${ACCOUNTS_LAG} > ${ACCOUNTS_LAG_SECONDS}`,
        forSeconds: 60,
        summary:
          "accounts of this region were last told to the others, and theirs read, {{ $value | humanizeDuration }} ago",
      },
      {
        name: "AccountsBroken",
        severity: "warning",
        expr: `${ACCOUNTS_BROKEN} > 0`,
        forSeconds: 300,
        summary:
          "{{ $value }} objects of accounts cannot be read: another region has another key, or somebody wrote them",
      },
      {
        name: "FlowBucketUnreached",
        severity: "warning",
        expr: "max by (to) (langflow_dr_accounts_unreached) == 1",
        forSeconds: BUCKET_UNREACHED_SECONDS,
        summary:
          "the flow bucket of {{ $labels.to }} takes nothing from this region; S3's replication is all that is left",
      },
      {
        name: "SchedulesUnknown",
        severity: "critical",
        expr: `${SCHEDULES_LAG} > ${SCHEDULES_LAG_SECONDS}`,
        forSeconds: 60,
        summary:
          "this region has not known for {{ $value | humanizeDuration }} which region holds the schedules: they may fire nowhere",
      },
      {
        name: "BackupOld",
        severity: "critical",
        expr: `${BACKUP_AGE} > ${backupLateSeconds(times)}`,
        summary: "the newest backup is {{ $value | humanizeDuration }} old: one that was due was not made",
      },
      {
        name: "BackupMissing",
        severity: "critical",
        // An agent that runs says the age of the newest backup, or nothing where there is none.
        expr: "absent(langflow_dr_backup_age_seconds) and on () max(langflow_dr_accounts_lag_seconds) >= 0",
        forSeconds: backupLateSeconds(times),
        summary: "this region has no backup at all",
      },
      {
        name: "BackupFailed",
        severity: "warning",
        expr: `${BACKUPS_FAILED} > 0`,
        summary: "the backup {{ $labels.job_name }} failed",
      },
      {
        name: "DrillOverdue",
        severity: "warning",
        // Nothing where there never was a drill: who makes none is told so by nobody.
        expr: `${DRILL_PASSED_AGE} > ${DRILL_OVERDUE_SECONDS} or (max(${drillAt("ended")}) unless on () max(${drillAt("passed")}))`,
        forSeconds: 3_600,
        summary: "no drill passed in the last quarter: nobody knows that users and data would survive a loss now",
      },
    ],
  };
}
