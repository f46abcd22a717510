import { LiveConnection } from "../../../sandbox/live/client";
import type { PathFault } from "../../../sandbox/live/cluster/endpoint";
import { NO_FAULT } from "../../../sandbox/live/cluster/endpoint";
import { buildApi } from "../../../sandbox/live/routes";
import type { Supervisor } from "../../../sandbox/live/supervisor";

describe("the API for faults of the live fleet", () => {
  const given: PathFault[] = [];
  const acts: string[] = [];
  const done = (act: string, region: string) => {
    acts.push(act);
    return region === "us-east";
  };
  const supervisor = {
    setPathFault(region: string, fault: PathFault) {
      given.push(fault);
      return region === "us-east";
    },
    balancerStatus: () => ({ pools: [] }),
    deleteJob: (region: string, name: string) => `${region}/${name}` === "us-east/backup-us-east-1",
    async limitDatabaseDisk(region: string) {
      if (region === "eu-west") throw new Error("mkfs.ext4: not found");
      return done("limit", region);
    },
    fillDatabaseDisk: async (region: string) => done("fill", region),
    freeDatabaseDisk: async (region: string) => done("free", region),
    giveClock: (region: string, library: string) => done(`clock of ${library}`, region),
    setClock: (region: string, seconds: number) => done(`${seconds} s ahead`, region),
  };
  const api = buildApi({ version: "", supervisor: supervisor as unknown as Supervisor, stop: () => undefined });
  let live: LiveConnection;
  beforeAll(async () => {
    live = new LiveConnection(await api.listen({ host: "127.0.0.1", port: 0 }), 0);
  });
  afterAll(() => api.close());
  beforeEach(() => {
    given.length = 0;
    acts.length = 0;
  });

  it("delays LangFlow's responses or breaks some of its connections, until a call specifies no fault", async () => {
    await live.impair("us-east", { lateSeconds: 20 });
    await live.impair("us-east", { brokenShare: 0.5 });
    await live.impair("us-east");
    expect(given).toEqual([{ lateMs: 20_000, brokenShare: 0 }, { lateMs: 0, brokenShare: 0.5 }, NO_FAULT]);
    // The same object, because a region's state is compared with it.
    expect(given[2]).toBe(NO_FAULT);
  });

  it.each([
    [{ lateSeconds: -1 }, "lateSeconds must be 0 or more"],
    [{ lateSeconds: "soon" }, "lateSeconds must be 0 or more"],
    [{ brokenShare: 1.5 }, "brokenShare must be from 0 to 1"],
    [{ brokenShare: -0.5 }, "brokenShare must be from 0 to 1"],
  ])("rejects invalid values: %j", async (body, problem) => {
    await expect(live.impair("us-east", body as object)).rejects.toThrow(problem);
    expect(given).toEqual([]);
  });

  it("rejects a region that does not exist", async () => {
    await expect(live.impair("mars")).rejects.toThrow("region mars does not exist");
  });

  it("deletes the failed Job to end its fault, and no Job of a different name", async () => {
    await expect(live.deleteJob("us-east", "backup-us-east-1")).resolves.toBeUndefined();
    await expect(live.deleteJob("us-east", "backup-us-east-2")).rejects.toThrow(
      "the finished Job backup-us-east-2 in us-east does not exist",
    );
  });

  it("gives a database its own disk, fills it and frees it, and reports why a disk cannot be created", async () => {
    await live.limitDisk("us-east");
    await live.fillDisk("us-east");
    await live.freeDisk("us-east");
    expect(acts).toEqual(["limit", "fill", "free"]);
    await expect(live.limitDisk("eu-west")).rejects.toThrow("mkfs.ext4: not found");
    await expect(live.fillDisk("mars")).rejects.toThrow("region mars does not exist");
  });

  it("gives a region's pods their own clock, and accepts only numbers to set it forward and back", async () => {
    await live.giveClock("us-east", "/lib/clock.so");
    await live.setClock("us-east", 600);
    await live.setClock("us-east", 0);
    expect(acts).toEqual(["clock of /lib/clock.so", "600 s ahead", "0 s ahead"]);
    for (const seconds of [-1, "soon"])
      await expect(live.setClock("us-east", seconds as number)).rejects.toThrow("aheadSeconds must be 0 or more");
    expect(acts).toHaveLength(3);
    await expect(live.setClock("mars", 600)).rejects.toThrow("a separate clock in mars does not exist");
  });

  it("stops the load balancer's API and starts it again", async () => {
    expect(await live.balancer()).toEqual({ pools: [] });
    await live.stopBalancerApi();
    await expect(live.balancer()).rejects.toThrow("503");
    await live.startBalancerApi();
    expect(await live.balancer()).toEqual({ pools: [] });
  });
});
