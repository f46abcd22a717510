import pc from "picocolors";
import { ExitCode } from "../../../model/errors";
import { table } from "../../terminal/table";
import { sizeIn } from "../byteSize";
import { endOfImport, importReport } from "../importing/importReport";
import type { Difference } from "./compareRegion";
import type { Trial } from "./trial";

/** Maximum width of a table cell's line, in characters, if the terminal has no narrower limit. */
const SENTENCE = 60;

/**
 * Returns Disproved if the import failed its checks, or if a user would see an unexpected difference from the source.
 */
export function endOfTrial({ imported, compared }: Trial): ExitCode {
  const isApart = compared.some(({ differences }) => differences.some(({ isForeseen }) => !isForeseen));
  return isApart ? ExitCode.Disproved : endOfImport(imported);
}

/**
 * Lists the import's results, what each region's users saw after LangFlow's restart, and the differences, for people.
 */
export function trialReport(region: string, { imported, compared }: Trial): string[] {
  const differences = compared.flatMap((each) => each.differences);
  const alike = new Map<string, Difference[]>();
  for (const each of differences) {
    const key = JSON.stringify([each.user, each.what, each.said]);
    alike.set(key, [...(alike.get(key) ?? []), each]);
  }
  return [
    ...importReport(region, imported),
    "",
    ...(compared.length === 0 ? [pc.red("LangFlow was not restarted, because the import is incomplete")] : []),
    ...compared.map(({ shown }) => `${shown.region}, after the restart: ${shownInWords(shown)}`),
    ...(differences.length === 0
      ? []
      : [
          table(
            ["user", "object", "difference", "regions"],
            [...alike.values()].map((some) => {
              const [{ user = "", what = "", said = "", isForeseen = false } = {}] = some;
              return [user, what, (isForeseen ? pc.yellow : pc.red)(said), some.map(({ region: at }) => at).join(", ")];
            }),
            { sentence: SENTENCE },
          ),
        ]),
  ];
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
