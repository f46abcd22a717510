import { mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CloudResource } from "../cloud/client";
import { appliedAccess } from "./balancer/access/appliedAccess";
import { appliedBalancer, type Entrance, entranceOf } from "./balancer/appliedBalancer";
import { LiveBalancer } from "./balancer/balancer";
import { appliedFrontDoor } from "./balancer/frontDoor/appliedFrontDoor";
import { type AppliedRegion, appliedBuckets, appliedRegions } from "./cluster/applied";
import type { PathFault } from "./cluster/endpoint";
import type { JobResult, JobRun } from "./cluster/pod";
import { FIRST_HOW, LiveRegion, type PodsHow, type SharedServers } from "./cluster/region";
import { Ports } from "./ports";
import { LiveS3 } from "./s3/s3";
import { SerialQueue } from "./serialQueue";
import { GitServer } from "./servers/gitServer";
import { Inbox } from "./servers/inbox";
import { announcePush } from "./servers/webhooks";
import type { BalancerStatus, Following, LiveStatus, ProcessStatus } from "./status";
import type { Tools } from "./tools/installer";
import { writeObservers, writePrograms } from "./tools/programs";

export interface SupervisorOptions {
  /** Directory of the live fleet, for example `.fleet/live`. */
  readonly directory: string;
  readonly tools: Tools;
  /** Returns the applied resources, with plaintext secrets. */
  resources(): Promise<readonly CloudResource[]>;
  /** Returns the URL of the supervisor's own API. Callable once the API listens. */
  url(): string;
}

/** Delay before a failed start of a region is retried, in milliseconds. The missing dependency may exist by then. */
const RETRY_MS = 5_000;

/** Supervises all processes of the live fleet. Requests run in the order of their arrival. */
export class Supervisor {
  private readonly regions = new Map<string, LiveRegion>();
  private readonly queue = new SerialQueue();
  private how: PodsHow = FIRST_HOW;
  private readonly ending = new AbortController();
  private readonly balancer: LiveBalancer;
  readonly inbox = new Inbox();
  private isObserved = false;
  private applied: readonly CloudResource[] = [];
  private readonly around: SharedServers;

  private constructor(
    private readonly options: SupervisorOptions,
    around: Omit<SharedServers, "behind">,
    private readonly git: GitServer,
    private readonly s3: LiveS3,
    balancerPort: number,
  ) {
    this.around = { ...around, behind: (host, port) => this.behind(host, port) };
    this.balancer = new LiveBalancer(balancerPort, (entrance) => this.entrance(entrance));
    git.onPush = () => void announcePush([...this.regions.values()].flatMap((region) => region.webhook() ?? []));
  }

  static async make(options: SupervisorOptions): Promise<Supervisor> {
    const { directory, tools } = options;
    mkdirSync(directory, { recursive: true });
    const ports = new Ports(join(directory, "ports.json"));
    const git = new GitServer(join(directory, "git"), await ports.take("git"));
    const s3 = await LiveS3.make(directory, tools.pythonBin, ports);
    const bin = writePrograms(join(directory, "bin"), tools);
    const path = [bin, tools.postgresBin, process.env.PATH].join(delimiter);
    const gitUrl = (region: string) => git.urlOf(region);
    const s3Url = (region: string) => s3.urlOf(region);
    const { postgresBin, migratedDatabase } = tools;
    const notificationsUrl = (region: string) => `${options.url()}/alerts/${encodeURIComponent(region)}`;
    const places = { ports, gitUrl, s3Url, notificationsUrl, path };
    const around = { ...places, postgresBin, ...(migratedDatabase && { migratedDatabase }) };
    return new Supervisor(options, around, git, s3, await ports.take("balancer"));
  }

  /**
   * Reads the applied resources and starts, replaces and stops processes accordingly. Resolves once all of these have
   * begun.
   */
  apply({ preStop, langflowPods, stacks, observers }: Following): Promise<void> {
    return this.queue.take(async () => {
      this.how = {
        honoursPreStop: preStop === undefined ? this.how.honoursPreStop : preStop === "honour",
        langflowPods: langflowPods ?? this.how.langflowPods,
      };
      if (observers) writeObservers(join(this.options.directory, "bin"), observers);
      if (observers !== undefined) this.isObserved = observers !== null;
      const resources = await this.options.resources();
      this.applied = resources;
      const applied = appliedRegions(resources, this.isObserved);
      await this.git.start();
      await this.s3.ensure(appliedBuckets(resources));
      if (stacks) {
        const whole = applied.filter(({ region }) => stacks.includes(region));
        await Promise.all(whole.map((each) => this.one(each)));
        return;
      }
      const gone = [...this.regions].filter(([name]) => !applied.some(({ region }) => region === name));
      await Promise.all([
        ...gone.map(([name, region]) => this.end(name, region)),
        ...applied.map((each) => this.one(each)),
      ]);
      await this.balancer.apply(appliedBalancer(resources), appliedFrontDoor(resources), appliedAccess(resources));
    });
  }

  /** Loses a region. Returns false if the region does not exist. */
  lose(region: string): Promise<boolean> {
    return this.inRegion(region, (found) => {
      // Bypasses the queue: a region is lost at once, even while it is being started.
      this.s3.setLost(found.awsRegion, true);
      return found.lose();
    });
  }

  giveBack(region: string): Promise<boolean> {
    return this.inRegion(region, (found) => {
      this.s3.setLost(found.awsRegion, false);
      return this.queue.take(() => this.settle(found, () => found.giveBack()));
    });
  }

  /** Suspends all processes of a region and drops packets to it. Returns false if the region does not exist. */
  suspend(region: string): Promise<boolean> {
    return this.inRegion(region, (found) => {
      this.s3.setLost(found.awsRegion, true);
      return found.suspend();
    });
  }

  resume(region: string): Promise<boolean> {
    return this.inRegion(region, (found) => {
      this.s3.setLost(found.awsRegion, false);
      return this.queue.take(() => found.resume());
    });
  }

  /**
   * Sets the fault between a region's LangFlow and its clients. Returns false if the region does not exist, as do the
   * following methods.
   */
  setPathFault(region: string, fault: PathFault): boolean {
    this.regions.get(region)?.setPathFault(fault);
    return this.regions.has(region);
  }

  /** Kills one of several LangFlow pods. Returns false if the region does not have several. */
  async losePod(region: string): Promise<boolean> {
    return (await this.regions.get(region)?.loseOnePod()) ?? false;
  }

  loseDatabase(region: string): Promise<boolean> {
    return this.inRegion(region, (found) => found.loseDatabase());
  }

  giveBackDatabase(region: string): Promise<boolean> {
    return this.inRegion(region, (found) => this.queue.take(() => found.giveBackDatabase()));
  }

  /**
   * Moves the data of a region's database to a small separate disk. @throws Error if this machine does not support it
   */
  limitDatabaseDisk(region: string): Promise<boolean> {
    return this.inRegion(region, (found) => this.queue.take(() => found.limitDatabaseDisk()));
  }

  /** Fills that disk. @throws Error if the database has no separate disk */
  fillDatabaseDisk(region: string): Promise<boolean> {
    return this.inRegion(region, (found) => found.fillDatabaseDisk());
  }

  freeDatabaseDisk(region: string): Promise<boolean> {
    return this.inRegion(region, (found) => found.freeDatabaseDisk());
  }

  /** Restarts a region's pods with a separate clock. @param library path of libfaketime */
  giveClock(region: string, library: string): boolean {
    this.regions.get(region)?.giveClock(library);
    return this.regions.has(region);
  }

  /** Sets how far that clock is ahead, in seconds. With 0, it does nothing if the region has no separate clock. */
  setClock(region: string, aheadSeconds: number): boolean {
    const isThere = this.regions.get(region)?.setClock(aheadSeconds) ?? false;
    return isThere || (aheadSeconds === 0 && this.regions.has(region));
  }

  /** Sets whether a region is cut off from the Git host. */
  setGitBlocked(region: string, isBlocked: boolean): boolean {
    if (!this.regions.has(region)) return false;
    if (isBlocked) this.git.block(region);
    else this.git.unblock(region);
    return true;
  }

  /** Sets whether a region reaches only the buckets of its own AWS region. */
  setBucketsBlocked(region: string, isBlocked: boolean): boolean {
    if (!this.regions.has(region)) return false;
    this.s3.setCutOff(region, isBlocked);
    return true;
  }

  /** Sets whether S3 is unresponsive in an AWS region. Returns false if no bucket is in the AWS region. */
  setS3Silent(awsRegion: string, isSilent: boolean): boolean {
    return this.s3.setSilent(awsRegion, isSilent);
  }

  /**
   * Sets whether replication from an AWS region's buckets is paused. Returns false if no bucket is in the AWS region.
   */
  setReplicationPaused(awsRegion: string, isPaused: boolean): boolean {
    return this.s3.setPaused(awsRegion, isPaused);
  }

  /** @param delayMs undefined: the default delay */
  delayReplication(delayMs: number | undefined): void {
    this.s3.delayReplication(delayMs);
  }

  balancerStatus(): BalancerStatus | undefined {
    return this.balancer.status();
  }

  crash(region: string, name: string): boolean {
    if (region === "shared" && name === "s3") this.s3.store.crash();
    else return this.regions.get(region)?.crash(name) ?? false;
    return true;
  }

  stopGit(): Promise<void> {
    return this.git.stop();
  }

  startGit(): Promise<void> {
    return this.git.start();
  }

  job(region: string, name: string, run: JobRun, signal: AbortSignal): Promise<JobResult> | undefined {
    return this.regions.get(region)?.job(name, run, signal);
  }

  /** Deletes an ended Job. Returns false if the region, or an ended Job of that name, does not exist. */
  deleteJob(region: string, name: string): boolean {
    return this.regions.get(region)?.deleteJob(name) ?? false;
  }

  async status(): Promise<LiveStatus> {
    const regions = [...this.regions.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
    // Read the state before the processes: the processes may be from before a change in progress, and the change may
    // end in between.
    const busy = this.queue.busy || regions.some(({ isSettling }) => isSettling);
    const processes = await Promise.all(regions.map((region) => region.processes()));
    return {
      regions: regions.map((region) => region.status()),
      processes: [...processes.flat(), ...this.shared()],
      git: { url: this.git.url, directory: this.git.directory, running: this.git.running },
      s3: { url: this.s3.url, running: this.s3.store.state === "ready" },
      ...(this.balancer.address && { balancer: this.balancer.address }),
      busy,
      ...(this.queue.message !== undefined && { message: this.queue.message }),
    };
  }

  /** @param now skip the grace period, for a fleet that is being deleted */
  async stop(now: boolean): Promise<void> {
    const regions = [...this.regions.values()];
    this.ending.abort();
    await this.balancer.stop();
    await Promise.all(regions.map((region) => (now ? region.lose() : region.stop())));
    await Promise.all([this.git.stop(), this.s3.stop()]);
  }

  private entrance({ region, namespace, service, port }: Entrance): number | undefined {
    return this.regions.get(region)?.entrance(namespace, service, port);
  }

  /** Returns the loopback port behind a public hostname: of the load balancer, or of a region's own Service. */
  private behind(host: string, port: number): number | undefined {
    const { address } = this.balancer;
    if (address?.hostname === host) return Number(new URL(address.url).port);
    const entrance = entranceOf(host, port, this.applied);
    return entrance && this.entrance(entrance);
  }

  private async one(applied: AppliedRegion): Promise<void> {
    const directory = join(this.options.directory, applied.region);
    await this.s3.enter(applied);
    const region = this.regions.get(applied.region) ?? (await LiveRegion.make(directory, this.around, applied));
    this.regions.set(applied.region, region);
    await this.settle(region, () => region.apply(applied, this.how));
  }

  /** Returns false if the region does not exist. */
  private async inRegion(name: string, work: (region: LiveRegion) => Promise<unknown>): Promise<boolean> {
    const region = this.regions.get(name);
    if (region) await work(region);
    return region !== undefined;
  }

  /** Starts a region, and retries while the start fails, for example because a different program uses its port. */
  private async settle(region: LiveRegion, start: () => Promise<void>): Promise<void> {
    await start();
    if (region.message === undefined) return;
    const { signal } = this.ending;
    void sleep(RETRY_MS, undefined, { signal }).then(
      () =>
        this.queue.take(async () => {
          const isOver = signal.aborted || region.message === undefined || this.regions.get(region.name) !== region;
          if (!isOver) await this.settle(region, () => region.again());
        }),
      () => undefined,
    );
  }

  private async end(name: string, region: LiveRegion): Promise<void> {
    await region.stop();
    this.regions.delete(name);
    await this.s3.leave(name);
  }

  private shared(): ProcessStatus[] {
    const { git, s3 } = this;
    const rest = { restarts: 0, probes: {} };
    return [
      {
        name: "git",
        url: git.url,
        state: git.running ? "ready" : "stopped",
        ready: git.running,
        pid: process.pid,
        ...rest,
      },
      {
        name: "s3",
        url: s3.url,
        state: s3.store.state,
        ready: s3.store.state === "ready",
        pid: s3.store.pid,
        ...rest,
        restarts: s3.store.restarts,
        message: s3.trouble,
        log: join(this.options.directory, "logs", "s3.log"),
      },
    ];
  }
}
