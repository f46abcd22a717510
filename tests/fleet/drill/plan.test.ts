import { join } from "node:path";
import { DEFAULTS } from "../../../fleet/drill/defaults";
import { FAULTS, type Fault, isCloudFault, KINDS, LATE_SECONDS } from "../../../fleet/drill/faults";
import { type Asked, planOf } from "../../../fleet/drill/plan";
import { REPORT_NAME } from "../../../fleet/drill/report/archive";
import { readProject } from "../../../fleet/stacks/project";
import { ExitCode } from "../../../model/errors";

const project = readProject(join(__dirname, "../../.."));
/** The same fleet, whose second region stands by. */
const withStandby: typeof project = Object.assign({}, project, {
  stacks: new Map(
    [...project.stacks].map(([name, stack]) => {
      const fleet = Object.assign({}, stack.fleet, { topology: "active-standby" });
      return [name, Object.assign({}, stack, { fleet })];
    }),
  ),
});
const asked: Asked = {
  local: true,
  region: "us-east",
  fault: "region",
  steady: 20,
  load: 1,
  abortAbove: 20,
  hold: undefined,
  limit: undefined,
  reports: undefined,
};

describe("the plan of a drill", () => {
  it("judges an outage by the monitor's numbers, the sync interval, and the config's targets", () => {
    const { limits, predicted } = planOf(asked, project);
    expect(predicted.recoverySeconds).toBe(55);
    expect(limits.recoverySeconds).toBeCloseTo(60.5);
    expect(limits.detectionSeconds).toBeCloseTo(60.5);
    expect(limits).toMatchObject({ flowsSeconds: 13, filesSeconds: 900, databaseSeconds: 90_000, failedPercent: 1 });
    expect(limits).toMatchObject({ hungPercent: 0, brokenPercent: 0, newlyBrokenPercent: 0 });
    expect(limits).toMatchObject({ alertSeconds: expect.closeTo(71.5) });
  });

  it("is none while the LangFlow that is moved from has visitors, whom a drill would measure too", () => {
    const moving = (share: number) => {
      const edge = project.stacks.get("edge");
      if (edge?.kind !== "edge") throw new Error("no edge");
      const own = { ...edge.own, movingFrom: { address: "old.example.com", share } };
      return { ...project, stacks: new Map([...project.stacks, ["edge", { ...edge, own }] as const]) };
    };
    expect(() => planOf(asked, moving(0.01))).toThrow("`move-in cut-over --share 0` first");
    expect(planOf(asked, moving(0)).regions).toEqual(planOf(asked, project).regions);
  });

  it("is none without the Git host where the fleet keeps no record", () => {
    const edge = project.stacks.get("edge");
    if (edge?.kind !== "edge") throw new Error("no edge");
    const fleet = { ...edge.fleet, flowRepository: undefined };
    const without = { ...project, stacks: new Map([...project.stacks, ["edge", { ...edge, fleet }] as const]) };
    for (const fault of ["git", "region+git"] as const)
      expect(() => planOf({ ...asked, fault }, without)).toThrow(`--fault ${fault} needs a record in Git`);
    expect(planOf({ ...asked, fault: "region" }, without).fault).toBe("region");
  });

  it("asks of a fault that steers nobody away only that nobody notices", () => {
    for (const fault of ["pool", "git", "partition"] as const)
      expect(planOf({ ...asked, fault }, project).limits).toEqual({ failedPercent: 1, unawarePercent: 0 });
  });

  it("asks no retry of a region that answers with errors, too late or not at all", () => {
    for (const fault of ["silent", "slow", "edge-api", "database"] as const)
      for (const asking of ["failedPercent", "newlyBrokenPercent"])
        expect(planOf({ ...asked, fault }, project).limits).not.toHaveProperty(asking);
    for (const fault of ["service", "region", "region+git"] as const)
      expect(planOf({ ...asked, fault }, project).limits).toMatchObject({ failedPercent: 1 });
  });

  it("predicts for answers that come too late what it does for none: the monitor waits as long for either", () => {
    const [slow, silent] = (["slow", "silent"] as const).map((fault) => planOf({ ...asked, fault }, project));
    expect(slow?.predicted).toEqual(silent?.predicted);
    expect(slow?.limits).toEqual(silent?.limits);
    expect(LATE_SECONDS).toBeGreaterThan(Number(slow?.monitor.timeoutSeconds));
  });

  it("asks of a region of which half breaks off that no more fails than that, of those who are sent there", () => {
    const { limits, predicted } = planOf({ ...asked, fault: "flaky" }, project);
    // Three of five requests are from us-east's side.
    expect(predicted).toEqual({ failedPercent: 30 });
    expect(limits).toEqual({ failedPercent: expect.closeTo(33) });
    const of = (region: string) => planOf({ ...asked, region, fault: "flaky" }, withStandby).predicted;
    expect([of("us-east"), of("eu-west")]).toEqual([{ failedPercent: 50 }, { failedPercent: 0 }]);
  });

  it("counts who is sent to a region by how many come: of many the one browser is a small part", () => {
    const of = (load: number) => planOf({ ...asked, load, fault: "flaky" }, project);
    expect(of(1).predicted).toEqual({ failedPercent: 30 });
    // 41 of 81 requests of half a second are from us-east's side.
    expect(of(20).predicted.failedPercent).toBeCloseTo(50 * (20.5 / 40.5));
    expect(of(20).load).toBe(20);
  });

  it("asks of a database whose standby takes over that the region answers again within a failover, and of nobody to be steered", () => {
    const { limits, predicted, heldSeconds } = planOf({ ...asked, fault: "database-failover" }, project);
    expect(limits).toEqual({ failbackSeconds: expect.closeTo(60.5) });
    expect(predicted).toEqual({ failbackSeconds: 55 });
    expect(heldSeconds).toBe(60);
  });

  it("asks of a database that takes nothing more that the region answers, and does again in time", () => {
    const { limits, predicted, heldSeconds } = planOf({ ...asked, fault: "disk-full" }, project);
    expect(limits).toEqual({ failbackSeconds: expect.closeTo(60.5) });
    expect(predicted).toEqual({ failbackSeconds: 55 });
    expect(heldSeconds).toBe(60);
  });

  it("asks of a region that lost one of two pods that no more fails than the load balancer sent there, and nobody to be steered", () => {
    const { limits, predicted, heldSeconds } = planOf({ ...asked, fault: "half" }, project);
    // Three of five requests are from us-east's side, and every other of them fails for 20 of 60 seconds.
    expect(predicted).toEqual({ awayPercent: expect.closeTo(10), failbackSeconds: 0 });
    expect(limits).toEqual({ awayPercent: expect.closeTo(16.5), failbackSeconds: expect.closeTo(60.5) });
    expect(heldSeconds).toBe(60);
  });

  it("refuses on the clouds to pause replication where the foundation has no experiments, and says what makes them", () => {
    const request: Asked = { ...asked, fault: "replication-paused", local: false };
    expect(() => planOf(request, project)).toThrow(
      expect.objectContaining({
        exitCode: ExitCode.BadInput,
        message: expect.stringContaining("set `experiments: true` in Pulumi.foundation.yaml and run `up`"),
      }),
    );
    expect(planOf({ ...request, local: true }, project).limits).toEqual({ failedPercent: 1, unawarePercent: 0 });
    const stacks = new Map(project.stacks);
    const stack = stacks.get("foundation");
    if (stack?.kind !== "foundation") throw new Error("the foundation is no foundation");
    stacks.set("foundation", { ...stack, own: { ...stack.own, experiments: true } });
    expect(planOf(request, Object.assign({}, project, { stacks })).fault).toBe("replication-paused");
  });

  it.each(["database-failover", "zone"] as const)(
    "refuses %s on the clouds where the database has no standby, and says what makes one",
    (fault) => {
      const stacks = new Map(project.stacks);
      const stack = stacks.get("us-east");
      if (stack?.kind !== "region") throw new Error("us-east is a region");
      const own = { ...stack.own, database: { ...stack.own.database, multiAz: false } };
      const alone = Object.assign({}, project, { stacks: stacks.set("us-east", { ...stack, own }) });
      const request: Asked = { ...asked, fault, local: false };
      expect(() => planOf(request, alone)).toThrow(
        expect.objectContaining({
          exitCode: ExitCode.BadInput,
          message: expect.stringMatching(
            /us-east's database has none: set `database.multiAz: true` in Pulumi.us-east.yaml/,
          ),
        }),
      );
      expect(planOf({ ...request, region: "eu-west" }, alone).fault).toBe(fault);
      expect(planOf({ ...request, local: true }, alone).fault).toBe(fault);
    },
  );

  it("asks no verdict of a monitor that nobody can ask, and recovery in its time all the same", () => {
    const { limits } = planOf({ ...asked, fault: "edge-api" }, project);
    expect(limits).not.toHaveProperty("detectionSeconds");
    expect(limits).not.toHaveProperty("hungPercent");
    expect(limits).not.toHaveProperty("brokenPercent");
    expect(limits.recoverySeconds).toBeCloseTo(60.5);
    expect(limits.flowsSeconds).toBe(13);
  });

  it("refuses on the clouds a fault that there is no way for, and says why and what there is instead", () => {
    const refused = FAULTS.filter((fault) => !isCloudFault(fault));
    expect(refused).toEqual(["slow", "flaky", "disk-full", "clock"]);
    const said = new Map<Fault, string>([
      ["disk-full", "no experiment of AWS .* never makes it smaller again; --fault database"],
      ["clock", "lets nobody set it, .*; --fault partition"],
    ]);
    const because = (fault: Fault) => said.get(fault) ?? "AWS FIS .* as root, .*; --fault silent";
    for (const fault of refused)
      expect(() => planOf({ ...asked, fault, local: false }, project)).toThrow(
        expect.objectContaining({
          exitCode: ExitCode.BadInput,
          message: expect.stringMatching(
            `^--fault ${fault} is for the local fleet alone .*${because(fault)} is there on the clouds$`,
          ),
        }),
      );
    for (const fault of refused)
      expect(FAULTS.filter((each) => isCloudFault(each))).toContain(KINDS[fault].notOnClouds?.nearest);
    for (const fault of FAULTS.filter((each) => isCloudFault(each) && each !== "replication-paused"))
      expect(planOf({ ...asked, fault, local: false }, project).fault).toBe(fault);
  });

  it("is named by time, region and fault", () => {
    const { id } = planOf(asked, project, new Date("2026-11-25T17:40:13.500Z"));
    expect(id).toBe("2026-11-25T17-40-13Z-us-east-region");
    for (const fault of FAULTS) expect(planOf({ ...asked, fault }, project).id).toMatch(REPORT_NAME);
  });

  it("lets two looks of the flow sync pass before the fault, however little is asked for", () => {
    expect(planOf({ ...asked, steady: 0 }, project).steadySeconds).toBe(20);
    expect(planOf({ ...asked, steady: 45 }, project).steadySeconds).toBe(45);
  });

  it("ends by itself, on the clouds later than locally, unless its line says when", () => {
    expect(planOf(asked, project).limitSeconds).toBe(DEFAULTS.limitSeconds.local);
    expect(planOf({ ...asked, local: false }, project).limitSeconds).toBe(DEFAULTS.limitSeconds.clouds);
    expect(planOf({ ...asked, limit: 60 }, project).limitSeconds).toBe(60);
  });

  it("keeps a region that comes back stale away for several intervals of whatever is repeated, or as its line says", () => {
    const stale = { ...asked, fault: "stale-return" } as const;
    expect(planOf(stale, project)).toMatchObject({ holdSeconds: 60, settleSeconds: 60, syncInterval: 10 });
    expect(planOf({ ...stale, hold: 5 }, project)).toMatchObject({ holdSeconds: 5, settleSeconds: 60 });
    const [name, own] = [...project.stacks].find(([each]) => each === "us-east") ?? [];
    if (name === undefined || own?.kind !== "region") throw new Error("no region");
    const sync = Object.assign({}, own.own.sync, { intervalSeconds: 30 });
    const slow = Object.assign({}, own, { own: Object.assign({}, own.own, { sync }) });
    const slowly = Object.assign({}, project, { stacks: new Map([...project.stacks, [name, slow]]) });
    expect(planOf(stale, slowly).holdSeconds).toBe(180);
  });

  it("refuses a hold of a fault that has none, and one that its limit would cut short, and says what to do", () => {
    expect(() => planOf({ ...asked, hold: 60 }, project)).toThrow(
      expect.objectContaining({
        exitCode: ExitCode.BadInput,
        message: "--hold is for --fault stale-return alone; --fault region ends by itself",
      }),
    );
    for (const [hold, limit] of [
      [900, undefined],
      [undefined, 60],
    ])
      expect(() => planOf({ ...asked, fault: "stale-return", hold, limit }, project)).toThrow(
        expect.objectContaining({
          exitCode: ExitCode.BadInput,
          message: expect.stringMatching(/give it a longer --limit$/),
        }),
      );
  });

  it.each(["mars", undefined])("refuses the region %s in words", (region) => {
    expect(() => planOf({ ...asked, region }, project)).toThrow("--region must be one of us-east, eu-west");
  });
});
