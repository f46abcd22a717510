import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FleetLacks } from "../../../../fleet/drill/drill";
import { FAULTS, type Fault } from "../../../../fleet/drill/faults";
import { archive } from "../../../../fleet/drill/report/archive";
import { drill } from "../../../../fleet/verbs/drill/handler";
import { drillSeries } from "../../../../fleet/verbs/drill/series";
import type { DrillOptions } from "../../../../fleet/verbs/drill/verb";
import { ExitCode, UserError } from "../../../../model/errors";
import { sampleReport } from "../../drill/sampleReport";
import { sampleSeries } from "../../drill/series/sampleSeries";

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
      const options = { series: true, from: folder, json: true, restore: false, rounds: 1, load: 1 };
      const exitCode = await drill({ ...options, signal: new AbortController().signal, ...given } as DrillOptions);
      return { exitCode, said: lines.join("") };
    } finally {
      spy.mockRestore();
    }
  }

  it("writes one page for existing reports without drilling, and exits with code 12 after a miss", async () => {
    for (const each of sampleSeries()) await archive(folder, each);
    const { exitCode, said } = await told();
    expect(exitCode).toBe(ExitCode.TargetMissed);
    const document = JSON.parse(said);
    expect(document).toMatchObject({ verb: "drill", exitCode, missed: [{ id: "drill-3" }], unmade: [] });
    expect(document.page).toBe(join(folder, "series.html"));
    expect(existsSync(document.page)).toBe(true);
    expect((await told({ json: false })).said).toMatch(/region +active-active +RTO +2 \+ 1 /);
  });

  it("exits with code 0 if all drills met their targets", async () => {
    const [first] = sampleSeries();
    if (first) await archive(folder, first);
    expect((await told()).exitCode).toBe(ExitCode.Success);
  });

  it.each<[string, Partial<DrillOptions>, RegExp]>([
    ["a folder without reports", {}, /^no drill report in .*folders by year/],
    ["a series with --restore", { restore: true }, /^--series and --restore exclude each other/],
    ["a folder of reports without --series", { series: false }, /^--from needs --series/],
    ["--rounds without --series", { series: false, from: undefined, rounds: 2 }, /^--rounds needs --series/],
    ["a series with a single fault", { fault: "git" }, /^--series runs every fault/],
    ["a series with the default fault", { fault: "region" }, /^--series runs every fault/],
    ["--rounds with --from", { rounds: 2 }, /^--from runs no drill: omit --rounds$/],
    ["a series with --hold", { hold: 60 }, /omit --hold$/],
    ["a series with --load", { load: 2 }, /omit --load$/],
  ])("rejects %s with exit code 2 and explains the fix", async (_, given, message) => {
    await expect(told(given)).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(message),
    });
  });
});

describe("drill --series", () => {
  const ROOT = join(__dirname, "../../../..");
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "series-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Runs a series with these options. @param one runs a drill of a fault, or throws */
  async function series(one: (fault: Fault) => ExitCode | Promise<ExitCode>, given: Partial<DrillOptions> = {}) {
    const written = { stdout: "", stderr: "" };
    const spies = (["stdout", "stderr"] as const).map((stream) =>
      jest.spyOn(process[stream], "write").mockImplementation((text) => {
        written[stream] += text;
        return true;
      }),
    );
    const drilled: Fault[] = [];
    const options = {
      project: ROOT,
      local: true,
      region: "us-east",
      reports: folder,
      json: true,
      rounds: 1,
      steady: 20,
    };
    const { signal } = new AbortController();
    try {
      const asked = { ...options, load: 1, abortAbove: 20, signal, ...given } as DrillOptions;
      const exitCode = await drillSeries(asked, async ({ fault }) => {
        drilled.push(fault as Fault);
        return one(fault as Fault);
      });
      const document = written.stdout === "" ? undefined : JSON.parse(written.stdout);
      return { exitCode, drilled, document, progress: written.stderr };
    } finally {
      for (const each of spies) each.mockRestore();
    }
  }

  /** Simulates a drill that met its targets. Only the drill of `pool` writes a report. */
  async function met(fault: Fault): Promise<ExitCode> {
    if (fault === "pool")
      await archive(folder, sampleReport({ id: `drill-${fault}`, local: true, region: "us-east", fault }));
    return ExitCode.Success;
  }
  const throwing =
    (error: Error, ...of: readonly Fault[]) =>
    (fault: Fault) => {
      if (of.includes(fault)) throw error;
      return met(fault);
    };
  const line = (said: string, fault: string) => said.split("\n").filter((each) => each.startsWith(`${fault} was not`));

  it("continues after a failed drill, lists that drill on its page, and exits with code 12", async () => {
    const error = new Error("the supervisor\nanswered 500");
    const { exitCode, drilled, document, progress } = await series(throwing(error, "git"));
    expect(drilled).toEqual(FAULTS);
    expect(exitCode).toBe(ExitCode.TargetMissed);
    expect(document.unmade).toEqual([{ fault: "git", because: "the supervisor answered 500", hasFailed: true }]);
    expect(line(progress, "git")).toEqual(["git was not drilled: the supervisor answered 500"]);
    const page = readFileSync(document.page, "utf8");
    expect(page).toContain("Failed to run: git: the supervisor answered 500; met: all ");
    expect(page).not.toMatch(/Met: all \d+ drill/);
  });

  it("tries a fault that the fleet does not support only once, skips it in later rounds, and still exits with code 0", async () => {
    const error = new FleetLacks("one pod", ExitCode.Refused);
    const { exitCode, drilled, document } = await series(throwing(error, "half"), { rounds: 2 });
    expect(drilled.filter((each) => each === "half")).toHaveLength(1);
    expect(drilled).toHaveLength(2 * (FAULTS.length - 1) + 1);
    expect([exitCode, document.unmade]).toEqual([
      ExitCode.Success,
      [{ fault: "half", because: "one pod", hasFailed: false }],
    ]);
    const page = readFileSync(document.page, "utf8");
    expect(page).toMatch(/Met: all \d+ drill/);
    expect(page).toContain("half: one pod");
  });

  it("exits with code 12 and explains the missing page if no drill succeeded", async () => {
    const { exitCode, document, progress } = await series(throwing(new Error("no fleet"), ...FAULTS));
    expect(exitCode).toBe(ExitCode.TargetMissed);
    expect(document.unmade).toHaveLength(FAULTS.length);
    expect(document.page).toBeUndefined();
    expect(line(progress, "region")).toEqual(["region was not drilled: no fleet"]);
  });

  it.each([
    ["a signal", new Error("cut off")],
    ["Ctrl-C at a prompt, which sends no signal", new UserError("\ninterrupted", ExitCode.Cancelled)],
  ])("stops after the first drill on %s, and exits with code 8", async (_, error) => {
    const ended = new AbortController();
    const { exitCode, drilled, document } = await series(
      () => {
        if (!(error instanceof UserError)) ended.abort();
        throw error;
      },
      { signal: ended.signal },
    );
    expect([exitCode, drilled]).toEqual([ExitCode.Cancelled, FAULTS.slice(0, 1)]);
    expect(document.unmade).toMatchObject([{ hasFailed: false }]);
  });
});
