import { KINDS } from "../faults";
import { passed } from "../measure";
import type { Check, DrillReport, Target } from "../report";

const HOUR = 3600;
const UNSEEN = "unknown: the load balancer's API was down, so only the visitors' requests show the failover";

/** Formats a value as `47.3 s`, `132 s`, `25.0 h` or `0.42 %`. Returns a dash for an unknown value. */
export function amountOf(value: number | undefined, unit: Target["unit"] = "s"): string {
  if (value === undefined) return "–";
  if (unit === "%") return `${value.toFixed(2)} %`;
  if (Math.abs(value) >= 2 * HOUR) return `${(value / HOUR).toFixed(1)} h`;
  return `${value.toFixed(Math.abs(value) < 100 ? 1 : 0)} s`;
}

/** Formats an ISO 8601 time in UTC as `2026-11-25 17:40`. */
export const minuteOf = (time: string): string => new Date(time).toISOString().slice(0, 16).replace("T", " ");

/**
 * Returns the zero of the report's time axis, in milliseconds since 1970: the fault, or the start if no fault was
 * injected.
 */
export const originOf = ({ phases, startedAt }: DrillReport): number =>
  phases.find(({ phase }) => phase === "fault")?.at ?? Date.parse(startedAt);

/** Returns the result of a drill in one line. */
export function resultOf(report: DrillReport): string {
  if (report.aborted !== undefined) return `Ended early: ${report.aborted}`;
  const { targets, checks, returnChecks = [] } = report;
  const checked = checks.length + returnChecks.length;
  const met = [count(targets.length, "target"), ...(checked > 0 ? [count(checked, "check")] : [])];
  if (passed(report)) return `Met: ${met.join(", ")}`;
  const missed = targets.filter(({ met }) => !met).map(missedBy);
  return [
    ...(missed.length > 0 ? [`Missed: ${missed.join("; ")}`] : []),
    ...failedOf("in the survivor", checks),
    ...failedOf("after the return", returnChecks),
  ].join(". ");
}

function failedOf(where: string, checks: readonly Check[]): string[] {
  const failed = checks.filter((check) => !check.passed).map(({ name }) => name);
  return failed.length > 0 ? [`Failed ${where}: ${failed.join("; ")}`] : [];
}

function missedBy({ name, unit, measured, limit }: Target): string {
  const found = measured === undefined ? "could not be measured" : `was ${amountOf(measured, unit)}`;
  return `${name} ${found}, at most ${amountOf(limit, unit)}`;
}

const count = (many: number, noun: string) => `${many === 1 ? "" : "all "}${many} ${noun}${many === 1 ? "" : "s"}`;

/** Returns the circumstances of a drill by name, and how the region returned if the drill got that far. */
export function factsOf(report: DrillReport): Readonly<Record<string, string | undefined>> {
  const { region, fault, local, topology, regions, monitor, expectedFailoverSeconds, startedAt, endedAt } = report;
  const { intervalSeconds, timeoutSeconds, retries, consecutiveDown, consecutiveUp } = monitor;
  const { failbackSeconds, convergenceSeconds } = report;
  const tookSeconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
  const same =
    convergenceSeconds === undefined ? "" : `, all regions had the same flows after ${amountOf(convergenceSeconds)}`;
  return {
    fault: `${fault} of ${region}`,
    fleet: `${placeOf(local)}, ${topology}: ${regions.join(", ")}`,
    began: `${minuteOf(startedAt)} UTC, took ${amountOf(tookSeconds)}`,
    monitor: `every ${intervalSeconds} s, timeout ${timeoutSeconds} s, retries ${retries}, down after ${consecutiveDown}, up after ${consecutiveUp}`,
    "predicted failover": `at most ${amountOf(expectedFailoverSeconds)}`,
    detection: KINDS[fault].isUnseen ? UNSEEN : undefined,
    return: failbackSeconds === undefined ? undefined : `served users again after ${amountOf(failbackSeconds)}${same}`,
  };
}

export const placeOf = (local: boolean): string => (local ? "local" : "clouds");
