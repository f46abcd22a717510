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
  /** For example `.fleet/live`. */
  readonly directory: string;
  readonly tools: Tools;
  /** What is applied, secrets in clear. */
  resources(): Promise<readonly CloudResource[]>;
  /** Where the supervisor's own API is, from when it is asked for anything. */
  url(): string;
}

/** A region that could not be started is tried again after so long: what it lacked may be there by then. */
const RETRY_MS = 5_000;

/** All processes of the live fleet. What is asked of it is done in the order it was asked. */
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

  /** Reads what is applied and starts, replaces and stops processes accordingly; resolved once all of that has begun. */
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

  /** False where there is no such region. */
  async lose(region: string): Promise<boolean> {
    const found = this.regions.get(region);
    // Not in turn: a region is lost at once, whatever is being started in it.
    if (found) this.s3.setLost(found.awsRegion, true);
    await found?.lose();
    return found !== undefined;
  }

  async giveBack(region: string): Promise<boolean> {
    const found = this.regions.get(region);
    if (found) this.s3.setLost(found.awsRegion, false);
    await this.queue.take(async () => found && this.settle(found, () => found.giveBack()));
    return found !== undefined;
  }

  /** Everything of the region stands still, and packets to it vanish. False where there is no such region. */
  async suspend(region: string): Promise<boolean> {
    const found = this.regions.get(region);
    if (found) this.s3.setLost(found.awsRegion, true);
    await found?.suspend();
    return found !== undefined;
  }

  async resume(region: string): Promise<boolean> {
    const found = this.regions.get(region);
    if (found) this.s3.setLost(found.awsRegion, false);
    await this.queue.take(async () => found?.resume());
    return found !== undefined;
  }

  /** What is wrong, from now on, between a region's LangFlow and whoever asks it. False where there is no such region, as for those below. */
  setPathFault(region: string, fault: PathFault): boolean {
    this.regions.get(region)?.setPathFault(fault);
    return this.regions.has(region);
  }

  /** One of several pods of LangFlow dies without a word. False where there are not several. */
  async losePod(region: string): Promise<boolean> {
    return (await this.regions.get(region)?.loseOnePod()) ?? false;
  }

  async loseDatabase(region: string): Promise<boolean> {
    const found = this.regions.get(region);
    await found?.loseDatabase();
    return found !== undefined;
  }

  async giveBackDatabase(region: string): Promise<boolean> {
    const found = this.regions.get(region);
    await this.queue.take(async () => found?.giveBackDatabase());
    return found !== undefined;
  }

  /** A region's database has a disk of its own. @throws Error where this machine does not let it */
  async limitDatabaseDisk(region: string): Promise<boolean> {
    const found = this.regions.get(region);
    await this.queue.take(async () => found?.limitDatabaseDisk());
    return found !== undefined;
  }

  /** Nothing new fits on that disk. @throws Error where there is none */
  async fillDatabaseDisk(region: string): Promise<boolean> {
    const found = this.regions.get(region);
    await found?.fillDatabaseDisk();
    return found !== undefined;
  }

  async freeDatabaseDisk(region: string): Promise<boolean> {
    const found = this.regions.get(region);
    await found?.freeDatabaseDisk();
    return found !== undefined;
  }

  /** A region's pods begin anew with a clock of their own. @param library path of libfaketime */
  giveClock(region: string, library: string): boolean {
    this.regions.get(region)?.giveClock(library);
    return this.regions.has(region);
  }

  /** How far that is ahead, in seconds. Harmless at 0 where there is none. */
  setClock(region: string, aheadSeconds: number): boolean {
    const isThere = this.regions.get(region)?.setClock(aheadSeconds) ?? false;
    return isThere || (aheadSeconds === 0 && this.regions.has(region));
  }

  /** Whether a region reaches the Git host. */
  setGitBlocked(region: string, isBlocked: boolean): boolean {
    if (!this.regions.has(region)) return false;
    if (isBlocked) this.git.block(region);
    else this.git.unblock(region);
    return true;
  }

  /** Whether a region reaches the buckets of its own AWS region alone. */
  setBucketsBlocked(region: string, isBlocked: boolean): boolean {
    if (!this.regions.has(region)) return false;
    this.s3.setCutOff(region, isBlocked);
    return true;
  }

  /** Whether S3 of an AWS region answers nobody. False where no bucket is there. */
  setS3Silent(awsRegion: string, isSilent: boolean): boolean {
    return this.s3.setSilent(awsRegion, isSilent);
  }

  /** Whether copies out of an AWS region's buckets wait. False where no bucket is there. */
  setReplicationPaused(awsRegion: string, isPaused: boolean): boolean {
    return this.s3.setPaused(awsRegion, isPaused);
  }

  /** @param delayMs undefined: as at the start */
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

  /** False where there is no such region, or no Job of that name that has ended. */
  deleteJob(region: string, name: string): boolean {
    return this.regions.get(region)?.deleteJob(name) ?? false;
  }

  async status(): Promise<LiveStatus> {
    const regions = [...this.regions.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
    // Asked before the processes are: they may be those from before what is under way, and that may end meanwhile.
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

  /** @param now without grace: for a fleet that is thrown away */
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

  /** Who answers by a public name: the load balancer of all, or a region's own. */
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

  /** Starts a region, and again as long as something keeps it from it, such as another program on its port. */
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
