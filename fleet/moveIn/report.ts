import { LANGFLOW_RELEASE } from "../../model/langflow";
import { amount, type Cell, chapter, type Report, type Tone, toned } from "../report/report";
import { sizeIn } from "./byteSize";
import type { MoveInFinding } from "./findings";
import { bytesOf, type Inventory, type SourceFlow, userCounts } from "./inventory";
import { namesOf } from "./namedRows";
import { releaseOf } from "./releases";
import type { FittingSize } from "./size";

/** Maximum number of users with their own line in the table of flows. The remaining users share one line. */
const USERS_MAX = 20;

const TONES: Readonly<Record<MoveInFinding["result"], Tone>> = { stops: "bad", stays: "warning", changes: "warning" };

/** Returns the source's contents, the findings and the fitting size for people. */
export function inspectionReport(
  inventory: Inventory,
  findings: readonly MoveInFinding[],
  { size, because, beside }: FittingSize,
): Report {
  const { kind, place } = inventory.source;
  const isStopped = findings.some(({ result }) => result === "stops");
  return {
    title: "Inspection",
    verdict:
      findings.length === 0
        ? toned("good", "everything can be imported")
        : toned(isStopped ? "bad" : "warning", findings.length === 1 ? "1 finding" : `${findings.length} findings`),
    facts: {
      source: `${kind} ${place}`,
      LangFlow: `${releaseOf(inventory).said}; the fleet's is ${LANGFLOW_RELEASE}`,
      "recommended size": `${size}, for ${because}${beside ? `; ${beside}` : ""} (docs/move-in.md)`,
      "not visible": { lines: inventory.unseen },
    },
    chapters: [
      { title: "Contents", head: ["data", "count", "size", "details"], rows: countRows(inventory) },
      chapter("Flows by user", withOthers(flowsByUser(inventory)), {
        user: "user",
        flows: "flows",
        size: ({ bytes }) => amount(sizeIn(bytes)),
      }),
      chapter("Findings", findings, {
        result: ({ result }) => toned(TONES[result], result),
        finding: "what",
        count: "count",
        rows: (each) => (each.what.startsWith("rows") ? each.which.join("; ") : namesOf(each)),
        reason: "because",
        fix: "fix",
      }),
    ],
  };
}

function countRows(inventory: Inventory): Cell[][] {
  const { users, projects, flows, starters, variables, apiKeys, messages, files, knowledgeBases, schedules } =
    inventory;
  const row = (what: string, value: number | undefined, bytes?: number, ofThem?: string): Cell[] => [
    what,
    value ?? amount("not known"),
    bytes === undefined ? undefined : amount(sizeIn(bytes)),
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
    [
      "the database",
      undefined,
      inventory.databaseBytes === undefined ? "not known" : amount(sizeIn(inventory.databaseBytes)),
      undefined,
    ],
  ];
}

function biggest(flows: readonly SourceFlow[]): string | undefined {
  const [first] = flows.toSorted((one, other) => other.bytes - one.bytes);
  return first && `largest: ${first.name}, ${sizeIn(first.bytes)}`;
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

function withOthers(all: ReturnType<typeof flowsByUser>): ReturnType<typeof flowsByUser> {
  const others = all.slice(USERS_MAX);
  if (others.length === 0) return all;
  const sum = (of: "flows" | "bytes") => others.reduce((total, each) => total + each[of], 0);
  return [...all.slice(0, USERS_MAX), { user: `${others.length} others`, flows: sum("flows"), bytes: sum("bytes") }];
}
