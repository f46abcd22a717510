import fc from "fast-check";
import { Registry } from "prom-client";
import { DrillMetrics } from "../../../agent/drills/metrics";
import { PastDrills } from "../../../agent/drills/pastDrills";
import { pollForever } from "../../../agent/rounds/pollForever";
import { BucketError } from "../../../agent/s3/s3Request";
import { type DrillSummary, parseSummary } from "../../../formats/drills/summary";

const PREFIX = "drills/summaries";
const REGIONS = ["us-east", "eu-west"];

const summary = (region: string, ended: number, more: Partial<DrillSummary> = {}): DrillSummary => ({
  version: 1,
  region,
  fault: "region",
  began: ended - 100,
  ended,
  passed: true,
  missed: [],
  ...more,
});

/** A bucket that lists keys as S3 does: sorted, after a start key, one page at a time. */
class MemoryBucket {
  readonly objects = new Map<string, string>();
  readonly refused = new Set<string>();
  readonly read: string[] = [];
  isSilent = false;

  put(region: string, id: number, contents: string | DrillSummary): string {
    const key = `${PREFIX}/${region}/${String(id).padStart(6, "0")}.json`;
    this.objects.set(key, typeof contents === "string" ? contents : JSON.stringify(contents));
    return key;
  }

  async listAfter(prefix: string, after: string): Promise<string[]> {
    this.answer();
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after);
    return keys.sort().slice(0, 1000);
  }

  async readWhole(key: string): Promise<Buffer | undefined> {
    this.answer();
    this.read.push(key);
    if (this.refused.has(key)) throw new BucketError("refused", 403);
    const text = this.objects.get(key);
    return text === undefined ? undefined : Buffer.from(text);
  }

  private answer(): void {
    if (this.isSilent) throw new BucketError("the bucket flows does not answer", 0);
  }
}

function watching(regions = REGIONS) {
  const bucket = new MemoryBucket();
  const unreadable: string[] = [];
  const drills = new PastDrills({
    objects: bucket,
    prefix: PREFIX,
    regions,
    onUnreadable: (key) => unreadable.push(key),
  });
  return { bucket, unreadable, drills };
}

describe("the newest drills", () => {
  it("are each region's last drill and last passed drill, however often the agent polls in between", async () => {
    const drill = fc.record({ region: fc.constantFrom(...REGIONS), passed: fc.boolean(), look: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(drill, { maxLength: 9 }), async (made) => {
        const { bucket, drills } = watching();
        for (const [index, { region, passed, look }] of made.entries()) {
          bucket.put(region, index, summary(region, 1000 + index, { passed }));
          if (look) await drills.poll();
        }
        const found = await drills.poll();
        for (const region of REGIONS) {
          const ends = (those: typeof made) => those.map((each) => 1000 + made.indexOf(each)).at(-1);
          const own = made.filter((each) => each.region === region);
          expect(found.get(region)?.newest.ended).toBe(ends(own));
          expect(found.get(region)?.newestPassed?.ended).toBe(ends(own.filter(({ passed }) => passed)));
        }
      }),
    );
  });

  it("are found with few reads, however many drills there were, and without a read while there is no new drill", async () => {
    const { bucket, drills } = watching();
    for (let id = 0; id < 300; id += 1) bucket.put("us-east", id, summary("us-east", 1000 + id, { passed: id === 0 }));
    await drills.poll();
    expect(bucket.read).toHaveLength(10);
    await drills.poll();
    expect(bucket.read).toHaveLength(10);
  });

  it("include only the fleet's own regions", async () => {
    const { bucket, drills } = watching();
    bucket.put("ap-south", 1, summary("ap-south", 1000));
    expect((await drills.poll()).size).toBe(0);
  });

  it("are found even if some summaries cannot be read: refused reads are retried, invalid summaries are not", async () => {
    const { bucket, drills, unreadable } = watching();
    bucket.put("us-east", 1, summary("us-east", 1000));
    const spoiled = [
      bucket.put("us-east", 2, "{"),
      bucket.put("us-east", 3, summary("eu-west", 1)),
      bucket.put("us-east", 4, JSON.stringify({ ...summary("us-east", 1), version: 2 })),
    ];
    const refused = bucket.put("us-east", 5, summary("us-east", 2000));
    bucket.refused.add(refused);
    expect((await drills.poll()).get("us-east")?.newest.ended).toBe(1000);
    expect(unreadable.toSorted()).toEqual([...spoiled, refused]);
    bucket.refused.clear();
    expect((await drills.poll()).get("us-east")?.newest.ended).toBe(2000);
    bucket.put("us-east", 6, "{");
    await drills.poll();
    const reads = bucket.read.length;
    expect((await drills.poll()).get("us-east")?.newest.ended).toBe(2000);
    expect(bucket.read).toHaveLength(reads);
  });

  it.each([
    ["a fault that is not a name", { fault: 'region",x="' }],
    ["an overlong name", { missed: ["x".repeat(200)] }],
    ["more names than any drill has", { missed: Array.from({ length: 100 }, (_, index) => `target ${index}`) }],
    ["an invalid time", { ended: Number.NaN }],
  ])("do not include a summary with %s", (_, more) => {
    expect(parseSummary(JSON.stringify(summary("us-east", 1000)), "us-east")).toBeDefined();
    expect(parseSummary(JSON.stringify(summary("us-east", 1000, more)), "us-east")).toBeUndefined();
  });
});

describe("the drill metrics", () => {
  it("describe only the newest drill of each region, in seconds", async () => {
    const registry = new Registry();
    const metrics = new DrillMetrics(registry);
    const first = summary("us-east", 90_000, { passed: false, missed: ["RTO"], recoverySeconds: 70 });
    metrics.found(new Map([["us-east", { newest: first }]]));
    expect(await registry.metrics()).toContain(
      'langflow_dr_drill_missed{target_region="us-east",fault="region",what="RTO"} 1',
    );
    const moments = { faultAt: 180_000, restoredAt: 190_000 };
    const second = summary("us-east", 200_000, { fault: "git", began: 170_000, detectionSeconds: 40, ...moments });
    metrics.found(new Map([["us-east", { newest: second, newestPassed: second }]]));
    const lines = (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    const labels = 'target_region="us-east",fault="git"';
    expect(lines.toSorted()).toEqual([
      `langflow_dr_drill_detection_seconds{${labels}} 40`,
      `langflow_dr_drill_passed{${labels}} 1`,
      `langflow_dr_drill_timestamp_seconds{${labels},moment="began"} 170`,
      `langflow_dr_drill_timestamp_seconds{${labels},moment="ended"} 200`,
      `langflow_dr_drill_timestamp_seconds{${labels},moment="fault"} 180`,
      `langflow_dr_drill_timestamp_seconds{${labels},moment="passed"} 200`,
      `langflow_dr_drill_timestamp_seconds{${labels},moment="restored"} 190`,
    ]);
  });

  it("stay unchanged while the bucket is unreachable, which is logged once", async () => {
    jest.useFakeTimers();
    const { bucket, drills } = watching();
    bucket.put("us-east", 1, summary("us-east", 1000));
    const stop = new AbortController();
    const [warn, found] = [jest.fn(), jest.fn()];
    const poll = async () => found(await drills.poll());
    const failure = "cannot look up the newest drills";
    const run = pollForever({ poll, failure, log: { warn }, signal: stop.signal });
    await jest.advanceTimersByTimeAsync(1000);
    bucket.isSilent = true;
    await jest.advanceTimersByTimeAsync(20 * 60_000);
    expect(found).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls).toEqual([[{}, "cannot look up the newest drills: the bucket flows does not answer"]]);
    bucket.isSilent = false;
    await jest.advanceTimersByTimeAsync(5 * 60_000);
    expect(found).toHaveBeenCalledTimes(2);
    stop.abort();
    await run;
    jest.useRealTimers();
  });
});
