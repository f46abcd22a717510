import { visitTable } from "../../fleet/drill/report/tables";
import { ExitCode } from "../../model/errors";
import { DrilledFleet, missed, reportOf } from "./drilledFleet";

jest.setTimeout(600_000);
// A machine that stalls makes a drill miss its time: it is run once more then, and what it missed is printed.
jest.retryTimes(1, { logErrorsBeforeRetry: true, retryImmediately: true });

describe("a drill of one part alone, on the live fleet", () => {
  const fleet = new DrilledFleet();
  beforeAll(() => fleet.begin());
  afterAll(() => fleet.remove());

  it.each([
    ["database", "LangFlow answers that it is not well"],
    ["database-failover", "the standby takes over, and LangFlow's pods go on by themselves"],
    ["slow", "every answer comes too late for the monitor and for users"],
    ["edge-api", "nobody answers, nor says what the monitor has seen"],
  ])("proves by the fault %s, where %s, that users and data come through", async (fault) => {
    const { pid } = await fleet.process("us-east", "langflow");
    const answer = await fleet.drill(fault);
    expect(missed(reportOf(answer))).toEqual([]);
    expect(answer.exitCode).toBe(ExitCode.Success);
    // Nothing but a database, a way or a word was missing: nobody had to start LangFlow again.
    expect((await fleet.process("us-east", "langflow")).pid).toBe(pid);
  });

  it.each([
    ["pool", "users are drained to the other region"],
    ["git", "regions serve on without the shared Git host, and catch up"],
    ["partition", "one region serves on cut off from it, and catches up"],
    ["replication-paused", "files wait in their region, and all of them arrive"],
  ])("proves by the fault %s that %s", async (fault) => {
    const answer = await fleet.drill(fault);
    const report = reportOf(answer);
    expect(missed(report)).toEqual([]);
    expect(answer.exitCode).toBe(ExitCode.Success);
    expect(report.convergenceSeconds).toBeDefined();
    const { faultAt, samples } = { faultAt: report.phases[1]?.at ?? 0, samples: report.samples };
    const answered = new Set(
      samples
        .filter(
          ({ at, client, ok }) =>
            ok && at > faultAt + 1_000 && at < (report.phases[4]?.at ?? 0) && client === "near us-east",
        )
        .map(({ region }) => region),
    );
    expect([...answered]).toEqual([fault === "pool" ? "eu-west" : "us-east"]);
    process.stderr.write(
      `${visitTable(report)
        .rows.map((row) => row.join(" | "))
        .join("\n")}\n`,
    );
    // Streams were under way in the region, and came to their end there.
    const stayed = report.visitCounts?.find(
      ({ errand, span }) => errand === "stream" && span === "under way at the fault",
    );
    expect(stayed?.good).toBeGreaterThan(0);
  });

  it("proves the other topology: with a standby the first region's loss is the standby's turn", async () => {
    fleet.local.edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:topology"].value = "active-standby";
    });
    expect((await fleet.start()).exitCode).toBe(ExitCode.Success);
    await fleet.healthy();
    const answer = await fleet.drill("region");
    const report = reportOf(answer);
    expect(missed(report)).toEqual([]);
    expect(report.topology).toBe("active-standby");
    // What was under way when the region went may have been asked again of the standby.
    const before = report.samples.filter(({ at, latency, ok }) => ok && at + latency < (report.phases[1]?.at ?? 0));
    expect(before.length).toBeGreaterThan(10);
    expect(new Set(before.map(({ region }) => region))).toEqual(new Set(["us-east"]));
  });
});
