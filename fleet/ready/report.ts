import pc from "picocolors";
import type { Finding } from "../checks/checkResult";
import { findingsTable } from "../checks/findingsTable";
import { table } from "../terminal/table";
import type { PredictedLoss, Prediction, RegionPrediction } from "./prediction";
import type { Lost, Readiness, ReadyFinding } from "./readiness";
import { duration } from "./readyCheck";

/** Maximum characters per line of a cell; a narrow terminal reduces it. */
const SENTENCE = 60;
const NONE = "–";

/** Renders the terminal report: findings, score with the lost points, and the predicted impact of a loss. */
export function tables({ findings, score, lost }: Readiness, prediction: Prediction, now: number): string[] {
  const reasons = lost.map(({ check, points, reason }) => [check, `${points}`, reason]);
  return [
    ...findingsTable(inLines(findings)),
    "",
    pc.bold(scoreLine({ score, lost })),
    ...(reasons.length > 0 ? [table(["check", "points lost", "reason"], reasons, { sentence: SENTENCE })] : []),
    pc.bold("Predicted impact of losing a region now"),
    table(PREDICTED, rowsOf(prediction, now)),
    table(
      ["region", "lags behind", "flows and accounts by"],
      prediction.pairs.map(({ from, to, seconds }) => [to, from, shown(seconds)]),
    ),
  ];
}

/** Renders the Markdown report: failed checks, score, and the predicted impact of a loss. */
export function markdown({ findings, score, lost }: Readiness, prediction: Prediction, now: number): string {
  const told = inLines(findings).filter(({ result }) => result !== "ok");
  const good = findings.filter(({ result }) => result === "ok").length;
  return [
    `## Readiness for the loss of a region: ${score} of 100`,
    "",
    scoreLine({ score, lost }),
    "",
    row("check", "result", "finding", "what to do"),
    row("---", "---", "---", "---"),
    ...told.map(({ check, result, finding, fix }) => row(check, result, finding, fix ?? NONE)),
    row(`${good} passed`, "ok", NONE, NONE),
    "",
    "### Predicted impact of losing a region now",
    "",
    row(...PREDICTED),
    row(...PREDICTED.map(() => "---")),
    ...rowsOf(prediction, now).map((cells) => row(...cells)),
    "",
  ].join("\n");
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

function row(...cells: readonly string[]): string {
  return `| ${cells.map((text) => text.replaceAll("|", "\\|").replaceAll("\n", "<br>")).join(" | ")} |`;
}

/** Renders the score: `score 81 of 100; 9 points are missing because checks had no result`. */
function scoreLine({ score, lost }: { readonly score: number; readonly lost: readonly Lost[] }): string {
  const unknown = lost.filter((each) => each.unknown).reduce((sum, { points }) => sum + points, 0);
  return `score ${score} of 100${unknown > 0 ? `; ${unknown} points are missing because checks had no result` : ""}`;
}

const STORES: readonly PredictedLoss["store"][] = ["flows and accounts", "files", "database"];
const PREDICTED = ["region", "detection", "RTO", ...STORES.map((store) => `RPO of ${store}`), "last drill"];

function rowsOf({ detectionSeconds, recoverySeconds, regions }: Prediction, now: number): string[][] {
  return regions.map(({ region, losses, drill }) => [
    region,
    shown(detectionSeconds),
    shown(recoverySeconds),
    ...STORES.map((store) => shown(losses.find((each) => each.store === store)?.seconds)),
    drillOf(drill, now),
  ]);
}

function drillOf(drill: RegionPrediction["drill"], now: number): string {
  if (!drill) return NONE;
  const { detectionSeconds, recoverySeconds, fault, ended, passed } = drill;
  const measured = `detection ${shown(detectionSeconds)}, RTO ${shown(recoverySeconds)}`;
  return `${fault}, ${duration((now - ended) / 1000)} ago, ${passed ? "passed" : "missed"}: ${measured}`;
}

const shown = (seconds: number | undefined): string => (seconds === undefined ? "unknown" : duration(seconds));
