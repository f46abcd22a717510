import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { parse, stringify } from "yaml";
import { connectLocalCloud } from "../sandbox/cloud/client";
import { connectLive, type LiveConnection } from "../sandbox/live/client";
import { type AppliedRegion, appliedRegions } from "../sandbox/live/cluster/applied";
import { FLEET, measure, NODE, ROOT } from "./run";

export const [HERE, THERE] = ["us-east", "eu-west"] as const;
export type Place = typeof HERE | typeof THERE;

/** Keys of the users beside the superuser, by folder in Git. */
export type Keys = Readonly<Record<string, string>>;

/** What a region's file has in place of an encrypted key; the local fleet makes the key from it (`madeUp`). */
export const keyName = (place: Place, folder: string): string => `key of ${folder} in ${place}`;

/** A fleet of real processes, and its LangFlows, databases and agents as a user or an administrator reaches them. */
export class LiveBench {
  readonly directory: string;
  private readonly project: string;
  private readonly regions = new Map<Place, AppliedRegion>();

  /** @param root an empty folder */
  constructor(root: string) {
    this.project = join(root, "project");
    this.directory = join(root, "fleet");
    mkdirSync(this.project);
    for (const file of readdirSync(ROOT).filter((name) => /^Pulumi\.([\w-]+\.)?yaml$/.test(name)))
      cpSync(join(ROOT, file), join(this.project, file));
  }

  /** @param workspaces keys of each region's users */
  async up({ webhook, workspaces }: { webhook: boolean; workspaces?: Readonly<Record<Place, Keys>> }): Promise<void> {
    process.stderr.write(`up --local --live, webhook ${webhook ? "on" : "off"}\n`);
    this.configure("Pulumi.yaml", "webhook", { value: webhook });
    for (const place of [HERE, THERE]) {
      const keys = Object.keys(workspaces?.[place] ?? {}).map((folder) => [folder, { secure: keyName(place, folder) }]);
      this.configure(`Pulumi.${place}.yaml`, "workspaces", Object.fromEntries(keys));
    }
    const where = ["--project", this.project, "--directory", this.directory];
    await measure([...NODE, FLEET, "up", "--local", "--live", "--json", ...where]);
  }

  async live(): Promise<LiveConnection> {
    const live = await connectLive(join(this.directory, "live"));
    if (!live) throw new Error("the live fleet is down");
    return live;
  }

  /**
   * A process of a region: `langflow` or `flow-sync`.
   *
   * @returns its id
   */
  async pid(place: Place, name: string): Promise<number> {
    const { processes } = await (await this.live()).status();
    const found = processes.find((each) => each.region === place && each.name === name)?.pid;
    if (found === undefined) throw new Error(`${name} of ${place} does not run`);
    return found;
  }

  /** A metric of a region's agent; 0 where it has none of that name yet. */
  async metric(place: Place, name: string): Promise<number> {
    // Of its own port: with webhooks on, the address of its Service is theirs.
    const environment = readFileSync(`/proc/${await this.pid(place, "flow-sync")}/environ`, "utf8");
    const [, port] = /(?:^|\0)AGENT_METRICS_PORT=(\d+)/.exec(environment) ?? [];
    const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: "close" } });
    return Number(new RegExp(`^${name}(?:\\{.*?\\})? (\\S+)`, "m").exec(await response.text())?.[1] ?? 0);
  }

  /** Waits until a region's agent has ended so many more cycles. */
  async cycles(place: Place, more: number): Promise<void> {
    const count = () => this.metric(place, "langflow_dr_sync_duration_seconds_count");
    for (const begun = await count(); (await count()) < begun + more; ) await sleep(200);
  }

  /** Rows of a region's database. */
  async query(place: Place, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    const { regions } = await (await this.live()).status();
    const url = new URL(regions.find((each) => each.region === place)?.database ?? "");
    const [database] = (await this.applied(place)).databases;
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
   * A call of LangFlow's API.
   *
   * @param key by default the superuser's
   * @returns undefined where it is not there
   */
  async call(place: Place, method: string, path: string, body?: object, key?: string): Promise<unknown> {
    const headers = {
      "x-api-key": key ?? (await this.superuserKey(place)),
      connection: "close",
      // As the agent asks, beside which this is measured.
      "accept-encoding": "identity",
      ...(body && { "content-type": "application/json" }),
    };
    const url = (await this.langflowUrl(place)) + path;
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

  readonly #urls = new Map<Place, string>();

  private async langflowUrl(place: Place): Promise<string> {
    const { regions } = this.#urls.has(place) ? { regions: [] } : await (await this.live()).status();
    for (const { region, url } of regions) if (url) this.#urls.set(region as Place, url);
    return this.#urls.get(place) ?? "";
  }

  private async superuserKey(place: Place): Promise<string> {
    return Object.assign({}, ...(await this.applied(place)).secrets.values()).LANGFLOW_API_KEY;
  }

  /** Neither keys nor passwords change while the bench runs. */
  private async applied(place: Place): Promise<AppliedRegion> {
    if (!this.regions.has(place)) {
      const cloud = await connectLocalCloud(join(this.directory, "cloud"));
      for (const each of appliedRegions((await cloud?.resources({ clear: true })) ?? []))
        this.regions.set(each.region as Place, each);
    }
    const found = this.regions.get(place);
    if (!found) throw new Error(`${place} is not applied`);
    return found;
  }
}

/** Seconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - began) / 1e9;
}
