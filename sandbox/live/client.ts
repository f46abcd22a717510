import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { answers, isRunning, readServerFile } from "../directory";
import { startDaemon } from "../startDaemon";
import type { JobResult, JobRun } from "./cluster/pod";
import type { BalancerStatus, Following, LiveStatus, Notification } from "./status";
import type { Tools } from "./tools/installer";

const ANSWER_TIMEOUT_MS = 10_000;
/** Timeout of long requests: a returning region starts its database before it answers, and Jobs can be long. */
const LONG_MS = 30 * 60_000;
const POLL_MS = 25;
/** LangFlow has a grace period of 75 s unless it is stopped at once. */
const STOP_MS = 120_000;

/** Client of the supervisor's API (`routes.ts`). */
export class LiveConnection {
  constructor(
    readonly url: string,
    readonly pid: number,
  ) {}

  status(): Promise<LiveStatus> {
    return this.ask("GET", "/status") as Promise<LiveStatus>;
  }

  /** Starts, in the background, to make the running processes match the applied resources. */
  async apply(following: Following = {}): Promise<void> {
    await this.ask("POST", "/apply", following);
  }

  async stopRegion(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/stop`);
  }

  async startRegion(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/start`, undefined, LONG_MS);
  }

  /** Suspends all processes of a region and drops packets to it until the region is resumed. */
  async suspendRegion(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/suspend`, undefined, LONG_MS);
  }

  async resumeRegion(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/resume`, undefined, LONG_MS);
  }

  /**
   * Delays LangFlow's responses by a number of seconds, and resets a share of the connections to it, from 0 to 1, once
   * a request was sent. Without a fault, ends both.
   */
  async impair(region: string, fault: { lateSeconds?: number; brokenShare?: number } = {}): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/path`, fault);
  }

  /** Kills a region's processes of that name, in every pod. They are restarted. @throws Error if none has that name */
  async kill(region: string, name: string): Promise<void> {
    await this.ask("POST", `/processes/${encodeURIComponent(region)}/${encodeURIComponent(name)}/kill`);
  }

  /**
   * Kills one of several LangFlow pods in a region. The Deployment replaces it.
   *
   * @throws Error if the region has only one pod
   */
  async killPod(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/pods/kill`);
  }

  /** Stops a region's PostgreSQL until it, or the whole region, is started again. */
  async stopDatabase(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/database/stop`);
  }

  async startDatabase(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/database/start`, undefined, LONG_MS);
  }

  /**
   * Moves the data of a region's PostgreSQL to a small separate disk until the next start of the database.
   *
   * @throws Error with the requirements if this machine does not support it
   */
  async limitDisk(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/database/disk/limit`, undefined, LONG_MS);
  }

  /** Fills that disk until it is freed. @throws Error if the database has no separate disk */
  async fillDisk(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/database/disk/fill`);
  }

  async freeDisk(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/database/disk/free`);
  }

  /** Restarts the processes of a region's pods with a separate clock. @param library path of libfaketime */
  async giveClock(region: string, library: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/clock`, { library });
  }

  /**
   * Sets how far that clock is ahead; it takes effect within a second. @throws Error if the region has no separate
   * clock, unless the value is 0
   */
  async setClock(region: string, aheadSeconds: number): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/clock`, { aheadSeconds });
  }

  /** Blocks a region's access to Git until it is unblocked. Other regions are not affected. */
  async blockGit(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/git/block`);
  }

  async unblockGit(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/git/unblock`);
  }

  /** Limits a region to the buckets of its own AWS region until it is unblocked. */
  async blockBuckets(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/s3/block`);
  }

  async unblockBuckets(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/s3/unblock`);
  }

  /** Makes the buckets of an AWS region unresponsive until it is started again. */
  async stopS3(awsRegion: string): Promise<void> {
    await this.ask("POST", `/s3/${encodeURIComponent(awsRegion)}/stop`);
  }

  async startS3(awsRegion: string): Promise<void> {
    await this.ask("POST", `/s3/${encodeURIComponent(awsRegion)}/start`);
  }

  /** Pauses the replication of writes to the buckets of an AWS region until it is resumed. */
  async pauseReplication(awsRegion: string): Promise<void> {
    await this.ask("POST", `/s3/${encodeURIComponent(awsRegion)}/pause`);
  }

  async resumeReplication(awsRegion: string): Promise<void> {
    await this.ask("POST", `/s3/${encodeURIComponent(awsRegion)}/resume`);
  }

  /** Sets the age at which S3 replicates a write. Without a number of seconds, restores the default. */
  async delayReplication(delaySeconds?: number): Promise<void> {
    await this.ask("POST", "/s3/replication", { delaySeconds });
  }

  /**
   * Returns the load balancer's pools and the history of their health.
   *
   * @throws Error if no load balancer is applied, or its API is stopped
   */
  balancer(): Promise<BalancerStatus> {
    return this.ask("GET", "/balancer") as Promise<BalancerStatus>;
  }

  /** Stops the load balancer's API: steering continues, but {@link balancer} fails until the API is started again. */
  async stopBalancerApi(): Promise<void> {
    await this.ask("POST", "/balancer/stop");
  }

  async startBalancerApi(): Promise<void> {
    await this.ask("POST", "/balancer/start");
  }

  /**
   * Returns the notifications that the Alertmanagers sent to their receivers, oldest first, at most the last thousand.
   */
  alerts(): Promise<readonly Notification[]> {
    return this.ask("GET", "/alerts") as Promise<readonly Notification[]>;
  }

  async stopGit(): Promise<void> {
    await this.ask("POST", "/git/stop");
  }

  async startGit(): Promise<void> {
    await this.ask("POST", "/git/start");
  }

  /** Runs a CronJob's pod once. @param signal ends the run; without it the Job's own timeout does */
  job(region: string, name: string, run: JobRun = {}, signal?: AbortSignal): Promise<JobResult> {
    return this.ask("POST", "/jobs", { region, name, ...run }, LONG_MS, signal) as Promise<JobResult>;
  }

  /** Deletes an ended run of a CronJob, by the run's own name. */
  async deleteJob(region: string, name: string): Promise<void> {
    await this.ask("DELETE", `/jobs/${region}/${name}`);
  }

  /**
   * Ends all processes, then the supervisor. Resolves once the supervisor has ended.
   *
   * @throws Error if the supervisor still runs after two minutes
   */
  async stop({ now = false } = {}): Promise<void> {
    await this.ask("POST", "/stop", { now });
    const deadline = Date.now() + STOP_MS;
    while (isRunning(this.pid)) {
      if (Date.now() > deadline) throw new Error(`the live fleet's supervisor (process ${this.pid}) is still running`);
      await sleep(POLL_MS);
    }
  }

  private async ask(
    method: string,
    path: string,
    body?: object,
    timeoutMs = ANSWER_TIMEOUT_MS,
    stop?: AbortSignal,
  ): Promise<unknown> {
    const response = await fetch(this.url + path, {
      method,
      signal: stop ?? AbortSignal.timeout(timeoutMs),
      ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const answer = await response.text();
    if (!response.ok)
      throw new LiveRequestError(
        response.status,
        `the live fleet answered ${method} ${path} with ${response.status}: ${answer}`,
      );
    return answer === "" ? undefined : JSON.parse(answer);
  }
}

/** An error response of the supervisor. */
export class LiveRequestError extends Error {
  constructor(
    /** HTTP status code. */
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Connects to the supervisor of a directory. Returns undefined if none answers.
 *
 * @param directory of the live fleet, for example `.fleet/live`
 */
export async function connectLive(directory: string): Promise<LiveConnection | undefined> {
  const server = readServerFile(directory);
  if (!server || !isRunning(server.pid) || !(await answers(server, ANSWER_TIMEOUT_MS))) return undefined;
  return new LiveConnection(server.url, server.pid);
}

/**
 * Connects to the supervisor of a directory. Starts the supervisor if none answers, and restarts it with all its
 * processes if it runs different code. The supervisor outlives this process.
 *
 * @param cloud directory of the local cloud
 * @throws UserError (Unreachable) if the supervisor does not start, with the end of its log
 */
export function startLive(directory: string, cloud: string, tools: Tools): Promise<LiveConnection> {
  return startDaemon(directory, {
    code: "live",
    title: "the live fleet",
    main: "live/main",
    options: ["--cloud", resolve(cloud), "--tools", JSON.stringify(tools)],
    connect: connectLive,
  });
}
