import { FAULTS, type Fault } from "../faults";
import { passed } from "../measure";
import type { DrillReport } from "../report";
import { byStart } from "../report/past";
import { resultOf } from "../report/words";
import { type Distribution, distributionOf } from "./distribution";

/** Drills of one fault, one topology and one kind of fleet. */
export interface Group {
  readonly fault: Fault;
  readonly topology: DrillReport["topology"];
  readonly local: boolean;
  readonly drills: number;
  readonly passed: number;
  /** Distributions by measure. Measures without any value are absent. */
  readonly measures: readonly Measured[];
}

/** One measure over all drills of a group, in seconds. */
export interface Measured {
  readonly name: MeasureName;
  readonly distribution: Distribution;
  /** Highest prediction of any drill in the group. Absent without a prediction. */
  readonly predicted?: number;
}

/** Names of a report's targets (`measure.ts`). */
export const MEASURE_NAMES = [
  "detection",
  "RTO",
  "RPO of flows",
  "RPO of files",
  "RPO of the database",
  "failback",
] as const;
export type MeasureName = (typeof MEASURE_NAMES)[number];

export interface Missed {
  readonly id: string;
  readonly fault: Fault;
  readonly topology: DrillReport["topology"];
  /** What was missed and why, as a sentence. */
  readonly why: string;
}

export interface Series {
  readonly groups: readonly Group[];
  /** Drills that missed a target, failed a check or ended early, oldest first. */
  readonly missed: readonly Missed[];
  /** Faults without any report. */
  readonly notDrilled: readonly Fault[];
}

const OF_LOSSES = {
  "RPO of flows": "flows",
  "RPO of files": "files",
  "RPO of the database": "database",
} as const;

/** Aggregates reports into a series. */
export function seriesOf(reports: readonly DrillReport[]): Series {
  const groups = new Map<string, DrillReport[]>();
  for (const report of reports) {
    const key = JSON.stringify([FAULTS.indexOf(report.fault), report.topology, report.local]);
    groups.set(key, [...(groups.get(key) ?? []), report]);
  }
  const missed = reports
    .filter((report) => !passed(report))
    .toSorted(byStart)
    .map((report) => ({ id: report.id, fault: report.fault, topology: report.topology, why: resultOf(report) }));
  return {
    groups: [...groups.values()].map(groupOf).toSorted(inOrder),
    missed,
    notDrilled: FAULTS.filter((fault) => !reports.some((report) => report.fault === fault)),
  };
}

function groupOf(reports: readonly DrillReport[]): Group {
  const [{ fault, topology, local }] = reports as [DrillReport];
  const measures = MEASURE_NAMES.flatMap((name) => {
    // Only drills that were supposed to measure the value count.
    const asked = reports.filter((report) => isAsked(report, name));
    const distribution = distributionOf(asked.map((report) => measuredIn(report, name)));
    const predicted = asked.flatMap((report) => targetIn(report, name)?.predicted ?? []);
    return distribution
      ? [{ name, distribution, ...(predicted.length > 0 && { predicted: Math.max(...predicted) }) }]
      : [];
  });
  const met = reports.filter((report) => passed(report)).length;
  return { fault, topology, local, drills: reports.length, passed: met, measures };
}

const targetIn = ({ targets }: DrillReport, name: MeasureName) => targets.find((target) => target.name === name);

const isAsked = (report: DrillReport, name: MeasureName): boolean =>
  targetIn(report, name) !== undefined || measuredIn(report, name) !== undefined;

/**
 * Returns a report's value of a measure, in seconds. Returns undefined if the drill could not or did not have to
 * measure it.
 */
export function measuredIn(report: DrillReport, name: MeasureName): number | undefined {
  const target = targetIn(report, name);
  if (target) return target.measured;
  if (name === "detection") return report.detectionSeconds;
  if (name === "RTO") return report.recoverySeconds;
  if (name === "failback") return report.failbackSeconds;
  return report.losses.find(({ store }) => store === OF_LOSSES[name])?.seconds;
}

const inOrder = (one: Group, other: Group): number =>
  FAULTS.indexOf(one.fault) - FAULTS.indexOf(other.fault) ||
  one.topology.localeCompare(other.topology) ||
  Number(one.local) - Number(other.local);
