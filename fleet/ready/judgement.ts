import type { ExitCode } from "../../model/errors";
import { type Evidence, isKnown, type Learnt, type RegionEvidence } from "./evidence";

/** What one check says of what was learnt. */
export interface Judgement {
  readonly result: "ok" | "warning" | "broken" | "not checked";
  /** What is the case; of `not checked` the reason. */
  readonly finding: string;
  /** Of `not checked`, where somebody refused a look or did not answer. */
  readonly exitCode?: ExitCode;
}

interface Check {
  /** Unique; for people. */
  readonly name: string;
  /** Points of 100 that are had only where all that it looks at is known to be good. */
  readonly weight: number;
  /** Why it counts, and so much. */
  readonly why: string;
  /** What to do where it does not hold. */
  readonly fix: string;
}

/** Of the whole fleet. */
export interface FleetCheck extends Check {
  readonly of: "fleet";
  judge(evidence: Evidence): Judgement;
}

/** Of each region; the region that fares worst decides about the points. */
export interface RegionCheck extends Check {
  readonly of: "region";
  judge(region: RegionEvidence, evidence: Evidence): Judgement;
}

export const good = (finding: string): Judgement => ({ result: "ok", finding });
export const poor = (finding: string): Judgement => ({ result: "warning", finding });
export const bad = (finding: string): Judgement => ({ result: "broken", finding });

/** Good where nothing is amiss. */
export const unless = (amiss: readonly string[], found: string): Judgement =>
  amiss.length > 0 ? bad(amiss.join("\n")) : good(found);

/** A judgement of what was learnt, or that nothing was. */
export function judged<T>(learnt: Learnt<T>, judge: (value: T) => Judgement): Judgement {
  if (isKnown(learnt)) return judge(learnt.value);
  const { unknown, exitCode } = learnt;
  return { result: "not checked", finding: unknown, ...(exitCode !== undefined && { exitCode }) };
}

const UNITS = [
  ["days", 86_400],
  ["hours", 3_600],
  ["minutes", 60],
] as const;

/** Seconds in the largest unit of which there are two: `3.5 hours`, `95 s`. */
export function duration(seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds >= 2 * each) ?? [];
  return size === undefined ? `${Math.round(seconds)} s` : `${(seconds / size).toFixed(1).replace(/\.0$/, "")} ${unit}`;
}
