import type { MonitorTimes } from "../../model/failover";
import type { Fault } from "./faults";

/**
 * Phases in chronological order. A drill that ends early has only the first of them. Only `stale-return` has `hold` and
 * `return-checks`.
 */
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

/** Types of requests that visitors make, in the report's order. */
export const ERRANDS = ["healthz", "whoami", "stream", "upload"] as const;
export type ErrandName = (typeof ERRANDS)[number];

/** Outcomes of a visit, from the visitor's point of view. */
export const ENDS = ["good", "cut", "hung", "wrong", "refused"] as const;

/**
 * `cut`: the connection broke, or an error arrived, after the response had begun. `hung`: no byte arrived within the
 * timeout. `wrong`: the response was not the expected one. `refused`: the connection failed, or the response was an
 * error.
 */
export type End = (typeof ENDS)[number];

/**
 * Time of a visit relative to the fault, in the report's order. "Elsewhere" means a region other than the drilled one.
 */
export const SPANS = [
  "ended before the fault",
  "under way at the fault",
  "under way elsewhere",
  "begun after the fault",
  "begun after detection",
  "begun after the return",
] as const;
export type Span = (typeof SPANS)[number];

/** One visit through the public name, followed to its end. */
export interface Visit {
  readonly errand: ErrandName;
  /** When the visit began, in milliseconds since 1970. */
  readonly at: number;
  /** Name of the visiting client, as in {@link Sample.client}. */
  readonly client: string;
  readonly end: End;
  /** Duration in milliseconds. */
  readonly latency: number;
  /** Region that answered, if known. */
  readonly region?: string;
}

/** Number of visits of one type and span, by outcome. */
export interface VisitCount extends Readonly<Record<End, number>> {
  readonly errand: ErrandName;
  readonly span: Span;
  readonly visits: number;
  readonly longestSeconds: number;
}

/** One request through the public name. Times are milliseconds since 1970. */
export interface Sample {
  /** When the request was sent. */
  readonly at: number;
  /**
   * Client that sent the request: `near us-east` (each time a new visitor from that region's side) or `session` (one
   * browser that keeps its cookie).
   */
  readonly client: string;
  readonly ok: boolean;
  /** HTTP status; 0 without a response. */
  readonly status: number;
  /** Milliseconds until the response was complete. */
  readonly latency: number;
  /** Region that answered, if known. */
  readonly region?: string;
}

/** A measured value with its limit. */
export interface Target {
  readonly name: string;
  readonly unit: "s" | "%";
  /** Absent if the value could not be measured. In this case, the target is missed. */
  readonly measured?: number;
  /** Value that the design or the monitor's settings predict. Absent if nothing predicts it. */
  readonly predicted?: number;
  readonly limit: number;
  readonly met: boolean;
}

/** Data loss of one store. */
export interface Loss {
  /** `uploads` are the files for which visitors received an acknowledgement. */
  readonly store: "flows" | "files" | "uploads" | "database";
  /**
   * Seconds before the fault to which the store's data survived: the newest surviving marker, the oldest lost upload,
   * or the newest restorable state of the database. Absent if nothing survived.
   */
  readonly seconds?: number;
  /** Description of the examined data. */
  readonly said: string;
}

export interface Check {
  /** Short statement of the expected result. */
  readonly name: string;
  readonly passed: boolean;
  readonly said: string;
}

/** An alert that began during the drill, as recorded by one region's Prometheus. Times are milliseconds since 1970. */
export interface SeenAlert {
  /** Region of the Prometheus that recorded the alert. */
  readonly seenBy: string;
  readonly name: string;
  /** Labels of the alert's subject, for example `{ target_region: "us-east" }`. */
  readonly labels: Readonly<Record<string, string>>;
  /** First evaluation with the alert's condition. */
  readonly pendingAt: number;
  /** Absent if the alert or the drill ended before the alert fired. */
  readonly firingAt?: number;
  /** Last evaluation with the alert's condition. Absent if the alert was still active when the drill ended. */
  readonly overAt?: number;
}

/** Results of one drill. The JSON report has exactly this shape. */
export interface DrillReport {
  readonly version: 1;
  /** `2026-11-25T17-40-13Z-us-east-region`, also the base name of the report's files. */
  readonly id: string;
  readonly local: boolean;
  readonly region: string;
  readonly fault: Fault;
  readonly topology: "active-active" | "active-standby";
  /** All regions, in order of preference. */
  readonly regions: readonly string[];
  readonly monitor: MonitorTimes & { readonly consecutiveUp: number };
  readonly expectedFailoverSeconds: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** When each phase began, in milliseconds since 1970. `fault` is the time of the fault. */
  readonly phases: readonly { readonly phase: Phase; readonly at: number }[];
  readonly baseline: Traffic;
  /** Traffic between the fault and its detection by the monitor. */
  readonly untilDetection: Traffic;
  /**
   * Traffic between the detection and the region's return. Absent if the monitor did not detect the fault, and in
   * reports of older versions.
   */
  readonly afterDetection?: Traffic;
  readonly whole: Traffic;
  /** Absent if the traffic multiplier was 1. */
  readonly load?: UnderLoad;
  /** Seconds from the fault until the monitor marked the pool as down. Absent if it never did. */
  readonly detectionSeconds?: number;
  /**
   * RTO: seconds from the fault until enough consecutive good answers, measured for new visitors from the failed
   * region's side.
   */
  readonly recoverySeconds?: number;
  /** Seconds from the region's return until it answers users again. */
  readonly failbackSeconds?: number;
  /** Seconds from the region's return until every region holds the same flows again. */
  readonly convergenceSeconds?: number;
  readonly losses: readonly Loss[];
  /** Checks in the survivor. */
  readonly checks: readonly Check[];
  /**
   * Checks in every region after a stale region returned. Absent if the fault was a different one or the drill ended
   * early.
   */
  readonly returnChecks?: readonly Check[];
  /** Seconds from the fault until a different region's Prometheus fired the alert about the loss. */
  readonly alertSeconds?: number;
  /** Absent if the fleet has no monitoring. */
  readonly alerts?: readonly SeenAlert[];
  readonly targets: readonly Target[];
  /** Reason why the drill ended early. The region was restored nevertheless. */
  readonly aborted?: string;
  readonly samples: readonly Sample[];
  /** Outcomes of visits. Absent in reports of older versions, like the next field. */
  readonly visitCounts?: readonly VisitCount[];
  /** Visits that are not in `samples`: streams and uploads. */
  readonly visits?: readonly Visit[];
}

/** How a region handled the additional visitors that were steered to it. */
export interface UnderLoad {
  /** Traffic multiplier (1 = normal). */
  readonly factor: number;
  readonly region: string;
  /** Ready LangFlow pods at the time of the fault, and their maximum until the drilled region was restored. */
  readonly podsBefore: number;
  readonly podsMost: number;
  /** The autoscaler's maximum. Absent without an autoscaler. */
  readonly podsAllowed?: number;
  /** Seconds from the fault until more pods were ready than at the fault. Absent if this never happened. */
  readonly readySeconds?: number;
  /**
   * Requests of all visitors from the fault until the first additional pod was ready, or until the restoration if none
   * was.
   */
  readonly scaling: Traffic;
  /** Requests of all visitors from then until the restoration. */
  readonly scaled?: Traffic;
}

export interface Traffic {
  readonly requests: number;
  readonly failed: number;
  /** Number of failed requests that timed out on the visitor's side. Absent in reports of older versions. */
  readonly hung?: number;
  /** Milliseconds, over answered requests only. */
  readonly p50: number;
  readonly p95: number;
}
