import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DrillReport } from "../../fleet/drill/report";
import { HEALTH, streamedRun, whoami } from "../../fleet/drill/visitors/errands";
import { type Errand, exchange } from "../../fleet/drill/visitors/exchange";
import { ExitCode } from "../../model/errors";
import { SHUTDOWN } from "../../model/langflow";
import type { ProcessStatus } from "../../sandbox/live/status";
import { LangFlowApi, near, until } from "./langflowApi";
import { LiveFleet } from "./liveFleet";

jest.setTimeout(1_200_000);

const SIDES = { "us-east": "us-east-1", "eu-west": "eu-west-1" } as const;
const PODS = ["--pods", "2", "--honour-pre-stop"];
/**
 * Intervals between two short requests and between two streams in each region, and the duration of a stream: the
 * longest that clients are documented to use.
 */
const SHORT_MS = 200;
const STREAM_MS = 8_000;
const STREAM_SECONDS = 100;
/** Cloudflare's timeout for an origin. Two pods start during the test, when a machine with two processors is slow. */
const PATIENCE_MS = 120_000;

interface Visit {
  readonly side: string;
  readonly kind: "short" | "stream";
  readonly at: number;
  readonly end: string;
  readonly status: number;
  /** Region that answered. */
  readonly region: string | null | undefined;
}

/** Sends requests to the public URL from visitors near each region. */
class Traffic {
  readonly visits: Visit[] = [];
  private readonly ending = new AbortController();
  private readonly underWay: Promise<void>[] = [];

  constructor(private readonly url: string) {}

  start(side: keyof typeof SIDES, kind: Visit["kind"], everyMs: number, errand: () => Errand): void {
    const { signal } = this.ending;
    const pace = async () => {
      for (let next = Date.now(); !signal.aborted; next += everyMs) {
        this.underWay.push(this.visit(side, kind, errand()));
        await sleep(Math.max(0, next + everyMs - Date.now()), undefined, { signal }).catch(() => undefined);
      }
    };
    this.underWay.push(pace());
  }

  /** Stops sending requests and resolves once the last one has its response. */
  async stop(): Promise<void> {
    this.ending.abort();
    for (let waited = 0; waited < this.underWay.length; ) {
      const all = this.underWay.slice(waited);
      waited = this.underWay.length;
      await Promise.all(all);
    }
  }

  private async visit(side: keyof typeof SIDES, kind: Visit["kind"], errand: Errand): Promise<void> {
    const at = Date.now();
    const asked = { ...errand, headers: { ...errand.headers, ...near(SIDES[side]) } };
    const found = await exchange(this.url, asked, undefined, PATIENCE_MS);
    if (!found) throw new Error("nobody left");
    const region = found.headers?.get("x-local-pool");
    this.visits.push({ side, kind, at, end: found.end, status: found.status, region });
  }
}

describe("two pods in each of two regions", () => {
  const fleet = new LiveFleet();
  afterAll(() => fleet.remove());

  const podsOf = async (): Promise<ProcessStatus[]> =>
    (await fleet.status()).processes.filter(({ name }) => name === "langflow");

  it("are replaced one by one without a failed request, a broken stream or a failover to another region", async () => {
    expect(await fleet.start([], ...PODS)).toMatchObject({ exitCode: ExitCode.Success });
    const before = await podsOf();
    expect(before.map(({ region, ready }) => [region, ready])).toEqual(
      ["eu-west", "eu-west", "us-east", "us-east"].map((region) => [region, true]),
    );
    const { balancer } = await fleet.status();
    const east = await fleet.langflow("us-east");
    const api = LangFlowApi.withKey(east.url, east.apiKey);
    const { id } = await api.createRunnable("Rolling update");
    const me = await api.call("GET", "/api/v1/users/whoami");
    const west = await fleet.langflow("eu-west");
    const supervisor = await fleet.supervisor();
    await until(
      "the flow is in both regions, and both pools are healthy",
      async () =>
        (await LangFlowApi.withKey(west.url, west.apiKey).flow(id)) !== undefined &&
        (await supervisor.balancer()).pools.every(({ healthy }) => healthy === true),
      120_000,
    );

    const traffic = new Traffic(balancer?.url ?? "");
    for (const side of Object.keys(SIDES) as (keyof typeof SIDES)[]) {
      traffic.start(side, "short", SHORT_MS, () => HEALTH);
      traffic.start(side, "short", SHORT_MS, () => whoami({ "x-api-key": east.apiKey }, me.id));
      traffic.start(side, "stream", STREAM_MS, () =>
        streamedRun(id, east.apiKey, `${side} at ${Date.now()}`, STREAM_SECONDS),
      );
    }
    await sleep(STREAM_MS);
    for (const side of Object.keys(SIDES))
      fleet.local.edit(`Pulumi.${side}.yaml`, ({ config }) => {
        config["langflow-dr:resources"] = {
          requests: { cpu: "1", memory: "2Gi" },
          limits: { cpu: "2", memory: "3584Mi" },
        };
      });
    const began = Date.now();
    const leaving = new Map<string, number>();
    /** State changes of each pod with their times, which are printed if a request fails. */
    const course: string[] = [];
    const states = new Map<string, string>();
    const rolled = new AbortController();
    const watching = (async () => {
      while (!rolled.signal.aborted) {
        for (const { pid = 0, pod = "", state } of await podsOf()) {
          if (state === "leaving" && !leaving.has(String(pid))) leaving.set(String(pid), Date.now());
          if (states.get(pod) === state) continue;
          states.set(pod, state);
          course.push(`${Date.now() - began} ms: ${pod} ${state}`);
        }
        await sleep(1_000);
      }
    })();
    expect(await fleet.start([], ...PODS)).toMatchObject({ exitCode: ExitCode.Success });
    const ended = Date.now();
    rolled.abort();
    await Promise.all([watching, traffic.stop()]);

    const after = await podsOf();
    expect(after.map(({ ready }) => ready)).toEqual([true, true, true, true]);
    const pids = new Set(before.map(({ pid }) => pid));
    expect(after.filter(({ pid }) => pids.has(pid))).toEqual([]);
    // Each old pod kept serving for the manifest's preStop time, while a load balancer still sends requests to it.
    expect([...leaving.keys()].sort()).toEqual([...pids].map(String).sort());
    for (const since of leaving.values()) expect(ended - since).toBeGreaterThan(SHUTDOWN.preStopSeconds * 1000 - 2_000);

    const { visits } = traffic;
    const counted = (kind: Visit["kind"]) => visits.filter((each) => each.kind === kind).length;
    console.info(
      `rolled in ${Math.round((ended - began) / 1000)} s; ${counted("short")} short requests, ${counted("stream")} streams of ${STREAM_SECONDS} s`,
    );
    const failed = visits.filter(({ end }) => end !== "good").map((each) => ({ ...each, at: each.at - began }));
    if (failed.length > 0) console.info([JSON.stringify(failed.slice(0, 20)), ...course].join("\n"));
    expect(failed).toEqual([]);
    expect(visits.filter(({ side, region }) => region !== side)).toEqual([]);
    const seconds = (ended - began) / 1000;
    expect(counted("short")).toBeGreaterThan((0.9 * 4 * seconds * 1000) / SHORT_MS);
    expect(counted("stream")).toBeGreaterThan((0.9 * 2 * seconds * 1000) / STREAM_MS);
  });

  /** Runs a drill of us-east and checks that no target is missed and no check fails. */
  async function drilled(fault: string): Promise<DrillReport> {
    const reports = mkdtempSync(join(tmpdir(), "drill-of-pods-"));
    const asked = ["drill", "--region", "us-east", "--fault", fault, "--steady", "10", "--reports", reports];
    const { exitCode, json } = await fleet.local.run(asked);
    const report: DrillReport = JSON.parse(readFileSync(json.files.json, "utf8"));
    rmSync(reports, { recursive: true });
    const { untilDetection, targets, checks, aborted, failbackSeconds } = report;
    console.info(JSON.stringify({ fault, untilDetection, targets, failbackSeconds }));
    expect([aborted, targets.filter(({ met }) => !met), checks.filter(({ passed }) => !passed)]).toEqual([
      undefined,
      [],
      [],
    ]);
    expect(exitCode).toBe(ExitCode.Success);
    return report;
  }

  it("survive a zone outage that stops one pod and the database: the other pod answers again without a restart", async () => {
    const before = (await podsOf()).filter(({ region }) => region === "us-east").map(({ pid }) => pid);
    await drilled("zone");
    const ready = async () =>
      (await podsOf()).filter((each) => each.region === "us-east" && each.ready).map(({ pid }) => pid);
    // The failed pod restarts. The drill already ends once the region answers.
    await until("both pods of us-east are ready", async () => (await ready()).length === 2);
    const after = await ready();
    expect(after.filter((pid) => before.includes(pid))).toHaveLength(1);
  });

  it("lose only every other request in the region of a dead pod, until the load balancer detects the dead pod", async () => {
    const { untilDetection, samples } = await drilled("half");
    // These requests waited until the visitor's timeout, because packets to a dead pod are dropped.
    expect(untilDetection.hung).toBeGreaterThan(5);
    const broken = samples.filter(({ ok }) => !ok);
    expect(broken.filter(({ client }) => client === "near eu-west")).toEqual([]);
    expect((await podsOf()).filter(({ region, ready }) => region === "us-east" && ready)).toHaveLength(2);
  });
});
