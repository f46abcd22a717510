import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { S3Client } from "@aws-sdk/client-s3";
import { Client } from "pg";
import { stringify } from "yaml";
import type { CloudResource } from "../../sandbox/cloud/client";
import { connectLocalCloud } from "../../sandbox/cloud/client";
import { connectLive, type LiveConnection } from "../../sandbox/live/client";
import { type AppliedRegion, appliedRegions } from "../../sandbox/live/cluster/applied";
import type { LiveStatus, ProcessStatus } from "../../sandbox/live/status";
import { type Answer, LocalFleet } from "../engine/localFleet";

/** URL and credentials of one region's LangFlow. */
export interface LiveLangFlow {
  readonly url: string;
  /** The fleet's shared API key, for the header x-api-key. */
  readonly apiKey: string;
  readonly superuser: string;
  readonly password: string;
  /** Secret key that signs LangFlow's sessions. */
  readonly secretKey: string;
}

/**
 * The shortest interval that the config accepts, with timeouts that suit a LangFlow on a busy machine. A failover takes
 * 28 s.
 */
export const QUICKEST_MONITOR = {
  intervalSeconds: 10,
  timeoutSeconds: 3,
  retries: 0,
  consecutiveDown: 2,
  consecutiveUp: 1,
  checkRegions: ["ENAM", "WEU", "SEAS"],
};
const POLL_MS = 250;

/** Returns the environment of a process. */
export function environOf(pid: number | undefined): Record<string, string> {
  const text = readFileSync(`/proc/${pid}/environ`, "utf8");
  return Object.fromEntries(
    text
      .split("\0")
      .filter(Boolean)
      .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
}

/** A separate local fleet whose processes are real: LangFlow, PostgreSQL, Git, S3 and the flow agent. */
export class LiveFleet {
  readonly local = new LocalFleet();

  /** @param how listeners: whether each region runs listeners, which take half a gigabyte each. Default: no */
  constructor({ listeners = false }: { readonly listeners?: boolean } = {}) {
    this.local.edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:schedules"].value.listeners = listeners;
    });
  }

  /** Folder of the supervisor, with logs, data and ports. */
  get directory(): string {
    return join(this.local.fleet, "live");
  }

  /**
   * Starts or updates the fleet: the regions of the repository's config, and additional regions.
   *
   * @param more regions in addition to us-east and eu-west, each with its own AWS region and network
   * @param options of `up`
   * @returns the result of `fleet up --local --live --json`
   */
  async start(
    more: readonly { name: string; awsRegion: string; cidr: string }[] = [],
    ...options: readonly string[]
  ): Promise<Answer> {
    for (const region of more) {
      this.local.edit("Pulumi.yaml", ({ config }) => {
        const regions = config["langflow-dr:regions"].value;
        if (!regions.some(({ name }: { name: string }) => name === region.name))
          regions.push({ ...region, backupRegion: "us-east" });
      });
      this.local.add(`Pulumi.${region.name}.yaml`, stringify({ config: {} }));
    }
    return this.local.deploy("--live", ...options);
  }

  /** Returns the supervisor's API, for faults and Jobs. */
  async supervisor(): Promise<LiveConnection> {
    const live = await connectLive(this.directory);
    if (!live) throw new Error("no supervisor answers");
    return live;
  }

  async status(): Promise<LiveStatus> {
    return (await this.supervisor()).status();
  }

  async process(region: string, name: string): Promise<ProcessStatus> {
    const found = (await this.status()).processes.find((each) => each.region === region && each.name === name);
    if (!found) throw new Error(`there is no process ${name} in ${region}`);
    return found;
  }

  /** Waits until a process satisfies a condition. */
  async until(
    region: string,
    name: string,
    wanted: (status: ProcessStatus) => boolean,
    timeoutMs = 300_000,
  ): Promise<ProcessStatus> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const status = await this.process(region, name);
      if (wanted(status)) return status;
      if (Date.now() > deadline) throw new Error(`${region} ${name} stays ${JSON.stringify(status)}`);
      await sleep(POLL_MS);
    }
  }

  /** Runs a command in the environment of a process, as described in docs/local-fleet.md, and returns its output. */
  async beside(region: string, name: string, command: string): Promise<string> {
    const { pid } = await this.process(region, name);
    const script = `xargs -0 sh -c 'exec env -i "$@" ${command}' sh < /proc/${pid}/environ`;
    return execFileSync("sh", ["-c", script], { encoding: "utf8" });
  }

  /** Returns a process's whole log since the fleet was created. */
  async logOf(region: string, name: string): Promise<string> {
    const { deployment } = await this.process(region, name);
    return readFileSync(join(this.directory, region, "logs", `${deployment}.${name}.log`), "utf8");
  }

  /** Scales a Deployment to zero or back to one, like `kubectl scale`, and waits until the pods match. */
  async scale(region: string, deployment: string, replicas: 0 | 1): Promise<void> {
    const found = (await this.resources()).find(
      ({ type, id, urn }) =>
        type === "kubernetes:apps/v1:Deployment" && id.endsWith(`/${deployment}`) && urn.includes(`:${region}::`),
    );
    if (!found) throw new Error(`${region} has no Deployment ${deployment}`);
    await this.local.cloud("PATCH", `/resources/${encodeURIComponent(found.key)}`, { spec: { replicas } });
    await (await this.supervisor()).apply();
    const deadline = Date.now() + 300_000;
    for (;;) {
      const { processes, busy } = await this.status();
      const own = processes.filter((each) => each.region === region && each.deployment === deployment);
      if (!busy && own.filter(({ ready }) => ready).length === replicas) return;
      if (Date.now() > deadline) throw new Error(`${region} ${deployment} is not scaled to ${replicas}`);
      await sleep(POLL_MS);
    }
  }

  /** Returns the path of `lfx`, the command line tool of the running LangFlow release. */
  async lfx(): Promise<string> {
    const { pid } = await this.process("us-east", "langflow");
    const folder = environOf(pid).PATH?.split(":")[0] ?? "";
    const [, python = ""] = /exec '([^']+)'/.exec(readFileSync(join(folder, "python"), "utf8")) ?? [];
    return join(python, "../lfx");
  }

  /** Returns all resources of the local cloud, with plaintext secrets. */
  async resources(): Promise<CloudResource[]> {
    const cloud = await connectLocalCloud(join(this.local.fleet, "cloud"));
    if (!cloud) throw new Error("the local cloud is down");
    return cloud.resources({ clear: true });
  }

  /** Returns the applied resources of a region. */
  async applied(region: string): Promise<AppliedRegion> {
    const found = appliedRegions(await this.resources()).find((each) => each.region === region);
    if (!found) throw new Error(`the region ${region} is not applied`);
    return found;
  }

  async langflow(region: string): Promise<LiveLangFlow> {
    const { regions } = await this.status();
    const url = regions.find((each) => each.region === region)?.url;
    if (url === undefined) throw new Error(`LangFlow of ${region} has no address`);
    const { secrets, configMaps } = await this.applied(region);
    const all: Record<string, string> = Object.assign({}, ...configMaps.values(), ...secrets.values());
    return {
      url,
      apiKey: all.LANGFLOW_API_KEY ?? "",
      superuser: all.LANGFLOW_SUPERUSER ?? "",
      password: all.LANGFLOW_SUPERUSER_PASSWORD ?? "",
      secretKey: all.LANGFLOW_SECRET_KEY ?? "",
    };
  }

  /** Returns the URL of a region's database with user and password, as its pods use it. */
  async database(region: string): Promise<string> {
    const { regions } = await this.status();
    const address = regions.find((each) => each.region === region)?.database;
    const [applied] = (await this.applied(region)).databases;
    if (!address || !applied) throw new Error(`the region ${region} has no database`);
    return `${address.replace("//", `//${applied.user}:${applied.password}@`)}/${applied.name}?sslmode=disable`;
  }

  /** Runs a query on a region's database in a separate connection and returns the rows, if any. */
  // biome-ignore lint/suspicious/noExplicitAny: a test asks for any columns
  async query(region: string, sql: string, values: unknown[] = []): Promise<any[]> {
    const client = new Client({ connectionString: await this.database(region) });
    await client.connect();
    try {
      return (await client.query(sql, values)).rows ?? [];
    } finally {
      await client.end();
    }
  }

  /** Returns the path of the bare repository that every region's agent uses. */
  async gitDirectory(): Promise<string> {
    return (await this.status()).git.directory;
  }

  async gitUrl(): Promise<string> {
    return (await this.status()).git.url;
  }

  async s3Endpoint(): Promise<string> {
    return (await this.status()).s3.url;
  }

  /** Returns the name of a region's flow bucket. */
  async bucket(region: string): Promise<string> {
    const buckets = (await this.resources()).filter(({ type }) => type === "aws:s3/bucket:Bucket");
    const found = buckets.find(({ name, id }) => name === region || id.includes(`-${region}-`));
    if (!found) throw new Error(`the region ${region} has no bucket`);
    return found.id;
  }

  /** Returns the folder of a region's claim. */
  claim(region: string): string {
    return join(this.directory, region, "claims", `pvc-langflow-${region}`);
  }

  /** Returns an S3 client for all buckets. */
  async s3(): Promise<S3Client> {
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    return new S3Client({ endpoint: await this.s3Endpoint(), region: "us-east-1", forcePathStyle: true, credentials });
  }

  /** Ends every process and deletes the fleet. */
  async remove(): Promise<void> {
    await (await connectLive(this.directory))?.stop({ now: true });
    await this.local.remove();
  }
}
