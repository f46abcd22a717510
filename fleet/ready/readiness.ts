import { ExitCode } from "../../model/errors";
import { type CheckResult, type Finding, findingOf } from "../checks/checkResult";
import { CHECKS } from "./checks";
import type { Evidence } from "./evidence";
import type { FleetCheck, RegionCheck } from "./readyCheck";

/** How ready the fleet is for the loss of a region. */
export interface Readiness {
  /** 0 to 100: the points of the passed checks. */
  readonly score: number;
  /** The checks that lost points, most points first. */
  readonly lost: readonly Lost[];
  /** One per check and region. */
  readonly findings: readonly ReadyFinding[];
}

export interface Lost {
  readonly check: string;
  /** Lost points, of 100. */
  readonly points: number;
  /** Whether the check had no result, rather than a bad result. */
  readonly unknown: boolean;
  /** Whether a cloud refused the request or did not answer; a later run may succeed. */
  readonly unanswered: boolean;
  readonly reason: string;
}

export interface ReadyFinding extends Finding {
  /** The check's name, without the region's. */
  readonly name: string;
  /** Absent for a check of the whole fleet. */
  readonly region?: string;
}

/** Share of a check's points that each result costs. An unknown result costs as much as a failure. */
const SHARES: Readonly<Record<CheckResult["result"], number>> = { ok: 0, warning: 0.5, broken: 1, "not checked": 1 };
/** Results from worst to best. Failures are first, although unknowns cost the same. */
const WORST_FIRST: readonly CheckResult["result"][] = ["broken", "not checked", "warning", "ok"];

/** Judges the evidence. The same evidence always has the same result. */
export function readinessOf(evidence: Evidence): Readiness {
  const judged = CHECKS.map((check) => ({ check, results: resultsOf(check, evidence) }));
  const lost = judged.flatMap(({ check, results }) => lostBy(check, results));
  return {
    score: lost.reduce((left, { points }) => left - points, 100),
    lost: lost.sort((one, other) => other.points - one.points),
    findings: judged.flatMap(({ check, results }) =>
      results.map(({ result, region }) => ({
        ...findingOf(check, result, region),
        name: check.name,
        ...(region !== undefined && { region }),
      })),
    ),
  };
}

interface Judged {
  readonly result: CheckResult;
  /** Absent for a check of the whole fleet. */
  readonly region?: string;
}

function resultsOf(check: RegionCheck | FleetCheck, evidence: Evidence): Judged[] {
  if (check.of === "fleet") return [{ result: check.judge(evidence) }];
  return evidence.regions.map((each) => ({ result: check.judge(each, evidence), region: each.region }));
}

function lostBy({ name, weight }: RegionCheck | FleetCheck, results: readonly Judged[]): Lost[] {
  const order = ({ result }: Judged) => WORST_FIRST.indexOf(result.result);
  const [worst] = results.toSorted((one, other) => order(one) - order(other));
  if (!worst || worst.result.result === "ok") return [];
  const { result, finding } = worst.result;
  const regions = results.flatMap((each) => (each.result.result === result ? (each.region ?? []) : []));
  return [
    {
      check: name,
      points: weight * SHARES[result],
      unknown: result === "not checked",
      unanswered: worst.result.result === "not checked" && worst.result.exitCode !== undefined,
      reason: `${regions.length > 0 ? `${regions.join(", ")}: ` : ""}${finding.replaceAll("\n", "; ")}`,
    },
  ];
}

/**
 * Returns the exit code. 13: a check failed, or the score is below the minimum. 3 or 10: a cloud refused a request or
 * did not answer, and the missing points could be enough. A check that cannot run costs points but is not a failure.
 *
 * @param minimum a sufficient score, even if checks fail; undefined: every check must pass
 */
export function exitCodeOf({ score, lost, findings }: Readiness, minimum?: number): ExitCode {
  const unanswered = findings.find(({ result, exitCode }) => result === "not checked" && exitCode)?.exitCode;
  if (minimum === undefined) {
    if (findings.some(({ result }) => result === "broken")) return ExitCode.Disproved;
    return unanswered ?? ExitCode.Success;
  }
  if (score >= minimum) return ExitCode.Success;
  const withheld = lost.filter((each) => each.unanswered).reduce((sum, { points }) => sum + points, 0);
  return unanswered !== undefined && score + withheld >= minimum ? unanswered : ExitCode.Disproved;
}
