import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { graphOf } from "./graph";
import { ALL_TOLD, EAST, type LiveBench, type RegionName, timed, WEST } from "./liveBench";
import { limitMemory, peakMegabytes, processorSeconds } from "./processes";

/** Of the graphs that one statement writes. */
const BATCH_BYTES = 10_000_000;

/** Flows of one size. */
export interface Size {
  readonly count: number;
  readonly bytes: number;
}

/** One region with very many flows in it, and another that fills from its bucket. */
export class ManyFlows {
  /** The agents' processes: they must stay the same ones. */
  private readonly agents = new Map<RegionName, number>();
  private readonly count: number;

  /**
   * @param limitMegabytes of the memory of each agent and of what it starts
   */
  constructor(
    private readonly fleet: LiveBench,
    private readonly sizes: readonly Size[],
    private readonly limitMegabytes: number,
  ) {
    this.count = sizes.reduce((sum, { count }) => sum + count, 0);
  }

  /** Seconds that PostgreSQL takes to be given all of them, while the other region is away. */
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

  /** Seconds until a region has told all of it. */
  told(): Promise<number> {
    return timed(() => this.fleet.until(EAST, ALL_TOLD));
  }

  /** Seconds from the start of the region that was away to the last flow's being in its LangFlow. */
  async fill(): Promise<number> {
    const seconds = await timed(async () => {
      const started = (await this.fleet.live()).startRegion(WEST);
      await Promise.all([started, this.limit(WEST)]);
      await this.fleet.until(WEST, `SELECT count(*) = ${this.count} AS done FROM public.flow WHERE name ~ '^Bulk '`);
    });
    const [east, west] = await Promise.all([EAST, WEST].map((region) => this.fleet.query(region, DIGEST)));
    if (east?.[0]?.digest !== west?.[0]?.digest) throw new Error("the regions hold different flows");
    return seconds;
  }

  /** Seconds until the recorder has committed all of them. */
  recorded(): Promise<number> {
    const inGit = (region: RegionName) => this.fleet.metric(region, "langflow_dr_sync_flows");
    return timed(async () => {
      while (Math.max(await inGit(EAST), await inGit(WEST)) < this.count) await sleep(500);
    });
  }

  /** Processor time that a region's agent takes of each interval in which nothing changes, seconds. */
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

  /** Seconds from a save of one flow among all of them to its being in the other region. */
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
   * The greatest resident memory of a region's agent over all of it, MB: with the pages that it shares with other processes, which its
   * control group does not count.
   *
   * @throws Error where it was started again meanwhile, as one is that the kernel killed
   */
  async peak(region: RegionName): Promise<number> {
    const agent = this.agent(region);
    if ((await this.fleet.pid(region, "flow-sync")) !== agent)
      throw new Error(`the agent of ${region} was started again: ${this.limitMegabytes} MB may not be enough for it`);
    return peakMegabytes(agent);
  }

  private agent(region: RegionName): number {
    const agent = this.agents.get(region);
    if (agent === undefined) throw new Error(`the agent of ${region} was not limited`);
    return agent;
  }

  /** From its agent's first moment on, a region's memory is limited. */
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

/** As LangFlow's first flow is, whatever columns its release has, but for what makes it another flow. */
const AS_THE_FIRST = `
  INSERT INTO public.flow SELECT made.* FROM unnest($3::text[]) WITH ORDINALITY AS graph (data, n),
    LATERAL (SELECT first FROM public.flow AS first WHERE user_id IS NOT NULL ORDER BY id LIMIT 1) AS one,
    LATERAL jsonb_populate_record(one.first, jsonb_build_object(
      'id', gen_random_uuid(), 'name', $1 || ' ' || ($2 + n), 'endpoint_name', NULL, 'data', data::jsonb,
      'version_token', gen_random_uuid(), 'updated_at', now())) AS made`;

const DIGEST = `
  SELECT md5(string_agg(id::text || md5(data::jsonb::text), '' ORDER BY id)) AS digest
    FROM public.flow WHERE name ~ '^Bulk '`;
