import { ExitCode } from "../../../model/errors";
import { chapter, graded, type Report, toned } from "../../report/report";
import { sizeIn } from "../byteSize";
import { endOfImport, importReport } from "../importing/importReport";
import type { Difference } from "./compareRegion";
import type { Trial } from "./trial";

/**
 * Returns Disproved if the import failed its checks, or if a user would see an unexpected difference from the source.
 */
export function endOfTrial({ imported, compared }: Trial): ExitCode {
  const isApart = compared.some(({ differences }) => differences.some(({ isForeseen }) => !isForeseen));
  return isApart ? ExitCode.Disproved : endOfImport(imported);
}

/** Returns the import's results, what each region's users saw after LangFlow's restart, and the differences. */
export function trialReport(region: string, { imported, compared }: Trial): Report {
  const { facts, chapters, ...report } = importReport(region, imported);
  const differences = compared.flatMap((each) => each.differences);
  const unforeseen = differences.filter(({ isForeseen }) => !isForeseen).length;
  const alike = new Map<string, Difference & { regions: string }>();
  for (const each of differences) {
    const key = JSON.stringify([each.user, each.what, each.said]);
    const before = alike.get(key);
    alike.set(key, { ...(before ?? each), regions: before ? `${before.regions}, ${each.region}` : each.region });
  }
  const counted = `${unforeseen} unexpected ${unforeseen === 1 ? "difference" : "differences"}`;
  return {
    title: compared.length === 0 ? report.title : "Trial",
    verdict:
      compared.length === 0
        ? toned("bad", "LangFlow was not restarted, because the import is incomplete")
        : graded(unforeseen === 0, "users see what they saw in the source", counted),
    facts: {
      ...facts,
      ...Object.fromEntries(compared.map(({ shown }) => [`${shown.region}, after the restart`, shownInWords(shown)])),
    },
    chapters: [
      ...chapters,
      chapter("Differences from the source", [...alike.values()], {
        user: "user",
        object: "what",
        difference: ({ isForeseen, said }) => toned(isForeseen ? "warning" : "bad", said),
        regions: "regions",
      }),
    ],
  };
}

function shownInWords({
  users,
  flows,
  variables,
  chats,
  files,
  fileBytes,
  mcpServers,
}: Trial["compared"][number]["shown"]) {
  return [
    `${users} users signed in`,
    `${flows} flows compared`,
    `${variables} variables`,
    `${chats} chats`,
    `${files} files read (${sizeIn(fileBytes)})`,
    `${mcpServers} MCP servers`,
  ].join(", ");
}
