import pc from "picocolors";
import { groupsOf } from "../../../agent/groups";
import { ExitCode } from "../../../model/errors";
import { table } from "../../cli/table";
import { sizeIn } from "../byteSize";
import { endOfImport, importReport } from "../importing/importReport";
import type { Trial } from "./trial";

/** Characters a line of a cell where no terminal says less. */
const SENTENCE = 60;

/** Disproved where the import is, or a user would find something otherwise than in the source that nobody foresees. */
export function endOfTrial({ imported, compared }: Trial): ExitCode {
  const isApart = compared.some(({ differences }) => differences.some(({ isForeseen }) => !isForeseen));
  return isApart ? ExitCode.Disproved : endOfImport(imported);
}

/** For people: the import, what each region's users found after LangFlow's restart, and what differs. */
export function trialReport(region: string, { imported, compared }: Trial): string[] {
  const differences = compared.flatMap((each) => each.differences);
  const byUser = groupsOf(differences, ({ user, what, said }) => JSON.stringify([user, what, said]));
  return [
    ...importReport(region, imported),
    "",
    ...(compared.length === 0 ? [pc.red("LangFlow was not started again, as the import lacks something")] : []),
    ...compared.map(({ shown }) => `${shown.region}, started again: ${shownInWords(shown)}`),
    ...(differences.length === 0
      ? []
      : [
          table(
            ["user", "what", "differs in", "regions"],
            [...byUser].map(([, alike]) => {
              const [{ user = "", what = "", said = "", isForeseen = false } = {}] = alike;
              const regions = alike.map((each) => each.region).join(", ");
              return [user, what, (isForeseen ? pc.yellow : pc.red)(said), regions];
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
    `${flows} flows looked at`,
    `${variables} variables`,
    `${chats} chats`,
    `${files} files read (${sizeIn(fileBytes)})`,
    `${mcpServers} MCP servers`,
  ].join(", ");
}
