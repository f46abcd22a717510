import type { Backend } from "../../../fleet/drill/backend";
import { drill } from "../../../fleet/drill/drill";
import type { Fault } from "../../../fleet/drill/faults";
import type { Plan } from "../../../fleet/drill/plan";
import type { DrillReport } from "../../../fleet/drill/report";
import { trafficChapter } from "../../../fleet/drill/report/chapters";
import { factsOf, resultOf } from "../../../fleet/drill/report/words";
import { FakeFleet, PLAN } from "./fakeFleet";
import { GuardedFleet } from "./guardedFleet";

/** With this monitor a failover takes 6 seconds, 5 of them for the change to propagate. */
const MONITOR: Plan["monitor"] = {
  intervalSeconds: 0.5,
  timeoutSeconds: 0.5,
  retries: 0,
  consecutiveDown: 1,
  consecutiveUp: 1,
};
const EXPECTED_MS = 6_000;

/** A fleet that fails every second request during the fault. */
class FlakyFleet extends FakeFleet {
  private visitors = 0;

  constructor(private readonly isNoticed: boolean) {
    super();
  }

  protected override isServing(): boolean {
    return !this.isAway || ++this.visitors % 2 === 0;
  }

  override async pools(): ReturnType<Backend["pools"]> {
    const pools = await super.pools();
    if (this.isNoticed) return pools;
    return new Map([...pools].map(([region, pool]) => [region, Object.assign({}, pool, { healthy: true })]));
  }
}

/** A fleet whose load balancer API is down during the fault. Visitors reach the other region after 2 seconds. */
class UnseenFleet extends FakeFleet {
  asked = 0;
  private awayAt = Number.POSITIVE_INFINITY;

  override async takeAway(): Promise<void> {
    await super.takeAway();
    this.awayAt = Date.now();
  }

  protected override isServing(): boolean {
    return !this.isAway || Date.now() > this.awayAt + 2_000;
  }

  override pools(): ReturnType<Backend["pools"]> {
    if (!this.isAway) return super.pools();
    this.asked++;
    return Promise.reject(new Error("the load balancer's API is away"));
  }
}

describe("a drill", () => {
  async function drilled<F extends FakeFleet>(fault: Fault, fleet: F, more: Partial<Plan> = {}) {
    const backend = await fleet.listen();
    const said: string[] = [];
    const plan = Object.assign({}, PLAN, { fault, monitor: MONITOR }, more);
    try {
      const report: DrillReport = await drill(plan, {
        backend,
        signal: new AbortController().signal,
        report: (_, message) => void said.push(message),
      });
      return { report, said, fleet };
    } finally {
      await backend.close();
    }
  }
  const phasesOf = ({ phases }: DrillReport) => phases.map(({ phase }) => phase);
  const failedPercent = { failedPercent: 60 };
  let flaky: Awaited<ReturnType<typeof drilled<FlakyFleet>>>;
  let noticed: typeof flaky;
  let interrupted: typeof flaky;
  let unseen: Awaited<ReturnType<typeof drilled<UnseenFleet>>>;
  let speechless: typeof unseen;
  let guarded: Awaited<ReturnType<typeof drilled<GuardedFleet>>>;
  // The drills run concurrently, because each takes as long as a failover.
  beforeAll(async () => {
    [flaky, noticed, interrupted, unseen, speechless, guarded] = await Promise.all([
      drilled("flaky", new FlakyFleet(false), { limits: failedPercent }),
      drilled("flaky", new FlakyFleet(true), { limits: failedPercent }),
      drilled("database-failover", new FlakyFleet(false), { limits: { failbackSeconds: 10 }, heldSeconds: 2 }),
      drilled("edge-api", new UnseenFleet(), { limits: { recoverySeconds: 8 } }),
      drilled("region", new UnseenFleet(), { limits: { detectionSeconds: 8 } }),
      drilled("region", new GuardedFleet(), { load: 2 }),
    ]);
  }, 60_000);

  it("keeps a region flaky for as long as a failover takes, and limits only the share of failed requests", () => {
    const { report, fleet, said } = flaky;
    expect(phasesOf(report)).toEqual(["steady", "fault", "detection", "restoration", "failback", "convergence"]);
    const [fault = 0, back = 0] = ["fault", "restoration"].map(
      (name) => report.phases.find((p) => p.phase === name)?.at,
    );
    expect(back - fault).toBeGreaterThanOrEqual(EXPECTED_MS);
    expect(said).toContainEqual(
      expect.stringMatching(/^keeping the fault active for 6 s: .* by chance, on average after 1 s$/),
    );
    expect(fleet.done).toEqual(["taken away", "put back"]);
    const [target] = report.targets;
    expect(target).toMatchObject({ name: "failed until detection", met: true });
    // The session's requests succeed. Half of the other requests fail.
    expect(target?.measured).toBeGreaterThan(30);
    expect(target?.measured).toBeLessThan(50);
    expect(report.detectionSeconds).toBeUndefined();
    expect(trafficChapter(report).rows[1]?.[0]).toBe("fault to restoration");
    expect(resultOf(report)).toBe("Met: 1 target, all 2 checks");
  });

  it("reports the survivor's traffic under extra load, and omits that section without extra load", () => {
    const { load, samples, phases, aborted } = guarded.report;
    expect(aborted).toBeUndefined();
    const [fault = 0, back = 0] = ["fault", "restoration"].map((name) => phases.find((p) => p.phase === name)?.at);
    expect(load).toMatchObject({ factor: 2, region: "eu-west", podsBefore: 1, podsMost: 1 });
    const meanwhile = (end: number) => samples.filter(({ at }) => at >= fault && at < end).length;
    expect(load?.scaling.requests).toBeGreaterThanOrEqual(meanwhile(back));
    expect(load?.scaling.requests).toBeLessThanOrEqual(meanwhile(back + 1_000));
    expect(speechless.report.load).toBeUndefined();
  });

  it("passes Cloudflare Access with the fleet's token, and with one sign-in of its browser", () => {
    const { report, fleet } = guarded;
    expect(fleet.refused).toEqual([]);
    expect(report.aborted).toBeUndefined();
    expect(report.checks.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual(
      speechless.report.checks.filter(({ passed }) => !passed).map(({ name }) => name),
    );
    const of = ({ checks }: DrillReport) => checks.filter(({ name }) => name.includes("Cloudflare Access"));
    expect(of(report)).toEqual([expect.objectContaining({ passed: true })]);
    expect(of(speechless.report)).toEqual([]);
  });

  it("waits the configured time during a database failover, and then limits only the time to failback", () => {
    const { report, fleet, said } = interrupted;
    expect(phasesOf(report)).toEqual(phasesOf(flaky.report));
    expect(said).toContain("keeping the fault active for 2 s: the monitor may or may not detect it");
    const [fault = 0, back = 0] = ["fault", "restoration"].map(
      (name) => report.phases.find((p) => p.phase === name)?.at,
    );
    expect(back - fault).toBeGreaterThanOrEqual(2_000);
    expect(fleet.done).toEqual(["taken away", "put back"]);
    expect(report.targets).toEqual([expect.objectContaining({ name: "failback", met: true })]);
    expect(report.losses).toEqual([]);
  });

  it("reports the time at which the monitor detected a flaky region", () => {
    const { report } = noticed;
    expect(report.detectionSeconds).toBeLessThan(3);
    expect(report.aborted).toBeUndefined();
    expect(phasesOf(report)).toEqual(phasesOf(flaky.report));
  });

  it("ignores the load balancer's API while it is down, and detects steering from requests alone", () => {
    const { report, fleet, said } = unseen;
    expect(fleet.asked).toBe(0);
    expect(report.aborted).toBeUndefined();
    expect(said).toContain("waiting 6 s, the monitor's expected detection time, because its verdict cannot be read");
    expect(report.detectionSeconds).toBeUndefined();
    expect(report.recoverySeconds).toBeGreaterThan(1.5);
    expect(report.targets).toEqual([expect.objectContaining({ name: "RTO", met: true })]);
    expect(phasesOf(report)).toContain("survivor-checks");
    expect(factsOf(report).detection).toContain("unknown");
    expect(trafficChapter(report).rows[1]?.[0]).toBe("fault to recovery");
  });

  it("continues after three times the failover time if the monitor's state stays unknown", () => {
    const { report, fleet } = speechless;
    expect(fleet.asked).toBeGreaterThan(1);
    expect(report.aborted).toBeUndefined();
    expect(report.targets).toEqual([expect.objectContaining({ name: "detection", met: false })]);
    const at = Object.fromEntries(report.phases.map((each) => [each.phase, each.at]));
    expect((at.recovery ?? 0) - (at.detection ?? 0)).toBeGreaterThanOrEqual(3 * EXPECTED_MS - 500);
    expect(fleet.done).toEqual(["taken away", "put back"]);
  });
});
