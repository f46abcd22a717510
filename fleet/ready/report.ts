import type { Finding } from "../checks/checkResult";
import { countsInWords, findingChapters } from "../checks/findingsReport";
import { chapter, graded, type Report, sentences } from "../report/report";
import type { PastDrill } from "./evidence";
import type { PredictedLoss, Prediction } from "./prediction";
import type { Readiness, ReadyFinding } from "./readiness";
import { duration } from "./readyCheck";

/**
 * Returns the findings, the score with the lost points, and the predicted impact of a loss for people.
 *
 * @param isGood whether the score is sufficient
 * @param isBrief whether to omit the checks that passed
 */
export function readinessReport(
  readiness: Readiness,
  prediction: Prediction,
  { now, isGood, isBrief = false }: { readonly now: number; readonly isGood: boolean; readonly isBrief?: boolean },
): Report {
  const { findings, lost } = readiness;
  const { detectionSeconds, recoverySeconds, regions, pairs } = prediction;
  return {
    title: "Readiness for the loss of a region",
    verdict: graded(isGood, scoreLine(readiness)),
    facts: { Checks: countsInWords(findings) },
    chapters: [
      ...findingChapters(inLines(findings).filter(({ result }) => !isBrief || result !== "ok")),
      chapter("Points lost", lost, {
        check: "check",
        "points lost": "points",
        reason: ({ reason }) => sentences(reason),
      }),
      chapter("Predicted impact of losing a region now", regions, {
        region: "region",
        detection: () => shown(detectionSeconds),
        RTO: () => shown(recoverySeconds),
        "RPO of flows and accounts": ({ losses }) => lossOf("flows and accounts", losses),
        "RPO of files": ({ losses }) => lossOf("files", losses),
        "RPO of database": ({ losses }) => lossOf("database", losses),
        "last drill": ({ drill }) => drill && drillOf(drill, now),
      }),
      chapter("Replication lag now", pairs, {
        region: "to",
        "lags behind": "from",
        "flows and accounts by": ({ seconds }) => shown(seconds),
      }),
    ],
  };
}

/** Merges a check's findings into one line if they are the same in all regions and need no fix. */
function inLines(findings: readonly ReadyFinding[]): Finding[] {
  return [...new Set(findings.map(({ name }) => name))].flatMap((name) => {
    const ofCheck = findings.filter((each) => each.name === name);
    const [first] = ofCheck;
    if (!first || first.fix !== undefined) return ofCheck;
    const areSame = ofCheck.every(({ result, finding }) => result === first.result && finding === first.finding);
    return areSame ? [{ ...first, check: name }] : ofCheck;
  });
}

/** Renders the score: `score 81 of 100; 9 points are missing because checks had no result`. */
function scoreLine({ score, lost }: Readiness): string {
  const unknown = lost.filter((each) => each.unknown).reduce((sum, { points }) => sum + points, 0);
  return `score ${score} of 100${unknown > 0 ? `; ${unknown} points are missing because checks had no result` : ""}`;
}

const lossOf = (store: PredictedLoss["store"], losses: readonly PredictedLoss[]): string =>
  shown(losses.find((each) => each.store === store)?.seconds);

function drillOf(drill: PastDrill, now: number): string {
  const { detectionSeconds, recoverySeconds, fault, ended, passed } = drill;
  const measured = `detection ${shown(detectionSeconds)}, RTO ${shown(recoverySeconds)}`;
  return `${fault}, ${duration((now - ended) / 1000)} ago, ${passed ? "passed" : "missed"}: ${measured}`;
}

const shown = (seconds: number | undefined): string => (seconds === undefined ? "unknown" : duration(seconds));
