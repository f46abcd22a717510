import pc from "picocolors";
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
  onOneLine,
  SENTENCE,
  sentence,
  shownOf,
  TEXTS_HEAD,
  textsRow,
  textsTable,
} from "../rehearsal/flowTables";
import { table } from "../terminal/table";
import type { Step } from "./steps";
import { mayUpgrade, type UpgradedFlow, type UpgradeRehearsal } from "./upgradeRehearsal";

const STEP_HEAD = ["step", "result", "seconds", "details"];
const HEAD = [...FLOW_HEAD, "old, migrated"];
const COLOURS: Readonly<Record<Step["result"], (text: string) => string>> = {
  passed: pc.green,
  warning: pc.yellow,
  failed: pc.red,
};

/** Lists each step, the flows that differ, and the number of flows for each result, for people. */
export function upgradeReport(rehearsal: UpgradeRehearsal): string[] {
  const { steps, flows, counts } = rehearsal;
  const { shown, others } = shownOf(flows);
  const rows = shown.map((flow) => colouredRow(rowOf(flow), flow));
  const apart = textsOf(shown);
  const done = steps.map((step) => stepRow(step).map((cell, at) => (at === 1 ? COLOURS[step.result](cell) : cell)));
  return [
    resultOf(rehearsal),
    "",
    table(STEP_HEAD, done, { sentence: SENTENCE }),
    ...(rows.length > 0 ? [table(HEAD, rows, { sentence: SENTENCE })] : []),
    ...(apart.length > 0 ? [table(TEXTS_HEAD, apart, { sentence: SENTENCE })] : []),
    ...countLines(counts, "upgrade", others),
  ];
}

/** Renders the report as one self-contained HTML file. @param date day in ISO 8601, such as 2026-11-29 */
export function upgradePage(rehearsal: UpgradeRehearsal, date: string): string {
  const { region, backup, releases, steps, counts, seconds } = rehearsal;
  const flows = inOrder(rehearsal.flows);
  const head = {
    title: "Upgrade rehearsal",
    date,
    isGood: mayUpgrade(rehearsal),
    result: resultOf(rehearsal),
    facts: [
      ["Region", region],
      ["Backup", `${backup.id}, of LangFlow ${backup.langflowVersion}`],
      ["Old", releases.old === undefined ? "none to compare with" : `LangFlow ${releases.old}`],
      ["New", releases.new === undefined ? "did not start" : `LangFlow ${releases.new}`],
      ["On", `${date}, in ${seconds} s`],
      ...countFacts(counts, "upgrade"),
    ] as [string, string][],
  };
  return pageHtml(head, [
    chapter({
      title: "Steps",
      head: STEP_HEAD,
      right: [2],
      rows: steps.map(stepRow),
      note: "The rehearsal used a temporary database; the region was not changed.",
    }),
    chapter({
      title: "Flows",
      head: HEAD,
      right: [],
      rows: flows.map(rowOf),
      note: `${DOUBLES_NOTE} The last column is the old LangFlow on the migrated database, compared with its answer before the migration.`,
    }),
    chapter(textsTable(textsOf(flows))),
  ]);
}

function resultOf(rehearsal: UpgradeRehearsal): string {
  const { steps, flows, counts } = rehearsal;
  const [stopped] = steps.filter(({ result }) => result === "failed");
  if (stopped) return `no: ${stopped.name}: ${onOneLine(stopped.said)}`;
  if (counts.differs > 0)
    return `no: ${counts.differs} of ${flows.length} flows ${counts.differs === 1 ? "differs" : "differ"}`;
  const warnings = steps.filter(({ result }) => result === "warning").length;
  const known = warnings === 0 ? "" : `; ${warnings} ${warnings === 1 ? "warning" : "warnings"}`;
  return `yes: no blocking difference in ${flows.length} ${flows.length === 1 ? "flow" : "flows"}${known}`;
}

const stepRow = ({ name, result, seconds, said }: Step): string[] => [name, result, `${seconds}`, onOneLine(said)];

const rowOf = (flow: UpgradedFlow): string[] => [
  ...flowRow(flow.from === "starter" ? { ...flow, user: "starter flow" } : flow),
  flow.oldAfter ? sentence(flow.oldAfter) : "–",
];

const textsOf = (flows: readonly UpgradedFlow[]): string[][] =>
  flows.flatMap(({ name, run, oldAfter }) => [
    ...(hasTexts(run) ? [textsRow(name, run)] : []),
    ...(oldAfter && hasTexts(oldAfter) ? [textsRow(`${name}: old version, before and after`, oldAfter)] : []),
  ]);
