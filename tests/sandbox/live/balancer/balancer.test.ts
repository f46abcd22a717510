import type { AppliedPool } from "../../../../sandbox/live/balancer/appliedBalancer";
import type { AppliedMonitor } from "../../../../sandbox/live/balancer/appliedMonitor";
import { BALANCER, MONITOR, poolOf, type Stage, stageForEachTest, until } from "./fixture";

let stage: Stage;
stageForEachTest((made) => {
  stage = made;
});

const FAST: AppliedMonitor = { ...MONITOR, intervalSeconds: 0.01 };
const probedBy = (monitor: AppliedMonitor, changes: Partial<AppliedPool> = {}) => ({
  pools: [poolOf("us-east", { monitor, ...changes }), poolOf("eu-west")],
});

describe("the health of a pool", () => {
  it("is unknown until the first probe has finished, and counts as bad until then", async () => {
    for (const origin of Object.values(stage.origins)) origin.health = () => "silent";
    await stage.balancer.apply(BALANCER);
    expect(stage.pools().map(({ healthy, checkRegions }) => [healthy, checkRegions])).toEqual([
      [undefined, {}],
      [undefined, {}],
    ]);
    // The response is from the fallback pool, although us-east is first in the order.
    expect((await stage.ask()).region).toBe("eu-west");
  });

  it("is initially the result of the first probe alone", async () => {
    stage.origins["us-east"].health = () => 503;
    await stage.apply();
    expect(stage.pools().map(({ healthy }) => healthy)).toEqual([false, true]);
    expect(stage.verdicts("us-east")).toEqual([{ healthy: false, reason: "WNAM: answered 503" }]);
    expect(stage.pools().map(({ checkRegions }) => checkRegions)).toEqual([{ WNAM: false }, { WNAM: true }]);
  });

  it("turns bad after as many consecutive failures as the monitor requires, and not before", async () => {
    const origin = stage.origins["us-east"];
    await stage.apply(probedBy({ ...FAST, consecutiveDown: 3 }));
    let failures = 0;
    origin.health = () => (failures++ < 2 || failures > 10 ? 503 : 200);
    await until(() => failures > 10);
    await until(() => stage.verdicts("us-east").length === 2);
    expect(stage.verdicts("us-east")[1]).toEqual({
      healthy: false,
      reason: "WNAM: answered 503, 3 times in a row",
    });
  });

  it("does not change while the origin flaps, and recovers after enough consecutive successes", async () => {
    const origin = stage.origins["us-east"];
    let probes = 0;
    origin.health = () => (probes++ % 2 === 0 ? 200 : 503);
    await stage.apply(probedBy(FAST));
    await until(() => probes > 20);
    expect(stage.verdicts("us-east")).toHaveLength(1);
    origin.health = () => 503;
    await until(() => stage.verdicts("us-east").length === 2);
    origin.health = () => 200;
    await until(() => stage.verdicts("us-east").length === 3);
    expect(stage.verdicts("us-east").map(({ healthy }) => healthy)).toEqual([true, false, true]);
    expect(stage.verdicts("us-east")[2]?.reason).toBe("WNAM: answered 200, 2 times in a row");
  });

  it("is probed again at once after a timeout, as often as the monitor says", async () => {
    stage.origins["us-east"].health = () => "silent";
    await stage.apply(probedBy({ ...MONITOR, timeoutSeconds: 0.05, retries: 2 }));
    expect(stage.verdicts("us-east")).toEqual([{ healthy: false, reason: "WNAM: no answer within 0.05 s" }]);
    expect(stage.origins["us-east"].probed).toHaveLength(3);
  });

  it("is not probed again at once after a response, even after an error response", async () => {
    stage.origins["us-east"].health = () => 500;
    await stage.apply(probedBy({ ...MONITOR, retries: 2 }));
    expect(stage.origins["us-east"].probed).toHaveLength(1);
  });

  it("is bad if no server listens at its origin, or if its public Service has no ready pod", async () => {
    await stage.origins["us-east"].close();
    stage.origins["eu-west"].refuses = true;
    await stage.apply();
    expect(stage.pools().map(({ healthy }) => healthy)).toEqual([false, false]);
    expect(stage.verdicts("us-east")[0]?.reason).toBe("WNAM: connection refused");
    expect(stage.origins["eu-west"].probed).toEqual([]);
    await stage.origins["us-east"].open();
  });

  it.each([
    ["any code of a class", 204, { expectedCodes: "2xx" }, true],
    ["a different status than expected", 204, { expectedCodes: "200" }, false],
    ["a redirect, which is not followed", 302, { expectedCodes: "200" }, false],
    ["a part of the body, in any case", 200, { expectedBody: "ANSWER" }, true],
    ["a different body", 200, { expectedBody: "something else" }, false],
  ])("depends on the expected response: %s", async (_title, status, expected, healthy) => {
    stage.origins["us-east"].health = () => status;
    await stage.apply(probedBy({ ...MONITOR, ...expected }));
    expect(stage.pools()[0]?.healthy).toBe(healthy);
  });

  it("is probed from every check region, and the majority of the regions decides", async () => {
    const checkRegions = ["WNAM", "ENAM", "WEU"];
    await stage.apply(probedBy(FAST, { checkRegions }));
    await until(() => Object.keys(stage.pools()[0]?.checkRegions ?? {}).length === 3);
    stage.origins["us-east"].health = () => 500;
    await until(() => stage.pools()[0]?.healthy === false);
    const down = Object.values(stage.pools()[0]?.checkRegions ?? {}).filter((up) => !up);
    expect(down.length).toBeGreaterThanOrEqual(2);
  });

  it("is probed with the new settings after the monitor changes, and stays until a new result contradicts it", async () => {
    await stage.apply(probedBy(FAST));
    await stage.apply(probedBy({ ...FAST, path: "/other" }));
    const { probed } = stage.origins["us-east"];
    await until(() => probed.filter((path) => path === "/other").length > 3);
    expect(probed.lastIndexOf("/healthz")).toBeLessThan(probed.indexOf("/other") + 2);
    expect(stage.verdicts("us-east")).toHaveLength(1);
    expect(stage.pools()[0]?.healthy).toBe(true);
  });

  it("is not probed while the pool is disabled", async () => {
    const both = (changes: Partial<AppliedPool>) => ({
      pools: [poolOf("us-east", { monitor: FAST, ...changes }), poolOf("eu-west", { monitor: FAST })],
    });
    await stage.apply(both({}));
    await stage.apply(both({ enabled: false }));
    const { probed } = stage.origins["us-east"];
    // One more probe may have been in progress.
    const most = probed.length + 1;
    const others = stage.origins["eu-west"].probed.length;
    await until(() => stage.origins["eu-west"].probed.length > others + 10);
    expect(probed.length).toBeLessThanOrEqual(most);
    expect(stage.pools()[0]).toMatchObject({ enabled: false, region: "us-east" });
  });
});
