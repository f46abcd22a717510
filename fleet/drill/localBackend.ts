import { setTimeout as sleep } from "node:timers/promises";
import type { S3Client } from "@aws-sdk/client-s3";
import { BACKUP_PREFIX, DRILL_LOCK_KEY } from "../../formats/bucketKeys";
import { HEALTH_PATH, SHUTDOWN } from "../../model/langflow";
import { placeOf } from "../../model/places";
import type { CloudResource, LocalCloud } from "../../sandbox/cloud/client";
import { connectLive, type LiveConnection } from "../../sandbox/live/client";
import { ensureDebianLibrary } from "../../sandbox/live/tools/debianProgram";
import { installerWith } from "../local/installer";
import { liveDirectory } from "../local/live";
import { localS3 } from "../local/localS3";
import { type Project, regionStack } from "../stacks/project";
import type { Session } from "../stacks/session";
import { accessHeaders, lockRegion, type StackOutputs, stackOutputs } from "../stacks/stackOutputs";
import type { Backend, Pods, PoolVerdict, Restorable } from "./backend";
import { AHEAD_SECONDS, BROKEN_SHARE, type Fault, LATE_SECONDS } from "./faults";
import type { LockObject } from "./lock";
import { keepIn, keysIn, lockObject } from "./objects";
import { newestBackup } from "./survivor";

const POLL_MS = 100;
/**
 * Consecutive good answers that count as healthy. LangFlow discovers the cut connections of its connection pool one by
 * one.
 */
const GOOD_IN_A_ROW = 10;
/**
 * Maximum time for LangFlow to restart and for a monitor that polls once a minute to mark the pool as healthy again.
 */
const START_SECONDS = 300;
/** Margin for a busy machine to notice a change and end a process. */
const SPARE_SECONDS = 60;
const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
const POOL = "cloudflare:index/loadBalancerPool:LoadBalancerPool";
const SECRET_VERSION = "aws:secretsmanager/secretVersion:SecretVersion";

/** Backend for the local fleet: faults kill or suspend processes, and the live fleet provides the load balancer. */
export class LocalBackend implements Backend {
  private constructor(
    readonly publicUrl: string,
    readonly apiKey: string,
    readonly accessHeaders: Readonly<Record<string, string>>,
    private readonly session: Session,
    private readonly project: Project,
    private readonly live: LiveConnection,
    private readonly outputs: StackOutputs,
    private readonly s3: S3Client,
  ) {}

  /** @returns the backend, or a message that explains why no drill is possible because the live fleet is not running */
  static async open(session: Session, project: Project): Promise<LocalBackend | string> {
    const live = await connectLive(liveDirectory(session.options.directory));
    const status = await live?.status();
    if (!live || !status?.balancer) return "the live processes are not running: start them with `up --local --live`";
    const outputs = await stackOutputs(session, project);
    const resources = await cloudOf(session).resources({ clear: true });
    const secret = (arn: string) =>
      String(
        resources.find(({ type, properties }) => type === SECRET_VERSION && properties.secretId === arn)?.properties
          .secretString,
      );
    const { apiKey } = outputs.secrets;
    const headers = await accessHeaders(session, outputs);
    return new LocalBackend(
      status.balancer.url,
      secret(apiKey),
      headers,
      session,
      project,
      live,
      outputs,
      localS3(status),
    );
  }

  from(region: string): Record<string, string> {
    const config = this.project.stacks.get(region);
    const place = config?.kind === "region" ? placeOf(config.region.awsRegion) : undefined;
    // Location headers that Cloudflare adds (managed transform "Add visitor location headers").
    return place ? { "cf-iplatitude": String(place.latitude), "cf-iplongitude": String(place.longitude) } : {};
  }

  answeredBy(headers: Headers): string | undefined {
    return headers.get("x-local-pool") ?? undefined;
  }

  async reach(region: string): Promise<string> {
    const { regions } = await this.live.status();
    const url = regions.find((each) => each.region === region)?.url;
    if (url === undefined) throw new Error(`LangFlow of ${region} has no address: check it with \`status --local\``);
    return url;
  }

  async prometheus(region: string): Promise<string | undefined> {
    const { processes } = await this.live.status();
    return processes.find((each) => each.region === region && each.name === "prometheus")?.url;
  }

  async pools(): Promise<ReadonlyMap<string, PoolVerdict>> {
    const { pools, history } = await this.live.balancer();
    return new Map(
      pools.map(({ region, enabled, healthy }) => [
        region,
        { enabled, healthy, since: history.findLast((each) => each.pool === region)?.at ?? 0 },
      ]),
    );
  }

  async troubles(): Promise<string[]> {
    const { processes, regions, git, s3 } = await this.live.status();
    const balancer = await this.live.balancer().catch(() => undefined);
    const pools = balancer?.pools ?? [];
    return [
      ...regions.filter(({ state }) => state !== "up").map(({ region, state }) => `${region} is ${state}`),
      ...processes
        .filter(({ ready }) => !ready)
        .map(({ region, name, state }) => `${region ? `${region} ` : ""}${name} is ${state}`),
      ...pools.filter(({ enabled }) => !enabled).map(({ region }) => `the pool of ${region} is disabled`),
      ...pools.filter(({ healthy }) => !healthy).map(({ region }) => `the pool of ${region} is not healthy`),
      ...(balancer ? [] : ["the local load balancer's API does not answer"]),
      ...(git.running ? [] : ["Git is stopped"]),
      ...(s3.running ? [] : ["S3 is stopped"]),
    ];
  }

  async lacks(fault: Fault, region: string): Promise<string[]> {
    const pods = await this.langflows(region);
    return [
      ...(["half", "zone"].includes(fault) && pods.length < 2
        ? [`${region} has only one LangFlow pod, and this fault needs two: run \`up --local --live --pods 2\``]
        : []),
      ...(fault === "disk-full" && process.getuid?.() !== 0
        ? ["this fault mounts a small disk, which requires root: start the fleet and the drill as root"]
        : []),
    ];
  }

  /** Counts the ready pods. A local fleet has no autoscaler, so `wanted` and `most` are absent. */
  async pods(region: string): Promise<Pods> {
    const pods = await this.langflows(region);
    return { ready: pods.filter(({ ready }) => ready).length };
  }

  private async langflows(region: string) {
    const { processes } = await this.live.status();
    return processes.filter((each) => each.region === region && each.name === "langflow");
  }

  /** Returns the newest dump. Local fleets run no CronJobs, so a dump exists only if someone created one manually. */
  async restorable(region: string, survivor: string): Promise<Restorable> {
    const keys = await this.keys(survivor, `${BACKUP_PREFIX}/`);
    const at = newestBackup([...keys.keys()], region);
    return { said: `the newest dump of ${region} in ${survivor}'s bucket`, ...(at !== undefined && { at }) };
  }

  /** Sets up a disk that can be filled, or a clock that can be changed. The region is briefly down meanwhile. */
  async prepare(fault: Fault, region: string): Promise<void> {
    if (fault === "disk-full") await this.live.limitDisk(region);
    else if (fault === "clock") await this.live.giveClock(region, await this.clockLibrary());
    else return;
    const url = `${await this.reach(region)}${HEALTH_PATH}`;
    const isWell = () =>
      fetch(url, { headers: { connection: "close" } }).then(
        ({ ok }) => ok,
        () => false,
      );
    const deadline = Date.now() + 1000 * START_SECONDS;
    for (let good = 0; good < GOOD_IN_A_ROW; await sleep(POLL_MS)) {
      good = (await isWell()) ? good + 1 : 0;
      if (Date.now() > deadline) throw new Error(`LangFlow of ${region} did not restart`);
    }
    for (let left = [""]; left.length > 0; await sleep(POLL_MS)) {
      left = await this.troubles();
      if (Date.now() > deadline) throw new Error(`${region} did not recover: ${left.join(", ")}`);
    }
  }

  async takeAway(fault: Fault, region: string): Promise<void> {
    const { live } = this;
    const acts: Record<Fault, () => Promise<void>> = {
      pool: () => this.patch(POOL, ({ name }) => name === region, { enabled: false }),
      half: () => live.killPod(region),
      service: async () => {
        await this.scale(region, 0);
        await this.followed();
      },
      region: () => live.stopRegion(region),
      silent: () => live.suspendRegion(region),
      "stale-return": () => live.suspendRegion(region),
      slow: () => live.impair(region, { lateSeconds: LATE_SECONDS }),
      flaky: () => live.impair(region, { brokenShare: BROKEN_SHARE }),
      "edge-api": async () => {
        await live.stopBalancerApi();
        await live.suspendRegion(region);
      },
      database: () => live.stopDatabase(region),
      "database-failover": () => live.stopDatabase(region),
      "disk-full": () => live.fillDisk(region),
      clock: async () => {
        await live.setClock(region, AHEAD_SECONDS);
        // All processes read the clock's offset within one second.
        await sleep(2_000);
      },
      zone: async () => {
        await Promise.all([live.killPod(region), live.stopDatabase(region)]);
      },
      "replication-paused": () => live.pauseReplication(regionStack(this.project, region).region.awsRegion),
      git: () => live.stopGit(),
      "region+git": async () => {
        await Promise.all([live.stopGit(), live.stopRegion(region)]);
      },
      partition: () => cutOff(live, region),
    };
    await acts[fault]();
  }

  async putBack(fault: Fault, region: string): Promise<void> {
    const { live } = this;
    const acts: Record<Fault, () => Promise<void>> = {
      pool: () => this.patch(POOL, ({ name }) => name === region, { enabled: true }),
      half: () => this.followed(),
      service: () => this.scale(region, null),
      region: () => live.startRegion(region),
      silent: () => live.resumeRegion(region),
      "stale-return": () => live.resumeRegion(region),
      slow: () => live.impair(region),
      flaky: () => live.impair(region),
      "edge-api": async () => {
        await live.startBalancerApi();
        await live.resumeRegion(region);
      },
      database: () => live.startDatabase(region),
      "database-failover": () => live.startDatabase(region),
      "disk-full": () => live.freeDisk(region),
      clock: () => live.setClock(region, 0),
      zone: async () => {
        await live.startDatabase(region);
        await this.followed();
      },
      "replication-paused": () => live.resumeReplication(regionStack(this.project, region).region.awsRegion),
      git: () => live.startGit(),
      "region+git": async () => {
        await live.startGit();
        await live.startRegion(region);
      },
      partition: () => reconnect(live, region),
    };
    await acts[fault]();
  }

  keys(region: string, prefix: string): Promise<ReadonlyMap<string, number>> {
    return keysIn(this.s3, this.bucket(region), prefix);
  }

  keep(region: string, key: string, contents: string): Promise<string> {
    return keepIn(this.s3, this.bucket(region), key, contents);
  }

  lockObject(): LockObject {
    const region = lockRegion(this.outputs);
    return lockObject(this.s3, this.bucket(region), DRILL_LOCK_KEY);
  }

  async close(): Promise<void> {
    this.s3.destroy();
  }

  private clockLibrary(): Promise<string> {
    const { report, signal } = this.session.options;
    return ensureDebianLibrary(installerWith(report, signal), "libfaketime", "faketime/libfaketimeMT.so.1");
  }

  private bucket(region: string): string {
    return this.outputs.foundation.regions[region]?.bucketName ?? "";
  }

  /** @param replicas null removes the value, so that the autoscaler decides as in the applied manifest */
  private scale(region: string, replicas: 0 | null): Promise<void> {
    const langflow = ({ id, urn }: CloudResource) => id.endsWith(`/langflow-${region}`) && urn.includes(`:${region}::`);
    return this.patch(DEPLOYMENT, langflow, { spec: { replicas } });
  }

  /**
   * Waits until the running processes match the applied manifests and the old ones have ended. A process that is still
   * shutting down may accept requests that it does not complete.
   */
  private async followed(): Promise<void> {
    const deadline = Date.now() + 1000 * (SHUTDOWN.gracePeriodSeconds + SPARE_SECONDS);
    while ((await this.live.status()).busy) {
      if (Date.now() > deadline) throw new Error("the live processes do not match the applied resources in time");
      await sleep(POLL_MS);
    }
  }

  /** Changes a resource of the local cloud without Pulumi, and makes the processes follow the change. */
  private async patch(type: string, which: (resource: CloudResource) => boolean, change: object): Promise<void> {
    const cloud = await cloudOf(this.session);
    const found = (await cloud.resources()).find((each) => each.type === type && which(each));
    if (!found) throw new Error(`the local cloud does not have this ${type}`);
    const answer = await fetch(`${cloud.url}/resources/${encodeURIComponent(found.key)}`, {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(change),
    });
    if (!answer.ok) throw new Error(`the local cloud returned status ${answer.status}: ${await answer.text()}`);
    await this.live.apply();
  }
}

/** Blocks the region's access to Git, the other regions' buckets and the witness. Its own users can still reach it. */
async function cutOff(live: LiveConnection, region: string): Promise<void> {
  await live.blockGit(region);
  await live.blockBuckets(region);
}

async function reconnect(live: LiveConnection, region: string): Promise<void> {
  await live.unblockBuckets(region);
  await live.unblockGit(region);
}

function cloudOf({ cloud }: Session): LocalCloud {
  if (!cloud) throw new Error("internal error: a local drill needs a local cloud");
  return cloud;
}
