import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import Fastify from "fastify";
import { type StoredSummary, summaryKey } from "../../../fleet/drill/summary";
import type { Deployment } from "../../../fleet/prove/assumption";
import { RealClouds } from "../../../fleet/prove/realClouds";
import { collect } from "../../../fleet/ready/collect/collect";
import type { Evidence } from "../../../fleet/ready/evidence";
import { fleetCapacity } from "../../../fleet/stacks/capacity";
import { readProject } from "../../../fleet/stacks/project";
import type { Session } from "../../../fleet/stacks/session";
import { stackOutputs } from "../../../fleet/stacks/stackOutputs";
import { backupId } from "../../../formats/backup/layout";
import { renderManifest } from "../../../formats/backup/manifest";
import { awsAnswers, cloudflareAnswers, clusterObjects, outputsOf } from "../prove/answers";
import { FakeTools } from "../prove/fakeTools";

const REGIONS = ["us-east", "eu-west"] as const;
export type Region = (typeof REGIONS)[number];
export const AWS_REGIONS: Readonly<Record<Region, string>> = { "us-east": "us-east-1", "eu-west": "eu-west-1" };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DUMP = "what pg_dump wrote";

/**
 * A healthy fleet as its tools and APIs report it: `aws`, `kubectl` and `cosign` on PATH, and Cloudflare's API, S3 and
 * the agents' metrics on loopback. Tests break parts of it, and the program's own collector reads the result.
 */
export class RecordedFleet {
  readonly project = readProject(join(__dirname, "../../.."));
  readonly tools: FakeTools;
  /** The `result` of Cloudflare's API by path. */
  cloudflare: Record<string, unknown> = {};
  /** Objects by `bucket/key`. */
  readonly objects = new Map<string, string>();
  /** Buckets that deny every request. */
  readonly refused = new Set<string>();
  /** Output of each region's agent at /metrics. */
  readonly metrics = new Map<string, string>();
  /** Resources that a preview with refresh would change. */
  drifts: readonly string[] = [];
  /** Differences between a restored database and its backup. */
  rehearsed: readonly string[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), "ready-"));
  private readonly saved = { ...process.env };
  private readonly servers = [...REGIONS, "clouds"].map(() => Fastify({ forceCloseConnections: true }));
  private clouds: RealClouds | undefined;
  private deployment: Deployment | undefined;

  constructor() {
    this.tools = new FakeTools(this.folder);
  }

  async start(): Promise<void> {
    const [, , clouds] = this.servers;
    if (!clouds) throw new Error("there is a server for the clouds");
    clouds.get("/client/v4/*", async ({ url }, reply) => {
      const result = this.cloudflare[decodeURIComponent(url.replace("/client/v4", ""))];
      if (result === undefined) return reply.code(404).send({ success: false, errors: [{ code: 7003 }], messages: [] });
      return { success: true, errors: [], messages: [], result };
    });
    type Asked = { Params: { bucket: string; "*": string }; Querystring: Record<string, string> };
    clouds.get<Asked>("/:bucket/*", async ({ params: { bucket, "*": key }, query }, reply) => {
      reply.type("application/xml");
      if (this.refused.has(bucket)) return reply.code(403).send("<Error><Code>AccessDenied</Code></Error>");
      if (query["list-type"]) return this.listed(bucket, query);
      const found = this.objects.get(`${bucket}/${key}`);
      return found ?? reply.code(404).send("<Error><Code>NoSuchKey</Code></Error>");
    });
    REGIONS.forEach((region, index) => {
      this.servers[index]?.get("/metrics", async () => this.metrics.get(region) ?? "");
      this.servers[index]?.get("/healthz", async () => ({}));
    });
    for (const server of this.servers) await server.listen({ host: "127.0.0.1", port: 0 });
    Object.assign(process.env, {
      PATH: `${this.folder}${delimiter}${process.env.PATH}`,
      ANSWERS: this.tools.answers,
      PORT: "0",
      CLOUDFLARE_BASE_URL: `${clouds.listeningOrigin}/client/v4`,
      CLOUDFLARE_API_TOKEN: "token",
      AWS_ENDPOINT_URL_S3: clouds.listeningOrigin,
      AWS_ACCESS_KEY_ID: "x",
      AWS_SECRET_ACCESS_KEY: "x",
    });
    await this.open();
  }

  private async open(): Promise<void> {
    const stacks = [...this.project.stacks.values()];
    const regions = stacks.filter((stack) => stack.kind === "region");
    const edge = stacks.find((stack) => stack.kind === "edge");
    if (!edge) throw new Error("the project has an edge");
    const session = { has: () => true, run: async (stack: string) => JSON.stringify(outputsOf(stack)) };
    const outputs = await stackOutputs(session as unknown as Session, this.project);
    const { signal } = new AbortController();
    this.clouds = await RealClouds.open({ regions, outputs, signal });
    const waits = { copyMs: 0, settleMs: 0, drainedMs: 0 };
    const drifted = async () => this.drifts;
    this.deployment = { clouds: this.clouds, regions, edge, outputs, drifted, waits, signal };
  }

  async stop(): Promise<void> {
    await this.clouds?.close();
    for (const server of this.servers) await server.close();
    process.env = this.saved;
    rmSync(this.folder, { recursive: true });
  }

  /** Resets the fleet to a healthy state. */
  heal(now = Date.now()): void {
    const { fleet } = this.edge;
    this.cloudflare = cloudflareAnswers(fleet.cloudflareAccountId);
    for (const each of [this.objects, this.refused, this.metrics]) each.clear();
    [this.drifts, this.rehearsed] = [[], []];
    this.tools.clear();
    REGIONS.forEach((region, index) => {
      for (const [operation, answer] of Object.entries(awsAnswers(region)))
        this.tools.say(AWS_REGIONS[region], `${operation}.json`, answer);
      for (const [kind, list] of Object.entries(clusterObjects(region, this.imagesOf(region))))
        this.tools.say(region, `${kind}.json`, list);
      const origin = this.servers[index]?.listeningOrigin ?? "http://127.0.0.1:0";
      this.tools.say(region, "port", new URL(origin).port);
      this.metrics.set(region, metricsOf(index === 0 ? { record: {} } : {}));
      this.backUp(region, now - HOUR_MS, REGIONS);
      this.drilled({ region, ended: now - 30 * DAY_MS });
    });
  }

  /** Adds a backup of a region to these buckets. */
  backUp(region: Region, at: number, buckets: readonly string[]): void {
    const id = backupId(new Date(at));
    const sha256 = createHash("sha256").update(DUMP).digest("hex");
    const moment = new Date(at).toISOString();
    const manifest = renderManifest({
      format: 1,
      id,
      region,
      takenAt: moment,
      finishedAt: moment,
      langflowVersion: "1.13.0",
      schemaRevision: "0123456789ab",
      databaseServerVersion: "18.1",
      counts: { users: 1, flows: 0, flowFiles: 0, claimFiles: 0, userFiles: 0 },
      userFiles: { bucket: `flows-${region}`, prefix: "files", bytes: 0 },
      claim: { changed: [], skipped: [] },
      objects: [{ key: "database.dump", size: DUMP.length, sha256 }],
    });
    for (const each of buckets) {
      this.objects.set(`flows-${each}/backups/${region}/${id}/database.dump`, DUMP);
      this.objects.set(`flows-${each}/backups/${region}/${id}/manifest.json`, manifest);
    }
  }

  /** Adds a drill, which passed by default. */
  drilled(of: Pick<StoredSummary, "region" | "ended"> & Partial<StoredSummary>): void {
    const summary: StoredSummary = {
      version: 1,
      id: `${new Date(of.ended).toISOString().slice(0, 19).replaceAll(":", "-")}Z-${of.region}-region`,
      fault: "region",
      began: of.ended - 180_000,
      passed: true,
      detectionSeconds: 36.5,
      recoverySeconds: 2.4,
      missed: [],
      ...of,
    };
    for (const each of REGIONS) this.objects.set(`flows-${each}/${summaryKey(summary)}`, JSON.stringify(summary));
  }

  /** Deletes all objects whose key contains this text. */
  forget(part: string): void {
    for (const key of this.objects.keys()) if (key.includes(part)) this.objects.delete(key);
  }

  /** Changes the objects of a kind in a region's cluster. */
  cluster(region: Region, kind: string, path: string, value: unknown): void {
    const list = structuredClone(clusterObjects(region, this.imagesOf(region))[kind]);
    set(list, path, value);
    this.tools.say(region, `${kind}.json`, list);
  }

  /** Changes AWS's answer in a region at a path. */
  aws(region: Region, operation: string, path: string, value: unknown): void {
    const answer = structuredClone(awsAnswers(region)[operation]);
    set(answer, path, value);
    this.tools.say(AWS_REGIONS[region], `${operation}.json`, answer);
  }

  /** Changes Cloudflare's answer for the path with this ending. */
  edges(end: string, path: string, value: unknown): void {
    set(this.cloudflare[Object.keys(this.cloudflare).find((each) => each.endsWith(end)) ?? ""], path, value);
  }

  collect({ drift = true }: { readonly drift?: boolean } = {}): Promise<Evidence> {
    if (!this.deployment) throw new Error("it has not been started");
    const said = "1 user, 0 flows";
    const rehearse = async () => ({ id: "20260101T000000000Z", seconds: 2, amiss: this.rehearsed, said });
    const capacities = fleetCapacity(this.project.stacks);
    return collect(this.deployment, { local: false, capacities, drift, rehearse, report: () => undefined });
  }

  private get edge() {
    const edge = this.project.stacks.get("edge");
    if (edge?.kind !== "edge") throw new Error("the project has an edge");
    return edge;
  }

  private imagesOf(region: Region): Record<string, string> {
    const { image, agentImage } = this.edge.fleet;
    const of = ({ repository, digest }: typeof image) =>
      `123456789012.dkr.ecr.${AWS_REGIONS[region]}.amazonaws.com/${repository}@${digest}`;
    return { langflow: of(image), "langflow-agent": of(agentImage) };
  }

  /** Returns the XML of a ListObjectsV2 request. */
  private listed(bucket: string, { prefix = "", delimiter: between }: Record<string, string>): string {
    const keys = [...this.objects.keys()]
      .filter((each) => each.startsWith(`${bucket}/${prefix}`))
      .map((each) => each.slice(bucket.length + 1));
    const within = (key: string) => (between ? key.indexOf(between, prefix.length) : -1);
    const folders = new Set(keys.filter((key) => within(key) >= 0).map((key) => key.slice(0, within(key) + 1)));
    const contents = keys
      .filter((key) => within(key) < 0)
      .map(
        (key) =>
          `<Contents><Key>${key}</Key><Size>${this.objects.get(`${bucket}/${key}`)?.length}</Size>` +
          "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>",
      );
    const prefixes = [...folders].map((each) => `<CommonPrefixes><Prefix>${each}</Prefix></CommonPrefixes>`);
    return `<ListBucketResult>${[...contents, ...prefixes].join("")}</ListBucketResult>`;
  }
}

interface AgentSays {
  readonly lag?: number;
  readonly unreached?: number;
  readonly waiting?: number;
  /** A table that is not replicated. In `renamed`, a user who was renamed. */
  readonly refused?: string;
  readonly renamed?: string;
  /** Number of flows whose delete is held. */
  readonly deletesHeld?: number;
  /** Set only for the recorder. */
  readonly record?: { readonly lag?: number; readonly held?: number };
}

/** Returns an agent's replication metrics in Prometheus' text format. */
export function metricsOf({
  lag = 3,
  unreached = 0,
  waiting = 0,
  refused,
  renamed,
  deletesHeld,
  record,
}: AgentSays): string {
  return [
    `langflow_dr_accounts_lag_seconds ${lag}`,
    `langflow_dr_accounts_waiting{table="flow"} ${waiting}`,
    ...(refused ? [`langflow_dr_accounts_refused{table="${refused}"} 1`] : []),
    ...(renamed ? [`langflow_dr_accounts_renamed{table="user",id="${renamed}"} 1`] : []),
    ...(deletesHeld ? [`langflow_dr_accounts_deletes_held{table="flow"} ${deletesHeld}`] : []),
    `langflow_dr_accounts_unreached{to="eu-west"} ${unreached}`,
    'langflow_dr_replication_latency_seconds{from="us-east",to="eu-west"} 11',
    `langflow_dr_record_recorder ${record ? 1 : 0}`,
    ...(record
      ? [
          `langflow_dr_sync_lag_seconds{workspace="default"} ${record.lag ?? 4}`,
          `langflow_dr_sync_held{workspace="default"} ${record.held ?? 0}`,
        ]
      : []),
    "",
  ].join("\n");
}

/** Sets a value at a path such as `a.0.b`. */
function set(within: unknown, path: string, value: unknown): void {
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  const place = keys.reduce((at, key) => (at as Record<string, unknown>)[key], within);
  (place as Record<string, unknown>)[last] = value;
}
