import { ExitCode } from "../../model/errors";
import { broken, type Check, type CheckResult, notChecked } from "../checks/checkResult";
import { type FleetAssumption, type RegionAssumption, resultOf } from "../prove/assumption";
import { type Evidence, isKnown, type Learnt, type RegionEvidence } from "./evidence";

interface Weighted extends Check {
  /** Points of 100. The fleet earns them if the check passes in every region. */
  readonly weight: number;
}

/** A check of the whole fleet. */
export interface FleetCheck extends Weighted {
  readonly of: "fleet";
  judge(evidence: Evidence): CheckResult;
}

/** A check of each region; the worst region's result counts. */
export interface RegionCheck extends Weighted {
  readonly of: "region";
  judge(region: RegionEvidence, evidence: Evidence): CheckResult;
}

/** Returns a failed result with the check's default fix. */
export const bad = (finding: string): CheckResult => broken(finding, undefined, ExitCode.Disproved);

/** Returns `ok` if there are no problems, and a failure otherwise. */
export const unless = (problems: readonly string[], summary: string): CheckResult => resultOf({ summary, problems });

/** Judges evidence, or returns `not checked` if it could not be collected. */
export function judged<T>(learnt: Learnt<T>, judge: (value: T) => CheckResult): CheckResult {
  return isKnown(learnt) ? judge(learnt.value) : notChecked(learnt.unknown, learnt.exitCode);
}

/** What a check of `ready` adds to an assumption of `prove`. */
type Weight = Pick<Weighted, "name" | "weight" | "why">;

/** Returns the parts of a check whose evidence is the observation of an assumption of `prove`. */
const proved = (assumption: Check, { name, weight, why }: Weight) => ({
  name,
  weight,
  why,
  fix: assumption.fix,
  judge: ({ observed }: Pick<Evidence, "observed">) => judged(observedAs(assumption, observed), resultOf),
});

/** Creates a check per region from an assumption of `prove`. */
export const provedInRegion = (assumption: RegionAssumption, weighted: Weight): RegionCheck => ({
  of: "region",
  ...proved(assumption, weighted),
});

/** Creates a check of the whole fleet from an assumption of `prove`. */
export const provedInFleet = (assumption: FleetAssumption, weighted: Weight): FleetCheck => ({
  of: "fleet",
  ...proved(assumption, weighted),
});

function observedAs({ name }: Check, observed: Evidence["observed"]): Evidence["observed"][string] {
  const learnt = observed[name];
  if (!learnt) throw new Error(`internal error: ${name} was not observed`);
  return learnt;
}

const UNITS = [
  ["days", 86_400],
  ["hours", 3_600],
  ["minutes", 60],
] as const;

/** Formats seconds in the largest unit of which there are at least two: `3.5 hours`, `95 s`. */
export function duration(seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds >= 2 * each) ?? [];
  return size === undefined ? `${Math.round(seconds)} s` : `${(seconds / size).toFixed(1).replace(/\.0$/, "")} ${unit}`;
}
