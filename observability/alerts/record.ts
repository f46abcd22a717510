import type { Alert, RuleGroup } from "../rules";
import { SCHEDULES_HELD, SCHEDULES_LAG, SCHEDULES_LAG_SECONDS } from "./sync";

/** What a region's part in the record depends on. */
export interface RecordSettings {
  /** Seconds between two reads of Git. */
  readonly intervalSeconds: number;
  /** Whether config names this region for the schedules: the recorder, where no lease says otherwise. */
  readonly isNamed: boolean;
  /** Whether the schedules' lease, in the witness, says which region is the recorder. */
  readonly hasWitness: boolean;
}

/** A Git host that is away delays the record and costs nothing else: an outage of some minutes is nobody's night. */
const GIT_SECONDS = 600;
const RECORDER_MISSING_SECONDS = 600;
/** Least seconds until the record is called late: after an outage of the Git host it has to catch up. */
const BEHIND_SECONDS_MIN = 900;
/** Intervals that may pass without a commit or a look: one fails, and what is tried again waits longer each time. */
const BEHIND_INTERVALS = 6;
/** One flow that waits for a person is one too many. */
export const HELD_MIN = 1;

/** The greatest value per workspace: the recorder alone has such series. */
export const byWorkspace = (metric: string): string => `max by (workspace) (${metric})`;

/** 1 in the recorder, 0 elsewhere. */
export const RECORDER = "max(langflow_dr_record_recorder)";
/** How far the record of each workspace is behind what LangFlow holds. */
export const RECORD_LAG = byWorkspace("langflow_dr_sync_lag_seconds");

/** Seconds from which on the record is called late. */
export function recordLateSeconds({ intervalSeconds }: Pick<RecordSettings, "intervalSeconds">): number {
  return Math.max(BEHIND_SECONDS_MIN, BEHIND_INTERVALS * intervalSeconds);
}

/**
 * Git as the record. Only the recorder has series of it: without a recorder nothing of this fires but its absence. None
 * is critical, since flows reach the other regions without Git.
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
 * No region is the recorder. A region sees its own agent alone, so the one speaks up whose turn it is: the holder of the lease;
 * the region that config names, where nobody is known to hold it; without a witness that region alone.
 */
function recorderMissing({ isNamed, hasWitness }: RecordSettings): Alert[] {
  if (!isNamed && !hasWitness) return [];
  const isUnknown = `${SCHEDULES_LAG} > ${SCHEDULES_LAG_SECONDS}`;
  // Of a region that no longer knows who holds it, the last word was long ago: another may have taken the lease since.
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
