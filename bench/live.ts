import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse, stringify } from "yaml";
import { percentile } from "../model/percentile";
import { connectLocalCloud } from "../sandbox/client";
import { appliedRegions } from "../sandbox/live/applied";
import { connectLive, type LiveConnection } from "../sandbox/live/client";
import { type Bounds, type Row, row } from "./rows";
import { FLEET, measure, NODE, ROOT } from "./run";

const [HERE, THERE] = ["us-east", "eu-west"] as const;
const SAMPLE: { data: object } = JSON.parse(readFileSync(join(ROOT, "flows/default/Mock_LLM.json"), "utf8"));
const FLOWS = 1_000;
const FLOW_BYTES = 100_000;
/** Seconds; the default of a region's `sync.intervalSeconds`. */
const INTERVAL = 10;

/**
 * What flow sync takes on real LangFlow, PostgreSQL and Git: how long an edit is on its way, and what a thousand flows
 * cost. Beside each is what LangFlow itself takes for the same.
 *
 * @param samples edits behind each of the two latencies
 */
export async function liveRows(samples: number): Promise<Row[]> {
  const root = mkdtempSync(join(tmpdir(), "bench-live-"));
  const fleet = new LiveBench(root);
  const rows: Row[] = [];
  const add = (what: string, unit: Row["unit"], values: readonly number[], floor?: Row, bounds?: Bounds): Row => {
    const made = row(what, unit, values, floor, bounds);
    rows.push(made);
    process.stderr.write(`${what}: ${made.median.toFixed(2)} ${unit}\n`);
    return made;
  };
  try {
    await fleet.up(false);
    const run = add("run of a flow, LangFlow alone", "s", await fleet.runs(samples));
    const latency = async (how: string): Promise<void> => {
      const values = await fleet.latencies(samples);
      add(`saved there to runs here, ${how}`, "s", values, run, { most: INTERVAL + 3 });
      add(`saved there to runs here, ${how}, 95th percentile`, "s", [percentile(values, 95)], run, {
        most: INTERVAL + 3,
      });
    };
    await latency("interval alone");
    await fleet.up(true);
    await latency("webhook");

    await (await fleet.live()).stopRegion(THERE);
    add(`${FLOWS} new flows of ${FLOW_BYTES / 1000} KB into a region`, "s", [await fleet.fill()], undefined, {
      most: 60,
    });
    const { cycles, writes, megabytes, listing } = await fleet.idle();
    const floor = add(`listing of ${FLOWS} flows, LangFlow alone`, "s", listing);
    add(`sync of ${FLOWS} unchanged flows`, "s", cycles, floor, { most: 2 });
    add("LangFlow writes in it", "flows", [writes], undefined, { most: 0 });
    add(`agent's greatest memory at ${FLOWS} flows`, "MB", [megabytes], undefined, { most: 150 });
    return rows;
  } finally {
    await fleet.remove();
    rmSync(root, { recursive: true, force: true });
  }
}

class LiveBench {
  private readonly project: string;
  private readonly directory: string;

  constructor(root: string) {
    this.project = join(root, "project");
    this.directory = join(root, "fleet");
    mkdirSync(this.project);
    for (const file of readdirSync(ROOT).filter((name) => /^Pulumi\.([\w-]+\.)?yaml$/.test(name)))
      cpSync(join(ROOT, file), join(this.project, file));
  }

  async up(webhook: boolean): Promise<void> {
    process.stderr.write(`up --local --live, webhook ${webhook ? "on" : "off"}\n`);
    const file = join(this.project, "Pulumi.yaml");
    const content = parse(readFileSync(file, "utf8"));
    content.config["langflow-dr:webhook"] = { value: webhook };
    writeFileSync(file, stringify(content));
    const where = ["--project", this.project, "--directory", this.directory];
    await measure([...NODE, FLEET, "up", "--local", "--live", "--json", ...where]);
  }

  async live(): Promise<LiveConnection> {
    const live = await connectLive(join(this.directory, "live"));
    if (!live) throw new Error("the live fleet is down");
    return live;
  }

  /** LangFlow alone: a flow made and run in one region. */
  async runs(samples: number): Promise<number[]> {
    // The first run of a LangFlow that has just started takes longer than any other.
    for (const region of [THERE, HERE]) await this.run(region, await this.create(region, `First of ${region}`));
    const flow = await this.create(HERE, "Floor");
    const seconds: number[] = [];
    for (let sample = 0; sample < samples; sample += 1) seconds.push(await timed(() => this.run(HERE, flow)));
    return seconds;
  }

  /** Seconds from a flow's being saved in one region to its first answer in the other. */
  async latencies(samples: number): Promise<number[]> {
    const seconds: number[] = [];
    for (let sample = 0; sample < samples; sample += 1) {
      process.stderr.write(`edit ${sample + 1} of ${samples}\n`);
      // At any moment of the interval.
      await sleep(Math.random() * INTERVAL * 1000);
      const flow = await this.create(HERE, `Latency ${randomUUID()}`);
      seconds.push(
        await timed(async () => {
          while (!(await this.run(THERE, flow))) await sleep(50);
        }),
      );
    }
    return seconds;
  }

  /** Seconds from a push of many new flows to the last one's being in LangFlow. */
  async fill(): Promise<number> {
    process.stderr.write(`${FLOWS} flows pushed to Git\n`);
    const { git } = await (await this.live()).status();
    const clone = join(this.directory, "clone");
    execFileSync("git", ["clone", "--quiet", git.directory, clone], { stdio: "ignore" });
    mkdirSync(join(clone, "default"), { recursive: true });
    for (let flow = 0; flow < FLOWS; flow += 1) {
      const note = {
        id: "note",
        type: "noteNode",
        data: { id: "note", node: { description: "x".repeat(FLOW_BYTES) } },
      };
      const file = { id: randomUUID(), name: `Bulk ${flow}`, description: "", data: { nodes: [note], edges: [] } };
      writeFileSync(join(clone, "default", `Bulk_${flow}.json`), JSON.stringify(file));
    }
    const author = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"];
    execFileSync("git", ["-C", clone, "add", "-A"]);
    execFileSync("git", ["-C", clone, ...author, "commit", "--quiet", "-m", "Many flows"]);
    // By the agent's own word: to list a thousand flows is work for LangFlow.
    const imported = () => this.metric("langflow_dr_sync_imported_total");
    const before = await imported();
    const seconds = await timed(async () => {
      execFileSync("git", ["-C", clone, "push", "--quiet"]);
      while ((await imported()) < before + FLOWS) await sleep(250);
    });
    const stored = await this.count();
    if (stored < FLOWS) throw new Error(`LangFlow holds ${stored} flows of ${FLOWS}`);
    return seconds;
  }

  /** A few cycles in which nothing changes. */
  async idle(): Promise<{ cycles: number[]; writes: number; megabytes: number; listing: number[] }> {
    const metric = (name: string) => this.metric(name);
    const sum = "langflow_dr_sync_duration_seconds_sum";
    const count = "langflow_dr_sync_duration_seconds_count";
    // The cycle that imported, and the one that looks at each flow once more.
    for (let begun = await metric(count); (await metric(count)) < begun + 2; ) await sleep(500);
    const writes = await metric("langflow_dr_sync_imported_total");
    const cycles: number[] = [];
    for (let [at, total] = [await metric(count), await metric(sum)]; cycles.length < 3; await sleep(200)) {
      const now = await metric(count);
      if (now === at) continue;
      const spent = await metric(sum);
      cycles.push((spent - total) / (now - at));
      [at, total] = [now, spent];
    }
    process.stderr.write("listings\n");
    const listing: number[] = [];
    for (let turn = 0; turn < 3; turn += 1) listing.push(await timed(() => this.count()));
    const status = readFileSync(`/proc/${(await this.agent()).pid}/status`, "utf8");
    const megabytes = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
    return { cycles, writes: (await metric("langflow_dr_sync_imported_total")) - writes, megabytes, listing };
  }

  async remove(): Promise<void> {
    await (await connectLive(join(this.directory, "live")))?.stop({ now: true });
    await (await connectLocalCloud(join(this.directory, "cloud")))?.stop();
  }

  private async agent(): Promise<{ pid?: number }> {
    const { processes } = await (await this.live()).status();
    return processes.find(({ region, name }) => region === HERE && name === "flow-sync") ?? {};
  }

  private async metric(name: string): Promise<number> {
    // Of its own port: with webhooks on, the address of its Service is theirs.
    const environment = readFileSync(`/proc/${(await this.agent()).pid}/environ`, "utf8");
    const [, port] = /(?:^|\0)AGENT_METRICS_PORT=(\d+)/.exec(environment) ?? [];
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(new RegExp(`^${name}\\{.*?\\} (\\S+)`, "m").exec(text)?.[1] ?? 0);
  }

  private async count(): Promise<number> {
    return ((await this.call(HERE, "GET", "/api/v1/flows/?get_all=true&header_flows=true")) as unknown[]).length;
  }

  private async create(region: string, name: string): Promise<string> {
    const made = await this.call(region, "POST", "/api/v1/flows/", { name, description: "", data: SAMPLE.data });
    return (made as { id: string }).id;
  }

  /** @returns false where the flow is not there */
  private async run(region: string, flow: string): Promise<boolean> {
    const body = { input_value: "hello", input_type: "chat", output_type: "chat" };
    return (await this.call(region, "POST", `/api/v1/run/${flow}?stream=false`, body)) !== undefined;
  }

  private async call(region: string, method: string, path: string, body?: object): Promise<unknown> {
    const { url, key } = await this.langflow(region);
    const headers = { "x-api-key": key, "content-type": "application/json" };
    const response = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${(await response.text()).slice(0, 300)}`);
    return response.json();
  }

  readonly #langflows = new Map<string, { url: string; key: string }>();

  private async langflow(region: string): Promise<{ url: string; key: string }> {
    const known = this.#langflows.get(region);
    if (known) return known;
    const cloud = await connectLocalCloud(join(this.directory, "cloud"));
    const applied = appliedRegions((await cloud?.resources({ clear: true })) ?? []);
    const secrets = applied.find((each) => each.region === region)?.secrets.values() ?? [];
    const key = Object.assign({}, ...secrets).LANGFLOW_API_KEY as string;
    const { regions } = await (await this.live()).status();
    const found = { url: regions.find((each) => each.region === region)?.url ?? "", key };
    this.#langflows.set(region, found);
    return found;
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - began) / 1e9;
}
