import { setTimeout as sleep } from "node:timers/promises";
import type { Pods } from "../../../fleet/drill/backend";
import { PodWatch } from "../../../fleet/drill/podWatch";
import type { Sample, UnderLoad } from "../../../fleet/drill/report";
import { loadChapter } from "../../../fleet/drill/report/chapters";
import { sampleReport } from "./sampleReport";

const ASK_MS = 10;

describe("PodWatch under load", () => {
  /** Watches pods until the backend has returned each of these results in order. An error makes one poll fail. */
  async function watched(seen: readonly (Pods | Error)[], unwantedMs = 10_000) {
    let turn = 0;
    const backend = {
      async pods() {
        const next = seen[Math.min(turn++, seen.length - 1)];
        if (next instanceof Error || !next) throw next;
        return next;
      },
    };
    const watch = new PodWatch(backend, "eu-west", { askMs: ASK_MS, unwantedMs });
    while (turn <= seen.length) await sleep(ASK_MS);
    await watch.stop();
    return watch;
  }

  const two = { ready: 2, wanted: 2, most: 6 };

  it.each<[string, boolean, (Pods | Error)[]]>([
    ["is not over while the autoscaler may still request more pods", false, [two, two]],
    [
      "is not over while requested pods are not ready",
      false,
      [two, { ...two, wanted: 4 }, { ...two, ready: 3, wanted: 4 }],
    ],
    ["is over once all additional pods are ready", true, [two, { ...two, wanted: 4 }, { ...two, ready: 4, wanted: 4 }]],
    ["is over if the maximum number of pods is ready", true, [{ ready: 6, wanted: 6, most: 6 }]],
    ["is over if there is no autoscaler", true, [{ ready: 1 }]],
    ["is not over if the region does not answer", false, [new Error("the tunnel broke")]],
  ])("decides that scaling %s", async (_, isOver, seen) => {
    expect((await watched(seen)).hasScaled).toBe(isOver);
  });

  it("decides that scaling is over once the autoscaler has had enough time and wants no more pods", async () => {
    expect((await watched([two, two, two], 15)).hasScaled).toBe(true);
  });

  it("reports pod counts, the time of the first new pod, and traffic before and after that time", async () => {
    const began = Date.now();
    const watch = await watched([two, new Error("busy"), { ...two, wanted: 4 }, { ...two, ready: 3, wanted: 4 }, two]);
    const request = (at: number, latency: number): Sample => ({
      at,
      client: "near us-east",
      ok: true,
      status: 200,
      latency,
    });
    const samples = [
      request(began - 5, 1),
      request(began, 900),
      request(Date.now() + 50, 20),
      request(Date.now() + 1000, 1),
    ];
    const found = watch.found(3, samples, began, Date.now() + 1000);
    expect(found).toMatchObject({ factor: 3, region: "eu-west", podsBefore: 2, podsMost: 3, podsAllowed: 6 });
    expect(found?.readySeconds).toBeGreaterThan(0.02);
    expect(found?.readySeconds).toBeLessThan(5);
    expect(found?.scaling).toMatchObject({ requests: 1, p95: 900 });
    expect(found?.scaled).toMatchObject({ requests: 1, p95: 20 });
  });

  it("reports nothing if every poll failed", async () => {
    expect((await watched([new Error("no such autoscaler")])).found(2, [], 0, 1)).toBeUndefined();
  });

  it("reports latencies with new pods, without new pods, and without an autoscaler", () => {
    const traffic = (p50: number) => ({ requests: 100, failed: 1, p50, p95: 2 * p50 });
    const load: UnderLoad = { factor: 2, region: "eu-west", podsBefore: 2, podsMost: 2, scaling: traffic(300) };
    const of = (more: Partial<UnderLoad>) => loadChapter(sampleReport({ load: { ...load, ...more } }));
    const scaled = of({ podsAllowed: 6, podsMost: 4, readySeconds: 143.2, scaled: traffic(30) });
    expect(scaled.rows.slice(1)).toEqual([
      ["fault to the first new pod", 2, 100, 1, 300, 600],
      ["first new pod to restoration", 4, 100, 1, 30, 60],
    ]);
    expect(scaled.note).toContain(
      "first new pod was ready 143 s after the fault. It reached 4 pods, at most 6 are allowed.",
    );
    expect(of({ podsAllowed: 6 }).note).toContain("started no pod that became ready in time");
    expect(of({}).rows.map(([span]) => span)).toEqual(["before the fault", "fault to restoration"]);
    expect(of({}).note).toContain("a local fleet has no autoscaler");
    expect(loadChapter(sampleReport()).rows).toEqual([]);
  });
});
