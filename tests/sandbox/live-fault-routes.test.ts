import { LiveConnection } from "../../sandbox/live/client";
import type { PathFault } from "../../sandbox/live/cluster/endpoint";
import { NO_FAULT } from "../../sandbox/live/cluster/endpoint";
import { buildApi } from "../../sandbox/live/routes";
import type { Supervisor } from "../../sandbox/live/supervisor";

describe("faults of the live fleet, by its API", () => {
  const given: PathFault[] = [];
  const supervisor = {
    setPathFault(region: string, fault: PathFault) {
      given.push(fault);
      return region === "us-east";
    },
    balancerStatus: () => ({ pools: [] }),
    deleteJob: (region: string, name: string) => `${region}/${name}` === "us-east/backup-us-east-1",
  };
  const api = buildApi({ version: "", supervisor: supervisor as unknown as Supervisor, stop: () => undefined });
  let live: LiveConnection;
  beforeAll(async () => {
    live = new LiveConnection(await api.listen({ host: "127.0.0.1", port: 0 }), 0);
  });
  afterAll(() => api.close());
  beforeEach(() => {
    given.length = 0;
  });

  it("make LangFlow's answers late, or some of its connections break off, until nothing is said", async () => {
    await live.impair("us-east", { lateSeconds: 20 });
    await live.impair("us-east", { brokenShare: 0.5 });
    await live.impair("us-east");
    expect(given).toEqual([{ lateMs: 20_000, brokenShare: 0 }, { lateMs: 0, brokenShare: 0.5 }, NO_FAULT]);
    // By itself, as a region's state is told from it.
    expect(given[2]).toBe(NO_FAULT);
  });

  it.each([
    [{ lateSeconds: -1 }, "lateSeconds must be 0 or more"],
    [{ lateSeconds: "soon" }, "lateSeconds must be 0 or more"],
    [{ brokenShare: 1.5 }, "brokenShare must be from 0 to 1"],
    [{ brokenShare: -0.5 }, "brokenShare must be from 0 to 1"],
  ])("are refused where they make no sense: %j", async (body, problem) => {
    await expect(live.impair("us-east", body as object)).rejects.toThrow(problem);
    expect(given).toEqual([]);
  });

  it("are refused for a region that is not there", async () => {
    await expect(live.impair("mars")).rejects.toThrow("there is no region mars");
  });

  it("are over with the Job that failed, and none of another name is taken away", async () => {
    await expect(live.deleteJob("us-east", "backup-us-east-1")).resolves.toBeUndefined();
    await expect(live.deleteJob("us-east", "backup-us-east-2")).rejects.toThrow(
      "there is no Job backup-us-east-2 in us-east that has ended",
    );
  });

  it("take the load balancer's API away and give it back", async () => {
    expect(await live.balancer()).toEqual({ pools: [] });
    await live.stopBalancerApi();
    await expect(live.balancer()).rejects.toThrow("503");
    await live.startBalancerApi();
    expect(await live.balancer()).toEqual({ pools: [] });
  });
});
