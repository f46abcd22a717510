import { stripVTControlCharacters } from "node:util";
import type { Difference } from "../../../../fleet/moveIn/trial/compareRegion";
import type { Trial } from "../../../../fleet/moveIn/trial/trial";
import { endOfTrial, trialReport } from "../../../../fleet/moveIn/trial/trialReport";
import { terminalLines } from "../../../../fleet/report/terminal";
import { tryIn } from "../../../../fleet/verbs/moveIn/handler";
import { ExitCode } from "../../../../model/errors";

const imported: Trial["imported"] = {
  source: { kind: "SQLite file", place: "/srv/langflow.db" },
  tables: [],
  milliseconds: { reading: 1, migrating: 1, carrying: 1 },
  agreement: { agreed: ["eu-west"], disagreements: [], unread: [] },
};
const shown = { users: 2, flows: 3, variables: 4, chats: 5, files: 6, fileBytes: 2048, mcpServers: 7 };
const difference = (region: string, given: Partial<Difference> = {}): Difference => ({
  region,
  user: "bea",
  what: "flow Plain",
  said: "does not open: it is broken",
  isForeseen: false,
  ...given,
});
const trial = (...differences: Difference[]): Trial => ({
  imported,
  compared: ["eu-west", "us-east"].map((region) => ({
    shown: { region, ...shown },
    differences: differences.filter((each) => each.region === region),
  })),
});
const linesOf = (of: Trial) =>
  stripVTControlCharacters(terminalLines(trialReport("us-east", of)).join("\n")).split("\n");

describe("a trial", () => {
  it("succeeds with no or only expected differences, and reports what each region showed", () => {
    const foreseen = trial(difference("eu-west", { isForeseen: true }));
    expect([endOfTrial(trial()), endOfTrial(foreseen)]).toEqual([ExitCode.Success, ExitCode.Success]);
    expect(linesOf(trial())).toContain(
      "eu-west, after the restart  2 users signed in, 3 flows compared, 4 variables, 5 chats, 6 files read (2.0 KiB), 7 MCP servers",
    );
  });

  it("fails because of a single difference, and lists a difference once with all its regions", () => {
    const found = trial(difference("eu-west"), difference("us-east"), difference("us-east", { user: "cem" }));
    expect(endOfTrial(found)).toBe(ExitCode.Disproved);
    const rows = linesOf(found).filter((line) => line.includes("does not open"));
    expect(rows.map((line) => line.replaceAll(/ {2,}/g, " | "))).toEqual([
      "bea | flow Plain | does not open: it is broken | eu-west, us-east",
      "cem | flow Plain | does not open: it is broken | us-east",
    ]);
  });

  it("fails without restarting LangFlow if the import is incomplete", () => {
    const unread = [{ region: "eu-west", because: "it did not answer" }];
    const lacking: Trial = {
      imported: { ...imported, agreement: { agreed: [], disagreements: [], unread } },
      compared: [],
    };
    expect(endOfTrial(lacking)).toBe(ExitCode.Disproved);
    expect(linesOf(lacking)).toContain("Import: LangFlow was not restarted, because the import is incomplete");
  });

  it("is rejected with exit code 2 outside of a local fleet", async () => {
    const asked = {
      from: "/srv/langflow",
      config: undefined,
      region: "us-east",
      withoutSecrets: false,
      damaged: false,
    };
    const { signal } = new AbortController();
    const options = { ...asked, wait: 0, local: false, json: false, project: "", directory: "", signal };
    await expect(tryIn(options)).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(/add --local and a separate --directory$/),
    });
  });
});
