import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import type { Workload } from "../../../../sandbox/live/cluster/applied";
import { type DeployedPod, LiveDeployment } from "../../../../sandbox/live/cluster/deployment";

const POLL_MS = 1;

const workloadOf = (templateHash: string, scale: Partial<Workload["scale"]> = {}): Workload => ({
  namespace: "langflow",
  name: "langflow-us-east",
  labels: {},
  pod: { containers: [] },
  templateHash,
  scale: { maxSurge: 1, maxUnavailable: 0, minReadySeconds: 0, ...scale },
});

/** A pod that becomes ready some time after its start, and takes some time to end. */
class PretendPod implements DeployedPod {
  isHopeless = false;
  hooks: boolean | undefined;
  killed = false;
  packets = "arrive";
  private readyAt = Number.POSITIVE_INFINITY;
  private goneAt = Number.POSITIVE_INFINITY;

  constructor(
    readonly workload: Workload,
    readonly slot: number,
    private readonly times: { readyMs: number; endMs: number },
  ) {}

  get ready(): boolean {
    return this.readyForMs >= 0;
  }

  get readyForMs(): number {
    const now = performance.now();
    return now >= this.readyAt && now < this.goneAt ? now - this.readyAt : -1;
  }

  start(): void {
    this.readyAt = performance.now() + this.times.readyMs;
  }

  async stop(runsHooks: boolean): Promise<void> {
    this.hooks = runsHooks;
    if (!this.killed) await sleep(this.times.endMs);
    this.goneAt = performance.now();
  }

  async kill(): Promise<void> {
    this.killed = true;
    this.goneAt = performance.now();
  }

  async vanish(): Promise<() => Promise<void>> {
    this.packets = "vanish";
    return async () => {
      this.packets = "are refused";
    };
  }
}

/**
 * Creates a Deployment of such pods. `next` has the times of pods that start later, and `made` has all pods ever
 * started.
 */
function pretended(times = { readyMs: 2, endMs: 2 }) {
  const made: PretendPod[] = [];
  const next = { ...times };
  const deployment = new LiveDeployment<PretendPod>((workload, slot) => {
    const pod = new PretendPod(workload, slot, { ...next });
    made.push(pod);
    return pod;
  }, POLL_MS);
  return { deployment, made, next };
}

async function until(is: () => boolean): Promise<void> {
  for (let waited = 0; !is(); waited++) {
    if (waited > 5_000) throw new Error("it does not come to that");
    await sleep(1);
  }
}

const hashes = (pods: readonly PretendPod[]) => pods.map(({ workload }) => workload.templateHash);

describe("the pods of a live Deployment", () => {
  it("are never fewer than required or more than the surge allows during a rollout, and are all new afterwards", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 5 }),
        fc.constantFrom<[number | string, number | string, number, number]>(
          [1, 0, 1, 0],
          [2, 0, 2, 0],
          [0, 1, 0, 1],
          ["50%", "0%", 0.5, 0],
          [1, 1, 1, 1],
        ),
        fc.array(fc.record({ readyMs: fc.integer({ min: 0, max: 8 }), endMs: fc.integer({ min: 0, max: 12 }) }), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.constantFrom(0, 0.01),
        async (count, [maxSurge, maxUnavailable, surge, unavailable], times, minReadySeconds) => {
          const { deployment, made, next } = pretended({ readyMs: 0, endMs: times[0]?.endMs ?? 0 });
          const scale = { maxSurge, maxUnavailable, minReadySeconds };
          await deployment.become(workloadOf("old", scale), count);
          await until(() => deployment.targets(0).length === count);
          const most = count + (surge === 0.5 ? Math.ceil(count / 2) : surge);
          let turn = 0;
          const begun = deployment.become(workloadOf("new", scale), count);
          while (deployment.isSettling) {
            Object.assign(next, times[turn++ % times.length]);
            const staying = deployment.all.filter((pod) => !deployment.isLeaving(pod));
            expect(deployment.targets(0).length).toBeGreaterThanOrEqual(count - unavailable);
            expect(staying.length).toBeLessThanOrEqual(most);
            expect(new Set(deployment.all.map(({ slot }) => slot)).size).toBe(deployment.all.length);
            await sleep(1);
          }
          await begun;
          expect(hashes(deployment.all)).toEqual(Array(count).fill("new"));
          // Each old pod was stopped once, with its hook.
          expect(made.filter(({ hooks }) => hooks).length).toBe(count);
        },
      ),
      { numRuns: 25 },
    ));

  it("stop only after a new pod has been ready for as long as the Deployment requires", async () => {
    const { deployment, made } = pretended({ readyMs: 0, endMs: 0 });
    await deployment.become(workloadOf("old"), 2);
    await until(() => deployment.targets(0).length === 2);
    await deployment.become(workloadOf("new", { minReadySeconds: 0.08 }), 2);
    await until(() => made.some(({ hooks }) => hooks));
    expect(made[2]?.readyForMs).toBeGreaterThanOrEqual(80);
    expect(made.length).toBe(3);
    await until(() => !deployment.isSettling);
  });

  it("get new connections during their shutdown only until the load balancer has drained them", async () => {
    const { deployment, next } = pretended({ readyMs: 0, endMs: 120 });
    await deployment.become(workloadOf("old"), 2);
    await until(() => deployment.targets(0).length === 2);
    next.readyMs = 0;
    await deployment.become(workloadOf("new"), 2);
    await until(() => hashes(deployment.targets(0)).join() === "new,new");
    expect(hashes(deployment.targets(10)).sort()).toEqual(["new", "new", "old", "old"]);
    await sleep(60);
    expect(hashes(deployment.targets(0.05)).sort()).toEqual(["new", "new"]);
    await until(() => !deployment.isSettling);
    expect(hashes(deployment.targets(10))).toEqual(["new", "new"]);
  });

  it("stay unchanged if the new pod never becomes ready; the rollout then no longer counts as in progress", async () => {
    const { deployment, made, next } = pretended();
    await deployment.become(workloadOf("old"), 2);
    await until(() => deployment.targets(0).length === 2);
    next.readyMs = Number.POSITIVE_INFINITY;
    await deployment.become(workloadOf("broken"), 2);
    await until(() => made.length === 3);
    await sleep(20);
    expect(deployment.isSettling).toBe(true);
    Object.assign(made[2] ?? {}, { isHopeless: true });
    expect(deployment.isSettling).toBe(false);
    expect(hashes(deployment.targets(0))).toEqual(["old", "old"]);
    // The next change removes the broken pod first.
    next.readyMs = 0;
    await deployment.become(workloadOf("new"), 2);
    await until(() => hashes(deployment.targets(0)).join() === "new,new");
    await until(() => !deployment.isSettling);
    expect(deployment.all.length).toBe(2);
  });

  it("still get connections after one of them dies silently, until the load balancer detects it", async () => {
    const { deployment, made, next } = pretended({ readyMs: 0, endMs: 0 });
    await deployment.become(workloadOf("same"), 2);
    await until(() => deployment.targets(0).length === 2);
    next.readyMs = 30;
    expect(await deployment.loseOne(0.1)).toBe(true);
    const [dead, other, another] = made;
    expect(dead).toMatchObject({ killed: true, packets: "vanish" });
    // Without a load balancer, clients notice at once. A replacement starts meanwhile.
    expect(deployment.targets(0)).toEqual([other]);
    expect(deployment.targets(10)).toEqual([other, dead]);
    expect(another?.slot).toBe(2);
    await until(() => dead?.packets === "are refused");
    expect(deployment.targets(10)).toEqual([other, another]);
  });

  it("lose no pod to a fault if only one of them is ready", async () => {
    const { deployment, made } = pretended({ readyMs: 0, endMs: 0 });
    await deployment.become(workloadOf("same"), 1);
    await until(() => deployment.targets(0).length === 1);
    expect(await deployment.loseOne(0.1)).toBe(false);
    expect(made.map(({ killed }) => killed)).toEqual([false]);
  });

  it("are replaced by stopping the old pod first if there is only one, because a small machine has no room for two", async () => {
    const { deployment, made } = pretended();
    await deployment.become(workloadOf("old"), 1);
    await deployment.become(workloadOf("new"), 1);
    expect(made[0]?.hooks).toBe(true);
    expect(hashes(deployment.all)).toEqual(["new"]);
    expect(made[1]?.slot).toBe(0);
  });

  it("are scaled up and down to the required number, and the remaining ones keep running", async () => {
    const { deployment, made } = pretended();
    for (const count of [1, 3, 2]) await deployment.become(workloadOf("same"), count);
    expect(made.length).toBe(3);
    expect(deployment.all).toEqual(made.slice(0, 2));
  });

  it("all die at once with their region, including stopping ones, and none starts afterwards", async () => {
    const { deployment, made } = pretended({ readyMs: 0, endMs: 50 });
    await deployment.become(workloadOf("old"), 2);
    await until(() => deployment.targets(0).length === 2);
    await deployment.become(workloadOf("new"), 2);
    await until(() => deployment.all.some((pod) => deployment.isLeaving(pod)));
    const all = [...deployment.all];
    await deployment.kill();
    expect(all.every(({ killed }) => killed)).toBe(true);
    const { length } = made;
    await sleep(20);
    expect(made.length).toBe(length);
  });
});
