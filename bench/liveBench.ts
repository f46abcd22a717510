import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import { Client } from "pg";
import { parse, stringify } from "yaml";
import { accessToken } from "../agent/langflow/accessToken";
import { connectLocalCloud } from "../sandbox/cloud/client";
import { connectLive, type LiveConnection } from "../sandbox/live/client";
import { type AppliedRegion, appliedRegions } from "../sandbox/live/cluster/applied";
import { type Bounds, type Row, row } from "./rows";
import { FLEET, measure, NODE, ROOT } from "./run";

export const [EAST, WEST] = ["us-east", "eu-west"] as const;
export type RegionName = typeof EAST | typeof WEST;

/** Query whether a region has published all its account changes to the other regions. */
export const ALL_TOLD = `
  SELECT NOT EXISTS (SELECT FROM langflow_dr.account_change)
     AND NOT EXISTS (SELECT FROM langflow_dr.account_row WHERE news IS NOT NULL) AS done`;

/** Lifetime of an access token for one call, in milliseconds. */
const TOKEN_MS = 60_000;

/** A fleet of real processes, with access to its LangFlows, databases and agents as a user or an administrator. */
export class LiveBench {
  readonly directory: string;
  private readonly project: string;
  private readonly regions = new Map<RegionName, AppliedRegion>();

  /** @param root an empty folder */
  constructor(root: string) {
    this.project = join(root, "project");
    this.directory = join(root, "fleet");
    mkdirSync(this.project);
    for (const file of readdirSync(ROOT).filter((name) => /^Pulumi\.([\w-]+\.)?yaml$/.test(name)))
      cpSync(join(ROOT, file), join(this.project, file));
  }

  async up({ webhook }: { webhook: boolean }): Promise<void> {
    process.stderr.write(`up --local --live, webhook ${webhook ? "on" : "off"}\n`);
    this.configure("Pulumi.yaml", "webhook", { value: webhook });
    const where = ["--project", this.project, "--directory", this.directory];
    await measure([...NODE, FLEET, "up", "--local", "--live", "--json", ...where]);
  }

  async live(): Promise<LiveConnection> {
    const live = await connectLive(join(this.directory, "live"));
    if (!live) throw new Error("the live fleet is down");
    return live;
  }

  /**
   * Finds a process of a region: `langflow` or `flow-sync`.
   *
   * @returns its process id
   */
  async pid(region: RegionName, name: string): Promise<number> {
    const { processes } = await (await this.live()).status();
    const found = processes.find((each) => each.region === region && each.name === name)?.pid;
    if (found === undefined) throw new Error(`${name} of ${region} is not running`);
    return found;
  }

  /** Returns a metric of a region's agent, or 0 if the agent does not report it yet. */
  async metric(region: RegionName, name: string): Promise<number> {
    // Uses the metrics port directly, because the Service address belongs to the webhooks if they are enabled.
    const port = await this.setting(region, "AGENT_METRICS_PORT");
    const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: "close" } });
    return Number(new RegExp(`^${name}(?:\\{.*?\\})? (\\S+)`, "m").exec(await response.text())?.[1] ?? 0);
  }

  /** Returns the total size of the account segments in a region's flow bucket, in bytes. */
  async bucketBytes(region: RegionName): Promise<number> {
    const { s3 } = await (await this.live()).status();
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    const client = new S3Client({ endpoint: s3.url, region: "us-east-1", forcePathStyle: true, credentials });
    const pages = paginateListObjectsV2(
      { client },
      { Bucket: await this.setting(region, "AGENT_BUCKET"), Prefix: "accounts/" },
    );
    let bytes = 0;
    for await (const { Contents = [] } of pages) for (const { Size = 0 } of Contents) bytes += Size;
    client.destroy();
    return bytes;
  }

  /** Returns an environment variable of a region's agent. */
  private async setting(region: RegionName, name: string): Promise<string | undefined> {
    const environment = readFileSync(`/proc/${await this.pid(region, "flow-sync")}/environ`, "utf8");
    return new RegExp(`(?:^|\\0)${name}=([^\\0]*)`).exec(environment)?.[1];
  }

  /** Runs a query on a region's database and returns the rows. */
  async query(region: RegionName, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    const { regions } = await (await this.live()).status();
    const url = new URL(regions.find((each) => each.region === region)?.database ?? "");
    const [database] = (await this.applied(region)).databases;
    const { user = "", password = "", name = "" } = database ?? {};
    const client = new Client({ host: url.hostname, port: Number(url.port), user, password, database: name });
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /**
   * Waits until a query on a region's database returns `done`. Ignores errors, because the database may still be
   * starting.
   */
  async until(region: RegionName, query: string, lookMs = 250): Promise<void> {
    for (;;) {
      const [found] = await this.query(region, query).catch(() => []);
      if (found?.done === true) return;
      await sleep(lookMs);
    }
  }

  /**
   * Calls LangFlow's API.
   *
   * @param userId user for the call, by default the superuser
   * @returns undefined on status 404
   */
  async call(region: RegionName, method: string, path: string, body?: object, userId?: string): Promise<unknown> {
    const { LANGFLOW_API_KEY = "", LANGFLOW_SECRET_KEY = "" } = await this.secrets(region);
    const headers = {
      ...(userId === undefined
        ? { "x-api-key": LANGFLOW_API_KEY }
        : { authorization: `Bearer ${accessToken(LANGFLOW_SECRET_KEY, userId, Date.now() + TOKEN_MS)}` }),
      connection: "close",
      // Same header as in the agent's requests, for comparable measurements.
      "accept-encoding": "identity",
      ...(body && { "content-type": "application/json" }),
    };
    const url = (await this.langflowUrl(region)) + path;
    const response = await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${(await response.text()).slice(0, 300)}`);
    return response.json();
  }

  async remove(): Promise<void> {
    await (await connectLive(join(this.directory, "live")))?.stop({ now: true });
    await (await connectLocalCloud(join(this.directory, "cloud")))?.stop();
  }

  private configure(name: string, key: string, value: unknown): void {
    const file = join(this.project, name);
    const content = parse(readFileSync(file, "utf8"));
    content.config[`langflow-dr:${key}`] = value;
    writeFileSync(file, stringify(content));
  }

  readonly #urls = new Map<RegionName, string>();

  private async langflowUrl(region: RegionName): Promise<string> {
    const { regions } = this.#urls.has(region) ? { regions: [] } : await (await this.live()).status();
    for (const { region, url } of regions) if (url) this.#urls.set(region as RegionName, url);
    return this.#urls.get(region) ?? "";
  }

  private async secrets(region: RegionName): Promise<Partial<Record<string, string>>> {
    return Object.assign({}, ...(await this.applied(region)).secrets.values());
  }

  /**
   * Returns a region's applied resources. They are cached, because keys and passwords do not change during a benchmark.
   */
  private async applied(region: RegionName): Promise<AppliedRegion> {
    if (!this.regions.has(region)) {
      const cloud = await connectLocalCloud(join(this.directory, "cloud"));
      for (const each of appliedRegions((await cloud?.resources({ clear: true })) ?? []))
        this.regions.set(each.region as RegionName, each);
    }
    const found = this.regions.get(region);
    if (!found) throw new Error(`${region} is not deployed`);
    return found;
  }
}

export type AddRow = (what: string, unit: Row["unit"], values: readonly number[], floor?: Row, bounds?: Bounds) => Row;

/** Runs measurements on a dedicated fleet, which is removed afterward. Prints each row as soon as it is available. */
export async function onLiveFleet(measureOn: (fleet: LiveBench, add: AddRow) => Promise<void>): Promise<Row[]> {
  const root = mkdtempSync(join(tmpdir(), "bench-live-"));
  const fleet = new LiveBench(root);
  const rows: Row[] = [];
  try {
    await measureOn(fleet, (what, unit, ...more) => {
      const made = row(what, unit, ...more);
      rows.push(made);
      process.stderr.write(`${what}: ${made.median.toFixed(2)} ${unit}\n`);
      return made;
    });
    return rows;
  } finally {
    await fleet.remove();
    rmSync(root, { recursive: true, force: true });
  }
}

/** Runs work and returns its duration in seconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - began) / 1e9;
}
