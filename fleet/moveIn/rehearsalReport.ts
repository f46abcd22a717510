import { chapter, pageHtml } from "../page/page";
import {
  colouredRow,
  countFacts,
  countLines,
  DOUBLES_NOTE,
  FLOW_HEAD,
  flowRow,
  hasTexts,
  inOrder,
  SENTENCE,
  shownOf,
  TEXTS_HEAD,
  textsRow,
  textsTable,
} from "../rehearsal/flowTables";
import { table } from "../terminal/table";
import type { Rehearsal } from "./rehearsal";

/** Lists the flows that differ, with the differences, and the number of flows for each result, for people. */
export function rehearsalReport(rehearsal: Rehearsal): string[] {
  const { shown, others } = shownOf(rehearsal.flows);
  const rows = shown.map((flow) => colouredRow(flowRow(flow), flow));
  const apart = shown.filter(({ run }) => hasTexts(run)).map(({ name, run }) => textsRow(name, run));
  return [
    resultOf(rehearsal),
    "",
    ...(rows.length > 0 ? [table(FLOW_HEAD, rows, { sentence: SENTENCE })] : []),
    ...(apart.length > 0 ? [table(TEXTS_HEAD, apart, { sentence: SENTENCE })] : []),
    ...countLines(rehearsal.counts, "move", others),
  ];
}

/** Renders the report as one self-contained HTML file. @param date day in ISO 8601, such as 2026-11-29 */
export function rehearsalPage(rehearsal: Rehearsal, date: string): string {
  const flows = inOrder(rehearsal.flows);
  const { releases, source } = rehearsal;
  const head = {
    title: "Migration rehearsal",
    date,
    isGood: rehearsal.counts.differs === 0,
    result: resultOf(rehearsal),
    facts: [
      ["From", `${source.kind} ${source.place}`],
      ["Old", releases.old === undefined ? "none to compare with" : `LangFlow ${releases.old}`],
      ["New", `LangFlow ${releases.new}`],
      ["On", date],
      ...countFacts(rehearsal.counts, "move"),
    ] as [string, string][],
  };
  return pageHtml(head, [
    chapter({
      title: "Flows",
      head: FLOW_HEAD,
      right: [],
      rows: flows.map(flowRow),
      note: DOUBLES_NOTE,
    }),
    chapter(textsTable(flows.filter(({ run }) => hasTexts(run)).map(({ name, run }) => textsRow(name, run)))),
  ]);
}

function resultOf({ flows, counts, releases: { old } }: Rehearsal): string {
  const all = `${flows.length} ${flows.length === 1 ? "flow" : "flows"}`;
  if (counts.differs > 0) return `${counts.differs} of ${all} ${counts.differs === 1 ? "differs" : "differ"}`;
  return old === undefined
    ? `${all}: not compared, because the old LangFlow did not run`
    : `no blocking difference in ${all}`;
}
