import pc from "picocolors";
import { printable } from "../../../agent/moveIn/names";
import { table } from "../../cli/table";
import { chapter, pageHtml } from "../../page/page";
import type { Verdict } from "./comparison";
import type { Rehearsal } from "./rehearsal";
import type { RehearsedFlow } from "./rehearse";

/** Flows that the terminal has a line for; the page has all. */
const FLOWS_MAX = 50;
/** Characters a line of a cell where no terminal says less. */
const SENTENCE = 50;
const HEAD = ["flow", "user", "result", "loaded", "opened", "run"];
/** From what stops on; flows of one result stay in the source's order. */
const ORDER: readonly Verdict["result"][] = ["differs", "not run", "not known", "changes", "same"];
const WORDS: Readonly<Record<Verdict["result"], string>> = {
  differs: "differ: look at them before the move",
  changes: "change, and need not stop the move",
  "not run": "not run: what they need is not on this machine, or must not be called",
  "not known": "not known: there is nothing to compare with",
  same: "the same",
};

const COLOURS: Readonly<Record<Verdict["result"], (text: string) => string>> = {
  differs: pc.red,
  changes: pc.yellow,
  "not run": pc.yellow,
  "not known": pc.yellow,
  same: pc.green,
};

/** For people: what is not the same, what differs in it, and how many there are of each. */
export function rehearsalReport(rehearsal: Rehearsal): string[] {
  const told = inOrder(rehearsal.flows).filter(({ result }) => result !== "same");
  const shown = told.slice(0, FLOWS_MAX);
  const rows = shown.map((flow) =>
    rowOf(flow).map((cell, column) => (column === 2 ? COLOURS[flow.result](cell) : cell)),
  );
  const apart = shown.filter(({ run }) => hasTexts(run)).map(textsRow);
  return [
    resultOf(rehearsal),
    "",
    ...(rows.length > 0 ? [table(HEAD, rows, { sentence: SENTENCE })] : []),
    ...(apart.length > 0 ? [table(["flow", "in the old", "in the new"], apart, { sentence: SENTENCE })] : []),
    ...(told.length > shown.length ? [`and ${told.length - shown.length} others: --out or --json has all`, ""] : []),
    ...countsOf(rehearsal).map(([count, words]) => `${count} ${words}`),
  ];
}

/** The same as a page: one file that needs no other. @param date a day, 2026-11-29 */
export function rehearsalPage(rehearsal: Rehearsal, date: string): string {
  const flows = inOrder(rehearsal.flows);
  const { releases, source } = rehearsal;
  const head = {
    title: "Rehearsal of a move",
    date,
    isGood: rehearsal.counts.differs === 0,
    result: resultOf(rehearsal),
    facts: [
      ["From", `${source.kind} ${source.place}`],
      ["Old", releases.old === undefined ? "none to compare with" : `LangFlow ${releases.old}`],
      ["New", `LangFlow ${releases.new}`],
      ["On", date],
      ...countsOf(rehearsal).map(([count, words]): [string, string] => [
        `${count} ${count === 1 ? "flow" : "flows"}`,
        words,
      ]),
    ] as [string, string][],
  };
  return pageHtml(head, [
    chapter({
      title: "Flows",
      head: HEAD,
      right: [],
      rows: flows.map(rowOf),
      note: "Components that ask a model are doubles in both: they answer the same to the same question.",
    }),
    chapter({
      title: "What they say, from where it differs",
      head: ["flow", "in the old", "in the new"],
      right: [],
      rows: flows.filter(({ run }) => hasTexts(run)).map(textsRow),
    }),
  ]);
}

function resultOf({ flows, counts, releases: { old } }: Rehearsal): string {
  const all = `${flows.length} ${flows.length === 1 ? "flow" : "flows"}`;
  if (counts.differs > 0) return `${counts.differs} of ${all} ${counts.differs === 1 ? "differs" : "differ"}`;
  return old === undefined
    ? `${all}: none was compared, as the old LangFlow is not there`
    : `no difference that stops, in ${all}`;
}

const countsOf = ({ counts }: Rehearsal): [number, string][] =>
  ORDER.filter((result) => counts[result] > 0).map((result) => [counts[result], WORDS[result]]);

const inOrder = (flows: readonly RehearsedFlow[]): RehearsedFlow[] =>
  flows.toSorted((one, other) => ORDER.indexOf(one.result) - ORDER.indexOf(other.result));

function rowOf({ name, user, result, loaded, opened, run }: RehearsedFlow): string[] {
  return [printable(name), printable(user ?? "–"), result, sentence(loaded), sentence(opened), sentence(run)];
}

const sentence = ({ result, said }: Verdict): string => onOneLine(said === "" ? result : `${result}: ${said}`);

const hasTexts = ({ old, new: now }: Verdict): boolean => old !== undefined || now !== undefined;

const textsRow = ({ name, run }: RehearsedFlow): string[] => [
  printable(name),
  onOneLine(run.old ?? "not known"),
  onOneLine(run.new ?? ""),
];

const onOneLine = (text: string): string => printable(text.replaceAll(/\s+/g, " "));
