import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readFlowFile } from "../agent/flows/flowFile";
import { inParallel } from "../agent/parallel";
import { EAST, type LiveBench, timed } from "./liveBench";
import { peakMegabytes, processorSeconds, residentMegabytes } from "./processes";
import { ROOT } from "./run";

/** A flow that people might have made: a graph that runs, and a note that brings it to its size. */
const GRAPH: { nodes: object[] } = JSON.parse(readFileSync(join(ROOT, "flows/default/Mock_LLM.json"), "utf8")).data;
const PROSE = readFileSync(join(ROOT, "docs/how-work-travels.md"), "utf8");

/** Requests of the agent to LangFlow. */
const AT_ONCE = 4;

/** One region with very many flows in it. */
export class ManyFlows {
  /** What the agent's process was before: it must stay the same one. */
  private agent = 0;

  constructor(
    private readonly fleet: LiveBench,
    private readonly count: number,
    private readonly bytes: number,
  ) {}

  /** Seconds that LangFlow alone would take to be given all of them, as it is told by some. */
  async puts(some: number): Promise<number> {
    const [project] = (await this.fleet.call(EAST, "GET", "/api/v1/projects/")) as { id: string }[];
    const flows = Array.from({ length: some }, (_, index) => this.flow(`Put ${index}`));
    const seconds = await timed(() =>
      inParallel(flows, AT_ONCE, async ({ id, ...flow }) => {
        await this.fleet.call(EAST, "PUT", `/api/v1/flows/${id}`, { ...flow, folder_id: project?.id });
      }),
    );
    await inParallel(flows, AT_ONCE, async ({ id }) => {
      await this.fleet.call(EAST, "DELETE", `/api/v1/flows/${id}`);
    });
    return (seconds * this.count) / some;
  }

  /** Seconds from a push of all of them, as an agent writes them, to the last one's being in LangFlow. */
  async fill(): Promise<{ seconds: number; processor: number }> {
    process.stderr.write(`${this.count} flows pushed to Git\n`);
    const { git } = await (await this.fleet.live()).status();
    const clone = join(this.fleet.directory, "clone");
    execFileSync("git", ["clone", "--quiet", git.directory, clone], { stdio: "ignore" });
    mkdirSync(join(clone, "default"), { recursive: true });
    for (let flow = 0; flow < this.count; flow += 1) {
      const { text } = readFlowFile(Buffer.from(JSON.stringify(this.flow(`Bulk ${flow}`))));
      writeFileSync(join(clone, "default", `Bulk_${flow}.json`), text);
    }
    const author = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"];
    execFileSync("git", ["-C", clone, "add", "-A"]);
    execFileSync("git", ["-C", clone, ...author, "commit", "--quiet", "-m", "Many flows"]);
    this.agent = await this.fleet.pid(EAST, "flow-sync");
    // By the agent's own word: to list thousands of flows is more work for LangFlow than all this.
    const imported = () => this.fleet.metric(EAST, "langflow_dr_sync_imported_total");
    const [before, spent] = [await imported(), processorSeconds(this.agent)];
    const seconds = await timed(async () => {
      execFileSync("git", ["-C", clone, "push", "--quiet"]);
      while ((await imported()) < before + this.count) await sleep(250);
    });
    const processor = processorSeconds(this.agent) - spent;
    const [stored] = await this.fleet.query(
      EAST,
      "SELECT count(*)::int AS flows FROM public.flow WHERE name ~ '^Bulk '",
    );
    if (stored?.flows !== this.count) throw new Error(`LangFlow holds ${stored?.flows} flows of ${this.count}`);
    return { seconds, processor };
  }

  /** Cycles in which nothing changes: seconds of each, the agent's processor time in it, what LangFlow grew by in all. */
  async idle(cycles: number): Promise<{ seconds: number[]; processor: number[]; writes: number; growth: number }> {
    const { fleet } = this;
    const [sum, written] = ["langflow_dr_sync_duration_seconds_sum", "langflow_dr_sync_imported_total"];
    const langflow = await fleet.pid(EAST, "langflow");
    // The cycle that imported, and the one that its writes called for.
    await fleet.cycles(EAST, 2);
    const [writes, memory] = [await fleet.metric(EAST, written), residentMegabytes(langflow)];
    const [seconds, processor]: [number[], number[]] = [[], []];
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      const [before, spent] = [await fleet.metric(EAST, sum), processorSeconds(this.agent)];
      await fleet.cycles(EAST, 1);
      seconds.push((await fleet.metric(EAST, sum)) - before);
      processor.push(processorSeconds(this.agent) - spent);
    }
    const growth = Math.max(0, residentMegabytes(langflow) - memory);
    return { seconds, processor, writes: (await fleet.metric(EAST, written)) - writes, growth };
  }

  /** The agent's processor time from a save of one flow among all of them to its being in Git. */
  async saves(samples: number): Promise<number[]> {
    const exported = () => this.fleet.metric(EAST, "langflow_dr_sync_exported_total");
    const processor: number[] = [];
    for (let sample = 0; sample < samples; sample += 1) {
      // Right after a cycle, so that no other one falls between.
      await this.fleet.cycles(EAST, 1);
      const [before, spent] = [await exported(), processorSeconds(this.agent)];
      const [flow] = await this.fleet.query(
        EAST,
        "SELECT id::text FROM public.flow WHERE name ~ '^Bulk ' ORDER BY random() LIMIT 1",
      );
      await this.fleet.call(EAST, "PATCH", `/api/v1/flows/${flow?.id}`, { description: randomUUID() });
      while ((await exported()) === before) await sleep(50);
      processor.push(processorSeconds(this.agent) - spent);
    }
    return processor;
  }

  /** The agent's greatest memory over all of it, MB. @throws Error where it was started anew meanwhile */
  async peak(): Promise<number> {
    if ((await this.fleet.pid(EAST, "flow-sync")) !== this.agent) throw new Error("the agent was started anew");
    return peakMegabytes(this.agent);
  }

  private flow(name: string): { id: string; name: string; description: string; data: object } {
    const start = Math.floor((Math.random() * PROSE.length) / 2);
    const rest = this.bytes - Buffer.byteLength(JSON.stringify(GRAPH, null, 4));
    const description = PROSE.slice(start)
      .repeat(Math.ceil((2 * this.bytes) / PROSE.length))
      .slice(0, rest);
    const note = { id: "note", type: "noteNode", data: { id: "note", node: { description } } };
    return { id: randomUUID(), name, description: "", data: { ...GRAPH, nodes: [...GRAPH.nodes, note] } };
  }
}
