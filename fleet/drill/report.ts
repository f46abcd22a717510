import type { MonitorTimes } from "../../model/failover";
import type { Fault } from "./faults";

/** In this order; a drill that ends early has the first of them, and `hold` and `return-checks` has one with `stale-return` alone. */
export const PHASES = [
  "steady",
  "fault",
  "detection",
  "recovery",
  "survivor-checks",
  "hold",
  "restoration",
  "failback",
  "convergence",
  "return-checks",
] as const;
export type Phase = (typeof PHASES)[number];

/** What visitors ask for, in the order of the report. */
export const ERRANDS = ["healthz", "whoami", "stream", "upload"] as const;
export type ErrandName = (typeof ERRANDS)[number];

/** How a visit ended for whoever made it. */
export const ENDS = ["good", "cut", "hung", "wrong", "refused"] as const;

/**
 * `cut`: it was under way when its connection broke, or an error came in the middle. `hung`: no byte for as long as is waited.
 * `wrong`: an answer that is not the one it must be. `refused`: no connection, or an error in place of an answer.
 */
export type End = (typeof ENDS)[number];

/** When a visit was made, as far as the fault is concerned, in the order of the report. Elsewhere: in another region than the drilled one. */
export const SPANS = [
  "ended before the fault",
  "under way at the fault",
  "under way elsewhere",
  "begun after the fault",
  "begun after detection",
  "begun after the return",
] as const;
export type Span = (typeof SPANS)[number];

/** One visit by the public name, followed to its end. */
export interface Visit {
  readonly errand: ErrandName;
  /** When it began, in milliseconds since 1970. */
  readonly at: number;
  /** Whose, as a sample's. */
  readonly client: string;
  readonly end: End;
  /** Milliseconds until its end. */
  readonly latency: number;
  /** Region that answered, where that can be known. */
  readonly region?: string;
}

/** Visits of one errand and span, by how they ended. */
export interface VisitCount extends Readonly<Record<End, number>> {
  readonly errand: ErrandName;
  readonly span: Span;
  readonly visits: number;
  readonly longestSeconds: number;
}

/** One request through the public name. Times are milliseconds since 1970. */
export interface Sample {
  /** When it was sent. */
  readonly at: number;
  /** Whose: `near us-east` (a new visitor from there, each time) or `session` (one browser, with its cookie). */
  readonly client: string;
  readonly ok: boolean;
  /** HTTP status; 0 where nothing answered. */
  readonly status: number;
  /** Milliseconds until the whole answer. */
  readonly latency: number;
  /** Region that answered, where that can be known. */
  readonly region?: string;
}

/** A number beside what was asked of it. */
export interface Target {
  readonly name: string;
  readonly unit: "s" | "%";
  /** Absent where it could not be measured: then it is not met. */
  readonly measured?: number;
  /** What the design or the monitor's numbers predict; absent where nothing does. */
  readonly predicted?: number;
  readonly limit: number;
  readonly met: boolean;
}

/** Data lost, a store. */
export interface Loss {
  /** `uploads`: files that visitors were told are taken. */
  readonly store: "flows" | "files" | "uploads" | "database";
  /**
   * Seconds between the fault and the newest marker that survived, the oldest upload that did not, or of the database the
   * newest state that can be restored; absent where there is none.
   */
  readonly seconds?: number;
  /** What was looked at. */
  readonly said: string;
}

export interface Check {
  /** In a few words what should hold. */
  readonly name: string;
  readonly passed: boolean;
  readonly said: string;
}

/** An alert that came up in a drill, as one region's Prometheus saw it. Times are milliseconds since 1970. */
export interface SeenAlert {
  /** The region of that Prometheus. */
  readonly seenBy: string;
  readonly name: string;
  /** What it is about: `{ target_region: "us-east" }`. */
  readonly labels: Readonly<Record<string, string>>;
  /** The first evaluation that found it. */
  readonly pendingAt: number;
  /** Absent where it was over, or the drill was, before. */
  readonly firingAt?: number;
  /** The last evaluation that found it; absent where the drill ended before it did. */
  readonly overAt?: number;
}

/** What one drill found. The JSON report is this, word for word. */
export interface DrillReport {
  readonly version: 1;
  /** `2026-11-25T17-40-13Z-us-east-region`: also the name of its files. */
  readonly id: string;
  readonly local: boolean;
  readonly region: string;
  readonly fault: Fault;
  readonly topology: "active-active" | "active-standby";
  /** Every region, in order of preference. */
  readonly regions: readonly string[];
  readonly monitor: MonitorTimes & { readonly consecutiveUp: number };
  readonly expectedFailoverSeconds: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** When each phase began, in milliseconds since 1970; `fault` is the moment of it. */
  readonly phases: readonly { readonly phase: Phase; readonly at: number }[];
  readonly baseline: Traffic;
  /** Between the fault and the verdict of the monitor. */
  readonly untilDetection: Traffic;
  /** Between that verdict and the region's return; absent where it never came, as in reports of before it was counted. */
  readonly afterDetection?: Traffic;
  readonly whole: Traffic;
  /** Absent where visitors came as often as usual. */
  readonly load?: UnderLoad;
  /** Seconds from the fault until the monitor called the pool down; absent where it never did. */
  readonly detectionSeconds?: number;
  /** RTO: seconds from the fault until enough good answers in a row, for new visitors from the lost region's side. */
  readonly recoverySeconds?: number;
  /** Seconds from the region's return until it answers users again. */
  readonly failbackSeconds?: number;
  /** Seconds from the region's return until every region holds the same flows again. */
  readonly convergenceSeconds?: number;
  readonly losses: readonly Loss[];
  /** Of the survivor. */
  readonly checks: readonly Check[];
  /** Of every region, once one is back that was stale; absent where none was, or the drill ended before. */
  readonly returnChecks?: readonly Check[];
  /** Seconds from the fault until another region's Prometheus fired the alert of its loss. */
  readonly alertSeconds?: number;
  /** Absent where nothing watches the regions. */
  readonly alerts?: readonly SeenAlert[];
  readonly targets: readonly Target[];
  /** Why it ended early; the region was put back all the same. */
  readonly aborted?: string;
  readonly samples: readonly Sample[];
  /** How visits ended; absent in reports of before they were counted, as the next. */
  readonly visitCounts?: readonly VisitCount[];
  /** Those that are no samples: streams and uploads. */
  readonly visits?: readonly Visit[];
}

/** How a region that users were steered to took more of them than usual. */
export interface UnderLoad {
  /** How many times as often as usual visitors came. */
  readonly factor: number;
  readonly region: string;
  /** Ready pods of LangFlow at the fault, and the most that there were until the drilled region was put back. */
  readonly podsBefore: number;
  readonly podsMost: number;
  /** The autoscaler's most; absent where there is none. */
  readonly podsAllowed?: number;
  /** Seconds from the fault until there were more ready pods than at it; absent where there never were. */
  readonly readySeconds?: number;
  /** All visitors' requests until then, or until the region was put back. */
  readonly scaling: Traffic;
  /** And from then on until it was. */
  readonly scaled?: Traffic;
}

export interface Traffic {
  readonly requests: number;
  readonly failed: number;
  /** Those of `failed` whose visitor gave up waiting; absent in reports of before it was counted. */
  readonly hung?: number;
  /** Milliseconds, of those that were answered. */
  readonly p50: number;
  readonly p95: number;
}
