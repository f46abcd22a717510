import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { archive } from "../../../fleet/drill/report/archive";
import { drill } from "../../../fleet/handlers/drill";
import type { DrillOptions } from "../../../fleet/verbs/drill";
import { ExitCode } from "../../../model/errors";
import { sampleSeries } from "../drill/series/sampleSeries";

describe("drill --series --from", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "series-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function told(given: Partial<DrillOptions> = {}) {
    const lines: string[] = [];
    const spy = jest.spyOn(process.stdout, "write").mockImplementation((text) => {
      lines.push(String(text));
      return true;
    });
    try {
      const options = { series: true, from: folder, json: true, restore: false, signal: new AbortController().signal };
      const exitCode = await drill({ ...options, ...given } as DrillOptions);
      return { exitCode, said: lines.join("") };
    } finally {
      spy.mockRestore();
    }
  }

  it("makes one page of the reports that are there, and drills nothing; exit 12 where one missed", async () => {
    for (const each of sampleSeries()) await archive(folder, each);
    const { exitCode, said } = await told();
    expect(exitCode).toBe(ExitCode.TargetMissed);
    const document = JSON.parse(said);
    expect(document).toMatchObject({ verb: "drill", exitCode, missed: [{ id: "drill-3" }], unmade: [] });
    expect(document.page).toBe(join(folder, "series.html"));
    expect(existsSync(document.page)).toBe(true);
    expect((await told({ json: false })).said).toMatch(/region +active-active +RTO +2 \+ 1 /);
  });

  it("is met where all are: exit 0", async () => {
    const [first] = sampleSeries();
    if (first) await archive(folder, first);
    expect((await told()).exitCode).toBe(ExitCode.Success);
  });

  it.each<[string, Partial<DrillOptions>, RegExp]>([
    ["a folder without reports", {}, /holds no report of a drill in a year's folder$/],
    ["a series that puts back", { restore: true }, /^--series and --restore exclude each other/],
    ["a folder without a series", { series: false }, /^--from is for --series alone/],
  ])("takes not %s: exit 2, and how to mend it", async (_, given, message) => {
    await expect(told(given)).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(message),
    });
  });
});
