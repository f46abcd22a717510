import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { graphOf } from "./graph";
import { EAST, type LiveBench, type RegionName, timed, WEST } from "./liveBench";
import { ROOT } from "./run";

const SAMPLE: { data: object } = JSON.parse(readFileSync(join(ROOT, "flows/default/Mock_LLM.json"), "utf8"));

/** Measures the baseline, LangFlow alone: seconds per run of a flow in the region that created it. */
export async function runs(fleet: LiveBench, samples: number): Promise<number[]> {
  // The first run after a start of LangFlow takes longer than any other.
  for (const region of [WEST, EAST]) await run(fleet, region, await create(fleet, region, `First of ${region}`));
  const flow = await create(fleet, EAST, "Floor");
  const seconds: number[] = [];
  for (let sample = 0; sample < samples; sample += 1) seconds.push(await timed(() => run(fleet, EAST, flow)));
  return seconds;
}

/** Measures the seconds from saving a flow in one region to its first successful run in the other. */
export async function latencies(fleet: LiveBench, samples: number, intervalSeconds: number): Promise<number[]> {
  const seconds: number[] = [];
  for (let sample = 0; sample < samples; sample += 1) {
    process.stderr.write(`edit ${sample + 1} of ${samples}\n`);
    // Spreads the edits over the whole sync interval.
    await sleep(Math.random() * intervalSeconds * 1000);
    const flow = await create(fleet, EAST, `Latency ${randomUUID()}`);
    seconds.push(
      await timed(async () => {
        while (!(await run(fleet, WEST, flow))) await sleep(50);
      }),
    );
  }
  return seconds;
}

/** Measures the bytes that each edit of a 100 KB graph adds to the other region's bucket. */
export async function editBytes(fleet: LiveBench, samples: number): Promise<number[]> {
  const flow = await create(fleet, EAST, "Edited", graphOf(100_000));
  const bytes: number[] = [];
  for (let sample = 0; sample < samples; sample += 1) {
    const [before, description] = [await fleet.bucketBytes(WEST), randomUUID()];
    await fleet.call(EAST, "PATCH", `/api/v1/flows/${flow}`, { data: graphOf(100_000), description });
    const inWest = () =>
      fleet.call(WEST, "GET", `/api/v1/flows/${flow}`) as Promise<{ description: string } | undefined>;
    while ((await inWest())?.description !== description) await sleep(50);
    bytes.push((await fleet.bucketBytes(WEST)) - before);
  }
  return bytes;
}

async function create(fleet: LiveBench, region: RegionName, name: string, data = SAMPLE.data): Promise<string> {
  const made = await fleet.call(region, "POST", "/api/v1/flows/", { name, description: "", data });
  return (made as { id: string }).id;
}

/** @returns false if the flow does not exist in the region */
async function run(fleet: LiveBench, region: RegionName, flow: string): Promise<boolean> {
  const body = { input_value: "hello", input_type: "chat", output_type: "chat" };
  return (await fleet.call(region, "POST", `/api/v1/run/${flow}?stream=false`, body)) !== undefined;
}
