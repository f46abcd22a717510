import { join } from "node:path";
import { DEFAULTS } from "../../../fleet/drill/defaults";
import { FAULTS, type Fault, isCloudFault, KINDS, LATE_SECONDS } from "../../../fleet/drill/faults";
import { type Asked, planOf } from "../../../fleet/drill/plan";
import { REPORT_NAME } from "../../../fleet/drill/report/archive";
import { readProject } from "../../../fleet/stacks/project";
import { ExitCode } from "../../../model/errors";

const project = readProject(join(__dirname, "../../.."));
/** The same fleet with an active-standby topology. */
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
  it("derives the limits of an outage from the monitor, the sync interval and the configured targets", () => {
    const { limits, predicted } = planOf(asked, project);
    expect(predicted.recoverySeconds).toBe(55);
    expect(limits.recoverySeconds).toBeCloseTo(60.5);
    expect(limits.detectionSeconds).toBeCloseTo(60.5);
    expect(limits).toMatchObject({ flowsSeconds: 13, filesSeconds: 900, databaseSeconds: 90_000, failedPercent: 1 });
    expect(limits).toMatchObject({ hungPercent: 0, brokenPercent: 0, newlyBrokenPercent: 0 });
    expect(limits).toMatchObject({ alertSeconds: expect.closeTo(71.5) });
  });

  it("is rejected while an old LangFlow still serves visitors, because the drill would measure them", () => {
    const moving = (share: number) => {
      const edge = project.stacks.get("edge");
      if (edge?.kind !== "edge") throw new Error("no edge");
      const own = { ...edge.own, movingFrom: { address: "old.example.com", share } };
      return { ...project, stacks: new Map([...project.stacks, ["edge", { ...edge, own }] as const]) };
    };
    expect(() => planOf(asked, moving(0.01))).toThrow("`move-in cut-over --share 0` first");
    expect(planOf(asked, moving(0)).regions).toEqual(planOf(asked, project).regions);
  });

  it("is rejected for faults of the Git host if the fleet has no flow repository", () => {
    const edge = project.stacks.get("edge");
    if (edge?.kind !== "edge") throw new Error("no edge");
    const fleet = { ...edge.fleet, flowRepository: undefined };
    const without = { ...project, stacks: new Map([...project.stacks, ["edge", { ...edge, fleet }] as const]) };
    for (const fault of ["git", "region+git"] as const)
      expect(() => planOf({ ...asked, fault }, without)).toThrow(`--fault ${fault} needs a flow repository`);
    expect(planOf({ ...asked, fault: "region" }, without).fault).toBe("region");
  });

  it("limits only failures and broken visits if the fault steers no users away", () => {
    for (const fault of ["pool", "git", "partition"] as const)
      expect(planOf({ ...asked, fault }, project).limits).toEqual({ failedPercent: 1, unawarePercent: 0 });
  });

  it("limits failed requests only if the load balancer can retry them", () => {
    for (const fault of ["silent", "slow", "edge-api", "database"] as const)
      for (const asking of ["failedPercent", "newlyBrokenPercent"])
        expect(planOf({ ...asked, fault }, project).limits).not.toHaveProperty(asking);
    for (const fault of ["service", "region", "region+git"] as const)
      expect(planOf({ ...asked, fault }, project).limits).toMatchObject({ failedPercent: 1 });
  });

  it("predicts the same for slow and for silent regions, because the monitor's timeout is the same for both", () => {
    const [slow, silent] = (["slow", "silent"] as const).map((fault) => planOf({ ...asked, fault }, project));
    expect(slow?.predicted).toEqual(silent?.predicted);
    expect(slow?.limits).toEqual(silent?.limits);
    expect(LATE_SECONDS).toBeGreaterThan(Number(slow?.monitor.timeoutSeconds));
  });

  it("limits failures in a flaky region to half of the requests that are sent there", () => {
    const { limits, predicted } = planOf({ ...asked, fault: "flaky" }, project);
    // Three of five requests come from us-east's side.
    expect(predicted).toEqual({ failedPercent: 30 });
    expect(limits).toEqual({ failedPercent: expect.closeTo(33) });
    const of = (region: string) => planOf({ ...asked, region, fault: "flaky" }, withStandby).predicted;
    expect([of("us-east"), of("eu-west")]).toEqual([{ failedPercent: 50 }, { failedPercent: 0 }]);
  });

  it("weighs clients by the load, so that the single browser counts less under high load", () => {
    const of = (load: number) => planOf({ ...asked, load, fault: "flaky" }, project);
    expect(of(1).predicted).toEqual({ failedPercent: 30 });
    // 41 of 81 requests per half second come from us-east's side.
    expect(of(20).predicted.failedPercent).toBeCloseTo(50 * (20.5 / 40.5));
    expect(of(20).load).toBe(20);
  });

  it("limits a database failover only by the time until the region answers again", () => {
    const { limits, predicted, heldSeconds } = planOf({ ...asked, fault: "database-failover" }, project);
    expect(limits).toEqual({ failbackSeconds: expect.closeTo(60.5) });
    expect(predicted).toEqual({ failbackSeconds: 55 });
    expect(heldSeconds).toBe(60);
  });

  it("limits a full disk only by the time until the region answers again", () => {
    const { limits, predicted, heldSeconds } = planOf({ ...asked, fault: "disk-full" }, project);
    expect(limits).toEqual({ failbackSeconds: expect.closeTo(60.5) });
    expect(predicted).toEqual({ failbackSeconds: 55 });
    expect(heldSeconds).toBe(60);
  });

  it("predicts for `half` the share of requests that reach the dead pod and fail, and allows a little more", () => {
    const { limits, predicted, heldSeconds } = planOf({ ...asked, fault: "half" }, project);
    // Three of five requests come from us-east's side, and half of those fail for 20 of 60 seconds.
    expect(predicted).toEqual({ awayPercent: expect.closeTo(10), failbackSeconds: 0 });
    expect(limits).toEqual({ awayPercent: expect.closeTo(16.5), failbackSeconds: expect.closeTo(60.5) });
    expect(heldSeconds).toBe(60);
  });

  it("rejects `replication-paused` on the clouds without experiments, and names the config that enables them", () => {
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
    "rejects %s on the clouds if the database has no standby, and names the config that adds one",
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

  it("sets no detection limit if the monitor's state cannot be read, but still limits recovery", () => {
    const { limits } = planOf({ ...asked, fault: "edge-api" }, project);
    expect(limits).not.toHaveProperty("detectionSeconds");
    expect(limits).not.toHaveProperty("hungPercent");
    expect(limits).not.toHaveProperty("brokenPercent");
    expect(limits.recoverySeconds).toBeCloseTo(60.5);
    expect(limits.flowsSeconds).toBe(13);
  });

  it("rejects faults that the clouds do not support, with the reason and the nearest supported fault", () => {
    const refused = FAULTS.filter((fault) => !isCloudFault(fault));
    expect(refused).toEqual(["slow", "flaky", "disk-full", "clock"]);
    const said = new Map<Fault, string>([
      ["disk-full", "AWS FIS has no experiment .* RDS cannot shrink it; on the clouds use --fault database"],
      ["clock", "nobody can set on EKS Auto Mode, .*; on the clouds use --fault partition"],
    ]);
    const because = (fault: Fault) => said.get(fault) ?? "AWS FIS .* as root .*; on the clouds use --fault silent";
    for (const fault of refused)
      expect(() => planOf({ ...asked, fault, local: false }, project)).toThrow(
        expect.objectContaining({
          exitCode: ExitCode.BadInput,
          message: expect.stringMatching(`^--fault ${fault} works only on the local fleet .*${because(fault)}$`),
        }),
      );
    for (const fault of refused)
      expect(FAULTS.filter((each) => isCloudFault(each))).toContain(KINDS[fault].notOnClouds?.nearest);
    for (const fault of FAULTS.filter((each) => isCloudFault(each) && each !== "replication-paused"))
      expect(planOf({ ...asked, fault, local: false }, project).fault).toBe(fault);
  });

  it("has an id that consists of the time, the region and the fault", () => {
    const { id } = planOf(asked, project, new Date("2026-11-25T17:40:13.500Z"));
    expect(id).toBe("2026-11-25T17-40-13Z-us-east-region");
    for (const fault of FAULTS) expect(planOf({ ...asked, fault }, project).id).toMatch(REPORT_NAME);
  });

  it("lasts at least two sync intervals before the fault, whatever --steady requests", () => {
    expect(planOf({ ...asked, steady: 0 }, project).steadySeconds).toBe(20);
    expect(planOf({ ...asked, steady: 45 }, project).steadySeconds).toBe(45);
  });

  it("has a default limit that is longer on the clouds, and --limit overrides it", () => {
    expect(planOf(asked, project).limitSeconds).toBe(DEFAULTS.limitSeconds.local);
    expect(planOf({ ...asked, local: false }, project).limitSeconds).toBe(DEFAULTS.limitSeconds.clouds);
    expect(planOf({ ...asked, limit: 60 }, project).limitSeconds).toBe(60);
  });

  it("holds a stale region for six sync intervals but at least 60 s, or as long as --hold says", () => {
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

  it("rejects --hold for faults without a hold phase and a hold beyond the limit, and explains the fix", () => {
    expect(() => planOf({ ...asked, hold: 60 }, project)).toThrow(
      expect.objectContaining({
        exitCode: ExitCode.BadInput,
        message: "--hold works only with --fault stale-return: omit --hold, because --fault region ends by itself",
      }),
    );
    for (const [hold, limit] of [
      [900, undefined],
      [undefined, 60],
    ])
      expect(() => planOf({ ...asked, fault: "stale-return", hold, limit }, project)).toThrow(
        expect.objectContaining({
          exitCode: ExitCode.BadInput,
          message: expect.stringMatching(/increase --limit$/),
        }),
      );
  });

  it.each(["mars", undefined])("rejects the region %s and lists the valid ones", (region) => {
    expect(() => planOf({ ...asked, region }, project)).toThrow("--region must be one of us-east, eu-west");
  });
});
