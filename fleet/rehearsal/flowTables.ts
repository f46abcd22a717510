import pc from "picocolors";
import { printable } from "../../formats/moveIn/names";
import type { Table } from "../page/page";
import type { Verdict } from "./comparison";
import type { RehearsedFlow } from "./rehearse";

/** Maximum number of flows shown in the terminal. Pages show all flows. */
const FLOWS_MAX = 50;
/** Maximum width of a table cell's line, in characters, if the terminal has no narrower limit. */
export const SENTENCE = 50;
/** Results in display order, most severe first. Flows with the same result keep the source's order. */
const ORDER: readonly Verdict["result"][] = ["differs", "not run", "not known", "changes", "same"];

const COLOURS: Readonly<Record<Verdict["result"], (text: string) => string>> = {
  differs: pc.red,
  changes: pc.yellow,
  "not run": pc.yellow,
  "not known": pc.yellow,
  same: pc.green,
};

/** Column heads of {@link flowRow}. */
export const FLOW_HEAD = ["flow", "user", "result", "loaded", "opened", "run"];
/** Index of the colored column. */
const RESULT = FLOW_HEAD.indexOf("result");
/** Column heads of {@link textsRow}. */
export const TEXTS_HEAD = ["flow", "old version", "new version"];

/** Number of flows for each result. */
export type Counts = Readonly<Record<Verdict["result"], number>>;

export function countsOf(flows: readonly Pick<RehearsedFlow, "result">[]): Counts {
  const count = (result: Verdict["result"]) => flows.filter((flow) => flow.result === result).length;
  return {
    same: count("same"),
    changes: count("changes"),
    differs: count("differs"),
    "not run": count("not run"),
    "not known": count("not known"),
  };
}

/** What the rehearsal prepares. */
type Rehearsed = "move" | "upgrade";

const words = (of: Rehearsed): Readonly<Record<Verdict["result"], string>> => ({
  differs: `differ: check them before the ${of}`,
  changes: `change, but do not block the ${of}`,
  "not run": "not run: they need something that this machine lacks, or an external service",
  "not known": "not known: no answer to compare with",
  same: "the same",
});

/** Returns the number of flows and an explanation for each result that occurs. */
const countsInWords = (counts: Counts, of: Rehearsed): [count: number, words: string][] =>
  ORDER.filter((result) => counts[result] > 0).map((result) => [counts[result], words(of)[result]]);

/** Returns the counts as lines for a terminal, below the flows that {@link shownOf} selects. */
export const countLines = (counts: Counts, of: Rehearsed, others: number): string[] => [
  ...(others > 0 ? [`and ${others} others: use --out or --json to list all`, ""] : []),
  ...countsInWords(counts, of).map(([count, said]) => `${count} ${said}`),
];

/** Returns the counts as facts for the head of a page. */
export const countFacts = (counts: Counts, of: Rehearsed): [name: string, value: string][] =>
  countsInWords(counts, of).map(([count, said]) => [`${count} ${count === 1 ? "flow" : "flows"}`, said]);

/** Note below the table of flows. */
export const DOUBLES_NOTE = "Both versions use fake models, which give the same answer to the same question.";

/** Returns the table of the differing texts for a page. @param rows rows of {@link textsRow} */
export const textsTable = (rows: string[][]): Table => ({
  title: "Answers, from the first difference",
  head: TEXTS_HEAD,
  right: [],
  rows,
});

export const inOrder = <F extends RehearsedFlow>(flows: readonly F[]): F[] =>
  flows.toSorted((one, other) => ORDER.indexOf(one.result) - ORDER.indexOf(other.result));

/** Selects the flows that a terminal shows: those that are not the same. */
export function shownOf<F extends RehearsedFlow>(flows: readonly F[]): { shown: F[]; others: number } {
  const told = inOrder(flows).filter(({ result }) => result !== "same");
  return { shown: told.slice(0, FLOWS_MAX), others: Math.max(0, told.length - FLOWS_MAX) };
}

export function flowRow({ name, user, result, loaded, opened, run }: RehearsedFlow): string[] {
  return [printable(name), printable(user ?? "–"), result, sentence(loaded), sentence(opened), sentence(run)];
}

/** Colors a row of {@link flowRow} for a terminal. */
export const colouredRow = (row: readonly string[], { result }: RehearsedFlow): string[] =>
  row.map((cell, column) => (column === RESULT ? COLOURS[result](cell) : cell));

export const sentence = ({ result, said }: Verdict): string => onOneLine(said === "" ? result : `${result}: ${said}`);

export const hasTexts = ({ old, new: now }: Verdict): boolean => old !== undefined || now !== undefined;

export const textsRow = (name: string, verdict: Verdict): string[] => [
  printable(name),
  onOneLine(verdict.old ?? "unknown"),
  onOneLine(verdict.new ?? ""),
];

export const onOneLine = (text: string): string => printable(text.replaceAll(/\s+/g, " "));
