import pc from "picocolors";
import { printable } from "../../formats/moveIn/names";
import { LANGFLOW_RELEASE } from "../../model/langflow";
import { table } from "../terminal/table";
import { sizeIn } from "./byteSize";
import type { MoveInFinding } from "./findings";
import { bytesOf, type Inventory, type SourceFlow, userCounts } from "./inventory";
import { releaseOf } from "./releases";
import type { FittingSize } from "./size";

/** Maximum number of users with their own line in the table of flows. The remaining users share one line. */
const USERS_MAX = 20;
/** Maximum width of a table cell's line, in characters, if the terminal has no narrower limit. */
const SENTENCE = 60;

const COLOURS: Readonly<Record<MoveInFinding["result"], (text: string) => string>> = {
  stops: pc.red,
  stays: pc.yellow,
  changes: pc.yellow,
};

/** Lists the source's contents, the findings and the fitting size, for people. */
export function inspectionReport(
  inventory: Inventory,
  findings: readonly MoveInFinding[],
  { size, because, beside }: FittingSize,
): string[] {
  const { kind, place } = inventory.source;
  return [
    `${kind} ${place}: LangFlow ${releaseOf(inventory).said}; the fleet's is ${LANGFLOW_RELEASE}`,
    "",
    table(["data", "count", "size", "details"], countRows(inventory), { sentence: SENTENCE }),
    ...flowTable(inventory),
    ...findingTable(findings),
    `recommended size: ${size}, for ${because}${beside ? `; ${beside}` : ""} (docs/move-in.md)`,
    ...inventory.unseen.map((sentence) => `not visible: ${sentence}`),
  ];
}

function countRows(inventory: Inventory): string[][] {
  const { users, projects, flows, starters, variables, apiKeys, messages, files, knowledgeBases, schedules } =
    inventory;
  const count = (value: number | undefined) => (value === undefined ? "not known" : `${value}`);
  const row = (what: string, value: number | undefined, bytes?: number, ofThem = "–") => [
    what,
    count(value),
    bytes === undefined ? "–" : sizeIn(bytes),
    ofThem,
  ];
  const counts = users && userCounts(users);
  return [
    row("users", counts?.count, undefined, counts && `superusers: ${counts.superusers}, inactive: ${counts.inactive}`),
    row("projects", projects),
    row("flows", flows.length, bytesOf(flows), biggest(flows)),
    row("starter flows", starters, undefined, starters ? "LangFlow's own, which every release recreates" : undefined),
    row(
      "variables",
      variables && variables.credential + variables.generic,
      undefined,
      variables && `credential: ${variables.credential}, generic: ${variables.generic}`,
    ),
    row("API keys", apiKeys),
    row("messages", messages?.count, messages?.bytes),
    row("files", files?.count, files?.bytes),
    row("knowledge bases", knowledgeBases),
    row("schedules", schedules),
    ["the database", "–", inventory.databaseBytes === undefined ? "not known" : sizeIn(inventory.databaseBytes), "–"],
  ];
}

function biggest(flows: readonly SourceFlow[]): string | undefined {
  const [first] = flows.toSorted((one, other) => other.bytes - one.bytes);
  return first && `largest: ${printable(first.name)}, ${sizeIn(first.bytes)}`;
}

/**
 * Returns the number and size of flows by user, largest size first. Includes only users whose flows the source shows.
 */
export function flowsByUser({ users, flows, flowsOf }: Inventory): { user: string; flows: number; bytes: number }[] {
  return (users ?? [])
    .filter(({ id }) => flowsOf?.includes(id) ?? true)
    .map(({ id, name }) => {
      const own = flows.filter(({ owner }) => owner === id);
      return { user: name, flows: own.length, bytes: bytesOf(own) };
    })
    .sort((one, other) => other.bytes - one.bytes || (one.user < other.user ? -1 : 1));
}

function flowTable(inventory: Inventory): string[] {
  const all = flowsByUser(inventory);
  if (all.length === 0) return [];
  const others = all.slice(USERS_MAX);
  const rows = all.slice(0, USERS_MAX).map(({ user, flows, bytes }) => [printable(user), `${flows}`, sizeIn(bytes)]);
  if (others.length > 0) {
    const sum = (of: "flows" | "bytes") => others.reduce((total, each) => total + each[of], 0);
    rows.push([`${others.length} others`, `${sum("flows")}`, sizeIn(sum("bytes"))]);
  }
  return [table(["user", "flows", "size"], rows)];
}

function findingTable(findings: readonly MoveInFinding[]): string[] {
  if (findings.length === 0) return [pc.green("everything can be imported")];
  const rows = findings.map(({ result, what, count, which, because, fix }) => [
    COLOURS[result](result),
    what,
    `${count}`,
    which.join("; ") + (count > which.length && !what.startsWith("rows") ? "; …" : ""),
    because,
    fix,
  ]);
  return [table(["result", "finding", "count", "rows", "reason", "fix"], rows, { sentence: SENTENCE })];
}
