import { ExitCode } from "../../model/errors";
import type { Finding } from "../examination/finding";
import { CHECKS } from "./checks";
import type { Evidence } from "./evidence";
import type { FleetCheck, Judgement, RegionCheck } from "./judgement";

/** How ready a fleet is for the loss of a region. */
export interface Readiness {
  /** 0 to 100: the points of all that is known to be good. */
  readonly score: number;
  /** What took points away, the most first. */
  readonly lost: readonly Lost[];
  /** A line a check and region. */
  readonly findings: readonly ReadyFinding[];
}

export interface Lost {
  readonly check: string;
  /** Of 100. */
  readonly points: number;
  /** Whether nothing was learnt, rather than something bad. */
  readonly unknown: boolean;
  /** Whether somebody refused the look or did not answer, who is asked again another time. */
  readonly unanswered: boolean;
  readonly reason: string;
}

export interface ReadyFinding extends Finding {
  /** The check's name, without a region's. */
  readonly name: string;
  /** The region, of what is of a region. */
  readonly region?: string;
}

/** The share of a check's points that is lost. What is not known is worth as little as what is bad. */
const SHARES: Readonly<Record<Judgement["result"], number>> = { ok: 0, warning: 0.5, broken: 1, "not checked": 1 };
/** Of regions that lose as much: what is bad is told before what is not known. */
const GRAVITY: readonly Judgement["result"][] = ["broken", "not checked", "warning", "ok"];

/** Judges all that was learnt. The same evidence always gives the same. */
export function readinessOf(evidence: Evidence): Readiness {
  const looked = CHECKS.map((check) => ({ check, judgements: judgementsOf(check, evidence) }));
  const lost = looked.flatMap(({ check, judgements }) => lostBy(check, judgements));
  return {
    score: lost.reduce((left, { points }) => left - points, 100),
    lost: lost.sort((one, other) => other.points - one.points),
    findings: looked.flatMap(({ check, judgements }) => judgements.map((each) => findingOf(check, each))),
  };
}

interface Judged extends Judgement {
  /** Absent of the whole fleet. */
  readonly region?: string;
}

function judgementsOf(check: RegionCheck | FleetCheck, evidence: Evidence): Judged[] {
  if (check.of === "fleet") return [check.judge(evidence)];
  return evidence.regions.map((each) => ({ ...check.judge(each, evidence), region: each.region }));
}

function lostBy({ name, weight }: RegionCheck | FleetCheck, judgements: readonly Judged[]): Lost[] {
  const [worst] = judgements.toSorted((one, other) => GRAVITY.indexOf(one.result) - GRAVITY.indexOf(other.result));
  if (!worst || worst.result === "ok") return [];
  const { result, exitCode, finding } = worst;
  const regions = judgements.flatMap((each) => (each.result === result ? (each.region ?? []) : []));
  return [
    {
      check: name,
      points: weight * SHARES[result],
      unknown: result === "not checked",
      unanswered: exitCode !== undefined,
      reason: `${regions.length > 0 ? `${regions.join(", ")}: ` : ""}${finding.replaceAll("\n", "; ")}`,
    },
  ];
}

function findingOf(
  { name, fix }: RegionCheck | FleetCheck,
  { result, finding, region, exitCode }: Judged,
): ReadyFinding {
  return {
    check: region === undefined ? name : `${region}: ${name}`,
    name,
    result,
    finding,
    ...(region !== undefined && { region }),
    ...((result === "broken" || result === "warning") && {
      fix: region === undefined ? fix : fix.replaceAll("<region>", region),
    }),
    ...(result === "broken" && { exitCode: ExitCode.Disproved }),
    ...(exitCode !== undefined && { exitCode }),
  };
}

/**
 * What the process ends with. 13: something does not hold, or the score is below what was asked for; 3 or 10 where that may only be
 * because somebody refused a look, or did not answer. What nobody can be asked costs points, and is no failure by itself.
 *
 * @param minimum the score that is enough, whatever does not hold; undefined: everything is to hold
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
