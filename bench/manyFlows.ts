import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { graphOf } from "./graph";
import { ALL_TOLD, EAST, type LiveBench, type RegionName, timed, WEST } from "./liveBench";
import { limitMemory, peakMegabytes, processorSeconds } from "./processes";

/** Total size of the graphs that one statement inserts, in bytes. */
const BATCH_BYTES = 10_000_000;

/** A number of flows of one size. */
export interface Size {
  readonly count: number;
  readonly bytes: number;
}

/** A benchmark in which one region contains very many flows and another region fills from its own bucket. */
export class ManyFlows {
  /** Process ids of the agents, which must not change during the benchmark. */
  private readonly agents = new Map<RegionName, number>();
  private readonly count: number;

  /** @param limitMegabytes memory limit of each agent and its child processes, in megabytes */
  constructor(
    private readonly fleet: LiveBench,
    private readonly sizes: readonly Size[],
    private readonly limitMegabytes: number,
  ) {
    this.count = sizes.reduce((sum, { count }) => sum + count, 0);
  }

  /** Measures the seconds that PostgreSQL takes to insert all flows while the other region is stopped. */
  async write(): Promise<number> {
    await this.limit(EAST);
    await (await this.fleet.live()).stopRegion(WEST);
    return timed(async () => {
      for (const { count, bytes } of this.sizes) {
        const batch = Math.max(1, Math.floor(BATCH_BYTES / bytes));
        for (let from = 0; from < count; from += batch) {
          const graphs = Array.from({ length: Math.min(batch, count - from) }, () => JSON.stringify(graphOf(bytes)));
          await this.fleet.query(EAST, AS_THE_FIRST, [`Bulk ${bytes}`, from, graphs]);
        }
        process.stderr.write(`${count} flows of ${bytes} bytes written\n`);
      }
    });
  }

  /** Measures the seconds until the region has published all changes. */
  told(): Promise<number> {
    return timed(() => this.fleet.until(EAST, ALL_TOLD));
  }

  /** Measures the seconds from the start of the stopped region until its LangFlow has the last flow. */
  async fill(): Promise<number> {
    const seconds = await timed(async () => {
      const started = (await this.fleet.live()).startRegion(WEST);
      await Promise.all([started, this.limit(WEST)]);
      await this.fleet.until(WEST, `SELECT count(*) = ${this.count} AS done FROM public.flow WHERE name ~ '^Bulk '`);
    });
    const [east, west] = await Promise.all([EAST, WEST].map((region) => this.fleet.query(region, DIGEST)));
    if (east?.[0]?.digest !== west?.[0]?.digest) throw new Error("the regions have different flows");
    return seconds;
  }

  /** Measures the seconds until the recorder has committed all flows. */
  recorded(): Promise<number> {
    const inGit = (region: RegionName) => this.fleet.metric(region, "langflow_dr_sync_flows");
    return timed(async () => {
      while (Math.max(await inGit(EAST), await inGit(WEST)) < this.count) await sleep(500);
    });
  }

  /** Measures an agent's processor time per interval without changes, in seconds. */
  async idle(region: RegionName, intervalSeconds: number, intervals: number): Promise<number[]> {
    const agent = this.agent(region);
    const seconds: number[] = [];
    for (let interval = 0; interval < intervals; interval += 1) {
      const before = processorSeconds(agent);
      await sleep(intervalSeconds * 1000);
      seconds.push(processorSeconds(agent) - before);
    }
    return seconds;
  }

  /** Measures the seconds from saving one of the many flows until the other region has the change. */
  async saves(samples: number): Promise<number[]> {
    const seconds: number[] = [];
    for (let sample = 0; sample < samples; sample += 1) {
      const [flow] = await this.fleet.query(
        EAST,
        "SELECT id::text FROM public.flow WHERE name ~ '^Bulk ' ORDER BY random() LIMIT 1",
      );
      const description = randomUUID();
      await this.fleet.call(EAST, "PATCH", `/api/v1/flows/${flow?.id}`, { description });
      const query = `SELECT description = '${description}' AS done FROM public.flow WHERE id = '${flow?.id}'`;
      seconds.push(await timed(() => this.fleet.until(WEST, query, 20)));
    }
    return seconds;
  }

  /**
   * Returns the peak resident memory of a region's agent over the benchmark, in megabytes. It includes pages shared
   * with
   * other processes, which the control group does not count.
   *
   * @throws Error if the agent was restarted in the meantime, for example because the kernel killed it
   */
  async peak(region: RegionName): Promise<number> {
    const agent = this.agent(region);
    if ((await this.fleet.pid(region, "flow-sync")) !== agent)
      throw new Error(`the agent of ${region} restarted: ${this.limitMegabytes} MB may not be enough`);
    return peakMegabytes(agent);
  }

  private agent(region: RegionName): number {
    const agent = this.agents.get(region);
    if (agent === undefined) throw new Error(`the agent of ${region} has no memory limit`);
    return agent;
  }

  /** Limits the memory of a region's agent as soon as the agent starts. */
  private async limit(region: RegionName): Promise<void> {
    for (;;) {
      const agent = await this.fleet.pid(region, "flow-sync").catch(() => undefined);
      if (agent !== undefined) {
        this.agents.set(region, agent);
        limitMemory(agent, this.limitMegabytes);
        return;
      }
      await sleep(50);
    }
  }
}

/** Copies LangFlow's first flow with all columns of its release, except the columns that make each flow distinct. */
const AS_THE_FIRST = `
  INSERT INTO public.flow SELECT made.* FROM unnest($3::text[]) WITH ORDINALITY AS graph (data, n),
    LATERAL (SELECT first FROM public.flow AS first WHERE user_id IS NOT NULL ORDER BY id LIMIT 1) AS one,
    LATERAL jsonb_populate_record(one.first, jsonb_build_object(
      'id', gen_random_uuid(), 'name', $1 || ' ' || ($2 + n), 'endpoint_name', NULL, 'data', data::jsonb,
      'version_token', gen_random_uuid(), 'updated_at', now())) AS made`;

const DIGEST = `
  SELECT md5(string_agg(id::text || md5(data::jsonb::text), '' ORDER BY id)) AS digest
    FROM public.flow WHERE name ~ '^Bulk '`;
