import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AppliedRegion, Workload } from "../../../../sandbox/live/cluster/applied";
import { LiveRegion } from "../../../../sandbox/live/cluster/region";
import { Ports } from "../../../../sandbox/live/ports";
import { removeTemporaryFolders, temporaryFolder } from "../../fixture";

const PODS = 2;
const ENDS_WITHIN_MS = 20_000;

const langflow: Workload = {
  namespace: "langflow",
  name: "langflow-us-east",
  labels: {},
  pod: { containers: [{ name: "langflow", image: "langflow", command: ["sleep", "300"] }] },
  templateHash: "one",
  scale: { maxSurge: 1, maxUnavailable: 0, minReadySeconds: 0 },
};

const applied: AppliedRegion = {
  region: "us-east",
  awsRegion: "us-east-1",
  deployments: [langflow],
  cronJobs: [],
  services: [],
  configMaps: new Map(),
  secrets: new Map(),
  secretMounts: new Map(),
  databases: [],
};

/** Starts a region with two LangFlow pods and without a database. */
async function startRegion(): Promise<LiveRegion> {
  const directory = temporaryFolder();
  const region = await LiveRegion.make(
    directory,
    {
      ports: new Ports(join(directory, "ports.json")),
      gitUrl: () => "http://127.0.0.1/git",
      s3Url: () => "http://127.0.0.1/s3",
      behind: () => undefined,
      notificationsUrl: () => "http://127.0.0.1/alerts",
      path: "/usr/bin:/bin",
      postgresBin: directory,
    },
    applied,
  );
  await region.loseDatabase();
  await region.apply(applied, { honoursPreStop: false, langflowPods: PODS });
  return region;
}

/** Waits until LangFlow runs in every pod and meets a condition. Returns its processes. */
async function langflowOf(region: LiveRegion, isMet = (_: { restarts: number }) => true) {
  for (const until = Date.now() + ENDS_WITHIN_MS; ; await sleep(50)) {
    const found = (await region.processes()).filter(({ name, pid }) => name === "langflow" && pid !== undefined);
    if (found.length === PODS && found.every(isMet)) return found;
    if (Date.now() > until) throw new Error(`unexpected processes: ${JSON.stringify(found)}`);
  }
}

describe("a kill of LangFlow in a region with two pods", () => {
  let region: LiveRegion;

  beforeAll(async () => {
    region = await startRegion();
  });

  afterAll(async () => {
    await region.lose();
    removeTemporaryFolders();
  });

  it("kills the process of each pod, and each pod restarts it", async () => {
    const before = await langflowOf(region);
    expect(region.crash("langflow")).toBe(true);
    const after = await langflowOf(region, ({ restarts }) => restarts === 1);
    expect(after.map(({ pod }) => pod)).toEqual(before.map(({ pod }) => pod));
    for (const [index, { pid }] of after.entries()) expect(pid).not.toBe(before[index]?.pid);
  });

  it("returns false for an unknown process name", () => {
    expect(region.crash("flow-sync")).toBe(false);
  });
});
