import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, UserError } from "../../model/errors";
import { answers, codeVersion, filesIn, isRunning, readServerFile } from "../directory";
import type { JobResult, JobRun } from "./cluster/pod";
import type { BalancerStatus, Following, LiveStatus, Notification } from "./status";
import type { Tools } from "./tools/installer";

const START_TIMEOUT_MS = 20_000;
const ANSWER_TIMEOUT_MS = 10_000;
/** A region that comes back starts its database before it answers; a Job takes what it takes. */
const LONG_MS = 30 * 60_000;
const POLL_MS = 25;
/** LangFlow gets its grace of 75 s when it is not stopped at once. */
const STOP_MS = 120_000;

/** The supervisor's API (`routes.ts`) as calls. */
export class LiveConnection {
  constructor(
    readonly url: string,
    readonly pid: number,
  ) {}

  status(): Promise<LiveStatus> {
    return this.ask("GET", "/status") as Promise<LiveStatus>;
  }

  /** Makes the processes those of what is applied, in the background. */
  async apply(following: Following = {}): Promise<void> {
    await this.ask("POST", "/apply", following);
  }

  async stopRegion(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/stop`);
  }

  async startRegion(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/start`, undefined, LONG_MS);
  }

  /** The region stands still, and packets to it vanish, until it is resumed. */
  async suspendRegion(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/suspend`, undefined, LONG_MS);
  }

  async resumeRegion(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/resume`, undefined, LONG_MS);
  }

  /**
   * LangFlow's answers come so late, and such a share of the connections to it, from 0 to 1, breaks off once something was
   * asked; with nothing given neither.
   */
  async impair(region: string, fault: { lateSeconds?: number; brokenShare?: number } = {}): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/path`, fault);
  }

  async kill(region: string, name: string): Promise<void> {
    await this.ask("POST", `/processes/${encodeURIComponent(region)}/${encodeURIComponent(name)}/kill`);
  }

  /**
   * One of several pods of LangFlow in a region dies without a word, and another is made in its place.
   *
   * @throws Error where there are not several
   */
  async killPod(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/pods/kill`);
  }

  /** PostgreSQL of a region is down until it is started again, or the region is. */
  async stopDatabase(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/database/stop`);
  }

  async startDatabase(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/database/start`, undefined, LONG_MS);
  }

  /**
   * The data of a region's PostgreSQL are on a disk of their own, until that is started the next time.
   *
   * @throws Error where this machine does not let it, with what it takes
   */
  async limitDisk(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/database/disk/limit`, undefined, LONG_MS);
  }

  /** Nothing new fits on that disk until it is freed. @throws Error where there is none */
  async fillDisk(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/database/disk/fill`);
  }

  async freeDisk(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/database/disk/free`);
  }

  /** The processes of a region's pods begin anew, with a clock of their own. @param library path of libfaketime */
  async giveClock(region: string, library: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/clock`, { library });
  }

  /** How far that is ahead, within a second. @throws Error where it has none, unless it is 0 */
  async setClock(region: string, aheadSeconds: number): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/clock`, { aheadSeconds });
  }

  /** A region cannot reach Git until it is unblocked; the others can. */
  async blockGit(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/git/block`);
  }

  async unblockGit(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/git/unblock`);
  }

  /** A region reaches the buckets of its own AWS region alone until it is unblocked. */
  async blockBuckets(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/s3/block`);
  }

  async unblockBuckets(region: string): Promise<void> {
    await this.ask("POST", `/regions/${encodeURIComponent(region)}/s3/unblock`);
  }

  /** The buckets of an AWS region answer nobody until it is started again. */
  async stopS3(awsRegion: string): Promise<void> {
    await this.ask("POST", `/s3/${encodeURIComponent(awsRegion)}/stop`);
  }

  async startS3(awsRegion: string): Promise<void> {
    await this.ask("POST", `/s3/${encodeURIComponent(awsRegion)}/start`);
  }

  /** What is written to the buckets of an AWS region waits to be copied until it is resumed. */
  async pauseReplication(awsRegion: string): Promise<void> {
    await this.ask("POST", `/s3/${encodeURIComponent(awsRegion)}/pause`);
  }

  async resumeReplication(awsRegion: string): Promise<void> {
    await this.ask("POST", `/s3/${encodeURIComponent(awsRegion)}/resume`);
  }

  /** How old a write is when S3 replicates it; without a number of seconds as at the start. */
  async delayReplication(delaySeconds?: number): Promise<void> {
    await this.ask("POST", "/s3/replication", { delaySeconds });
  }

  /**
   * The load balancer's pools, and how their health changed.
   *
   * @throws Error where none is applied, or its API is away
   */
  balancer(): Promise<BalancerStatus> {
    return this.ask("GET", "/balancer") as Promise<BalancerStatus>;
  }

  /** The load balancer steers on, and {@link balancer} fails until it is started again. */
  async stopBalancerApi(): Promise<void> {
    await this.ask("POST", "/balancer/stop");
  }

  async startBalancerApi(): Promise<void> {
    await this.ask("POST", "/balancer/start");
  }

  /** What each Alertmanager told its receivers, oldest first; the last thousand. */
  alerts(): Promise<readonly Notification[]> {
    return this.ask("GET", "/alerts") as Promise<readonly Notification[]>;
  }

  async stopGit(): Promise<void> {
    await this.ask("POST", "/git/stop");
  }

  async startGit(): Promise<void> {
    await this.ask("POST", "/git/start");
  }

  /** Runs a CronJob's pod once. @param signal ends it; without one its time does */
  job(region: string, name: string, run: JobRun = {}, signal?: AbortSignal): Promise<JobResult> {
    return this.ask("POST", "/jobs", { region, name, ...run }, LONG_MS, signal) as Promise<JobResult>;
  }

  /** Takes away a run of a CronJob that has ended, by its own name. */
  async deleteJob(region: string, name: string): Promise<void> {
    await this.ask("DELETE", `/jobs/${region}/${name}`);
  }

  /**
   * Ends all processes, then the supervisor; resolved once it is gone.
   *
   * @throws Error where it is still there after two minutes
   */
  async stop({ now = false } = {}): Promise<void> {
    await this.ask("POST", "/stop", { now });
    const deadline = Date.now() + STOP_MS;
    while (isRunning(this.pid)) {
      if (Date.now() > deadline) throw new Error(`the live fleet's supervisor (process ${this.pid}) does not end`);
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

/** An answer of the supervisor that is an error. */
export class LiveRequestError extends Error {
  constructor(
    /** The status of HTTP. */
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * The supervisor of a directory; undefined where none answers.
 *
 * @param directory where it is kept, for example `.fleet/live`
 */
export async function connectLive(directory: string): Promise<LiveConnection | undefined> {
  const server = readServerFile(directory);
  if (!server || !isRunning(server.pid) || !(await answers(server, ANSWER_TIMEOUT_MS))) return undefined;
  return new LiveConnection(server.url, server.pid);
}

/**
 * The supervisor of a directory, started where none answers, and anew, with all its processes, where its code is not
 * ours. It outlives this process.
 *
 * @param cloud directory of the local cloud
 * @throws UserError (Unreachable) when it does not come up, with the end of its log
 */
export async function startLive(directory: string, cloud: string, tools: Tools): Promise<LiveConnection> {
  const running = await connectLive(directory);
  if (running && readServerFile(directory)?.version === codeVersion("live")) return running;
  await running?.stop();
  const child = launch(directory, cloud, tools);
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    await sleep(POLL_MS);
    const live = await connectLive(directory);
    if (live) return live;
    // where two start at once, the one that came second ends and the first still comes up
    if (child.exitCode !== null && child.exitCode !== 1) break;
  }
  const log = readFileSync(filesIn(directory).log, "utf8").trim().split("\n").slice(-5).join("\n");
  throw new UserError(`the live fleet in ${directory} did not start:\n${log}`, ExitCode.Unreachable);
}

function launch(directory: string, cloud: string, tools: Tools) {
  mkdirSync(directory, { recursive: true });
  const log = openSync(filesIn(directory).log, "a");
  const paths = ["--directory", resolve(directory), "--cloud", resolve(cloud), "--tools", JSON.stringify(tools)];
  const child = spawn(process.execPath, ["--require", "./typescript.cjs", join(__dirname, "main.ts"), ...paths], {
    cwd: resolve(__dirname, "../.."),
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  child.unref();
  return child;
}
