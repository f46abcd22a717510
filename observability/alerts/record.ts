import type { Alert, RuleGroup } from "../rules";
import { SCHEDULES_HELD, SCHEDULES_LAG, SCHEDULES_LAG_SECONDS } from "./sync";

/** Settings of a region that affect the record. */
export interface RecordSettings {
  /** Seconds between two reads of Git. */
  readonly intervalSeconds: number;
  /**
   * Whether the config names this region for the schedules. That region is the recorder unless a lease decides
   * otherwise.
   */
  readonly isNamed: boolean;
  /** Whether the schedules' lease, stored in the witness, decides which region is the recorder. */
  readonly hasWitness: boolean;
}

/**
 * How long the Git host may be unreachable, in seconds. An outage only delays the record, so a few minutes need no
 * alert.
 */
const GIT_SECONDS = 600;
const RECORDER_MISSING_SECONDS = 600;
/** Minimum lag that counts as late, in seconds: after an outage of the Git host, the recorder has to catch up. */
const BEHIND_SECONDS_MIN = 900;
/**
 * Number of intervals without a commit or a check before the record is late: single failures occur, and retries back
 * off.
 */
const BEHIND_INTERVALS = 6;
/** Number of held flows that fires an alert: even one needs a decision. */
export const HELD_MIN = 1;

/** Returns PromQL for the maximum per workspace. Only the recorder has these series. */
export const byWorkspace = (metric: string): string => `max by (workspace) (${metric})`;

/** 1 in the recorder, 0 in other regions. */
export const RECORDER = "max(langflow_dr_record_recorder)";
/** Lag of each workspace's record behind LangFlow's content. */
export const RECORD_LAG = byWorkspace("langflow_dr_sync_lag_seconds");

/** Returns the lag from which the record counts as late, in seconds. */
export function recordLateSeconds({ intervalSeconds }: Pick<RecordSettings, "intervalSeconds">): number {
  return Math.max(BEHIND_SECONDS_MIN, BEHIND_INTERVALS * intervalSeconds);
}

/**
 * Returns the rules about the record in Git. Only the recorder has these series, so without a recorder only its absence
 * fires. None is critical, because flows are replicated to the other regions without Git.
 */
export function recordRules(settings: RecordSettings): RuleGroup {
  const held = (name: string, metric: string, what: string): Alert => ({
    name,
    severity: "warning",
    expr: `${byWorkspace(metric)} >= ${HELD_MIN}`,
    forSeconds: 600,
    summary: `workspace {{ $labels.workspace }}: {{ $value }} ${what}`,
  });
  return {
    name: "record",
    intervalSeconds: 30,
    alerts: [
      {
        name: "GitHostUnreachable",
        severity: "warning",
        expr: 'probe_success{job="probe-git"} == 0',
        forSeconds: GIT_SECONDS,
        summary: "the Git host does not answer: flows still replicate; commits wait",
      },
      ...recorderMissing(settings),
      {
        name: "RecordBehind",
        severity: "warning",
        expr: `${RECORD_LAG} > ${recordLateSeconds(settings)}`,
        forSeconds: 60,
        summary:
          "the record in Git of {{ $labels.workspace }} is {{ $value | humanizeDuration }} behind: edits are replicated but not yet committed",
      },
      held("FlowsSkippedInRecord", "langflow_dr_sync_skipped", "flows or files are unreadable and not synchronized"),
      held(
        "FlowsHeldInRecord",
        "langflow_dr_sync_held",
        "flows are held because LangFlow or the Git host rejected them",
      ),
      held(
        "SecretsHeldInRecord",
        "langflow_dr_sync_secrets_held",
        "flows may contain a secret and are kept out of Git",
      ),
      held("DeletesHeld", "langflow_dr_sync_deletes_held", "pushed deletes wait for approval"),
    ],
  };
}

/**
 * Returns the alert for a fleet without a recorder. A region sees only its own agent, so only the region that should be
 * the recorder alerts: the holder of the lease; or, if no holder is known, the region that the config names. Without a
 * witness, only that region alerts.
 */
function recorderMissing({ isNamed, hasWitness }: RecordSettings): Alert[] {
  if (!isNamed && !hasWitness) return [];
  const isUnknown = `${SCHEDULES_LAG} > ${SCHEDULES_LAG_SECONDS}`;
  // A region that has lost contact with the witness has an outdated value: a different region may have taken the lease
  // since.
  const whoseTurn = `(${SCHEDULES_HELD} == 1 ${isNamed ? "or" : "unless"} ${isUnknown})`;
  return [
    {
      name: "RecorderMissing",
      severity: "warning",
      expr: hasWitness ? `${RECORDER} == 0 and on () ${whoseTurn}` : "absent(langflow_dr_record_recorder == 1)",
      forSeconds: RECORDER_MISSING_SECONDS,
      summary: "no region is the recorder: edits are not committed to Git and pushes are not imported",
    },
  ];
}
