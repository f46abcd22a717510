import { join, resolve } from "node:path";
import { ADDON_NAMESPACES, OBSERVABILITY_NAMESPACE, PORTS } from "../../../model/observability";
import type { Ports } from "../ports";
import type { LiveContainer } from "../process/container";
import { OwnClock } from "../process/ownClock";
import { LiveDatabase } from "../servers/database";
import type { Webhook } from "../servers/webhooks";
import { type AgentStatus, agentStatusOf, type ProcessStatus, type RegionStatus } from "../status";
import { type AppliedRegion, isLangFlow, type Workload } from "./applied";
import { LiveDeployment } from "./deployment";
import { NO_FAULT, type PathFault } from "./endpoint";
import { JobMetrics } from "./jobMetrics";
import { Outside } from "./outside";
import { type JobResult, type JobRun, LivePod, type PodPlaces, podName, slotName } from "./pod";
import { Services } from "./services";
import { hostsOutside, type PodPort } from "./translateObservability";

/** What the region's processes find outside it. */
export interface SharedServers {
  readonly ports: Ports;
  /** The Git repository's address that a region uses. */
  gitUrl(region: string): string;
  /** The address of S3 that a region uses. */
  s3Url(region: string): string;
  /** Loopback port behind a host name of the Internet's; undefined while nobody answers by it. */
  behind(host: string, port: number): number | undefined;
  /** Where a region's Alertmanager sends its notifications; a receiver's name follows. */
  notificationsUrl(region: string): string;
  /** Folders of executables, joined as in PATH. */
  readonly path: string;
  readonly postgresBin: string;
  /** File of SQL that a new database starts from; absent: it starts empty. */
  readonly migratedDatabase?: string;
}

/** What is asked of pods beside what is applied. */
export interface PodsHow {
  /** Whether a pod that goes runs its preStop hook. */
  readonly honoursPreStop: boolean;
  /** Pods of LangFlow where an autoscaler would say how many. */
  readonly langflowPods: number;
}

/** What a fleet does that was told nothing. */
export const FIRST_HOW: PodsHow = { honoursPreStop: false, langflowPods: 1 };

const REPOSITORY = resolve(__dirname, "../../..");
/** Files of images that the repository holds. */
const IMAGE_PATHS = [{ path: "/app/components", directory: join(REPOSITORY, "images/langflow/components") }];

const METRICS_TIMEOUT_MS = 1_000;

function stateOf({ initialising }: LivePod, { state }: LiveContainer, isLeaving: boolean): string {
  if (isLeaving) return "leaving";
  return initialising ? `init: ${initialising}` : state;
}

/** As the API server answers for a Job whose name is taken. */
class JobExists extends Error {
  readonly statusCode = 409;

  constructor(name: string) {
    super(`job ${name} already exists`);
  }
}

/** One region's processes: its database, and each Deployment's pods. */
export class LiveRegion {
  /** Taken away by a fault: nothing of it runs until it is given back. */
  lost = false;
  /** Cut off by a fault: it stands still, and packets to it vanish, until it is resumed. */
  private suspended = false;
  message: string | undefined;
  /** Its database is taken away by a fault, until it is given back or the whole region is. */
  private databaseLost = false;
  private readonly deployments = new Map<string, LiveDeployment>();
  private readonly services: Services;
  private readonly outside: Outside;
  private readonly podPorts = new Map<string, number>();
  private jobs = 0;
  private readonly namedJobs = new Set<string>();
  /** Of its pods, where they have another than this machine. */
  private clock: OwnClock | undefined;
  private readonly jobMetrics = new JobMetrics();
  /** Loopback port of those; undefined while nobody watches. */
  private jobMetricsPort: number | undefined;
  private how: PodsHow = FIRST_HOW;

  private constructor(
    private readonly directory: string,
    private readonly around: SharedServers,
    private readonly database: LiveDatabase,
    private applied: AppliedRegion,
  ) {
    const takePort = (name: string) => around.ports.take(`${this.name}/${name}`);
    this.services = new Services(() => this.applied, this.deployments, takePort);
    this.outside = new Outside((host, port) => around.behind(host, port), takePort);
  }

  static async make(directory: string, around: SharedServers, applied: AppliedRegion): Promise<LiveRegion> {
    const port = await around.ports.take(`${applied.region}/postgres`);
    const database = new LiveDatabase(directory, around.postgresBin, port, around.migratedDatabase);
    return new LiveRegion(directory, around, database, applied);
  }

  get name(): string {
    return this.applied.region;
  }

  get awsRegion(): string {
    return this.applied.awsRegion;
  }

  /**
   * Makes the processes those of what is applied: pods whose template changed are exchanged, the others are left alone.
   */
  async apply(applied: AppliedRegion, how: PodsHow): Promise<void> {
    this.applied = applied;
    this.how = how;
    if (this.lost || this.suspended) return;
    try {
      if (!this.databaseLost) await this.database.ensure(applied.databases);
      for (const each of applied.deployments) await this.reservePorts(each, slotsOf(podsOf(each, how)));
      await this.services.open();
      await this.outside.open(this.hostsOutside());
      await this.tellOfJobs();
      const wanted = new Map(applied.deployments.map((each) => [each.name, each]));
      for (const [name, deployment] of this.deployments) {
        if (wanted.has(name)) continue;
        await deployment.stop(true);
        this.deployments.delete(name);
      }
      for (const workload of wanted.values()) {
        // A region may be lost while it is being started.
        if (this.lost) break;
        const deployment =
          this.deployments.get(workload.name) ?? new LiveDeployment((each, slot) => this.podOf(each, slot));
        this.deployments.set(workload.name, deployment);
        await deployment.become(workload, podsOf(workload, how));
      }
      this.message = undefined;
    } catch (error) {
      if (!this.lost) this.message = (error as Error).message;
    }
  }

  /** The region is lost: everything in it dies at once. */
  async lose(): Promise<void> {
    this.lost = true;
    this.suspended = false;
    this.message = undefined;
    this.closeAddresses();
    await Promise.all([...[...this.deployments.values()].map((each) => each.kill()), this.database.kill()]);
    this.deployments.clear();
  }

  /** The region is back, as it is applied by now, with the data it had. */
  async giveBack(): Promise<void> {
    this.lost = false;
    this.databaseLost = false;
    await this.again();
  }

  /** Nothing of it is heard any more, and all of it stands still: whoever waits for it waits. */
  async suspend(): Promise<void> {
    if (this.lost || this.suspended) return;
    this.suspended = true;
    for (const pod of this.pods()) pod.suspend();
    await this.services.setSilent(true);
  }

  /** It goes on with what it was at, as if no time had passed; what was applied meanwhile is taken up. */
  async resume(): Promise<void> {
    if (!this.suspended) return;
    await this.services.setSilent(false);
    for (const pod of this.pods()) pod.resume();
    this.suspended = false;
    await this.again();
  }

  /** One of LangFlow's pods dies without a word. False where there is one alone. */
  async loseOnePod(): Promise<boolean> {
    const langflow = this.applied.deployments.find(isLangFlow);
    const failSeconds = Math.max(0, ...this.applied.services.map((each) => each.failSeconds));
    return (await this.deployments.get(langflow?.name ?? "")?.loseOne(failSeconds)) ?? false;
  }

  /** What is wrong, from now on, between its LangFlow and whoever asks that by an address. */
  setPathFault(fault: PathFault): void {
    this.services.fault = fault;
  }

  /** Starts what is applied and does not run. */
  async again(): Promise<void> {
    await this.apply(this.applied, this.how);
  }

  /** The database dies at once and stays away; the rest of the region runs on. */
  async loseDatabase(): Promise<void> {
    this.databaseLost = true;
    await this.database.kill();
  }

  /** @throws Error where it does not start */
  async giveBackDatabase(): Promise<void> {
    this.databaseLost = false;
    if (!this.lost) await this.database.ensure(this.applied.databases);
  }

  /** Its database's data are on a disk of their own. @throws Error where this machine does not let it */
  limitDatabaseDisk(): Promise<void> {
    return this.database.limitDisk();
  }

  /** Nothing new fits on that disk. @throws Error where there is none */
  fillDatabaseDisk(): Promise<void> {
    return this.database.fillDisk();
  }

  freeDatabaseDisk(): Promise<void> {
    return this.database.freeDisk();
  }

  /** Its pods' processes begin anew, with a clock of their own that is right. @param library path of libfaketime */
  giveClock(library: string): void {
    this.clock = new OwnClock(library, join(this.directory, "clock"));
    for (const container of this.pods().flatMap(({ containers }) => containers)) container.crash();
  }

  /** How far that is ahead, in seconds; at 0 what begins from then on has this machine's again. False where there is none. */
  setClock(aheadSeconds: number): boolean {
    const { clock } = this;
    clock?.set(aheadSeconds);
    if (aheadSeconds === 0) this.clock = undefined;
    return clock !== undefined;
  }

  /** Whether pods are being exchanged, or go. */
  get isSettling(): boolean {
    return [...this.deployments.values()].some((each) => each.isSettling);
  }

  /** Loopback port of a Service's address while a pod behind it is ready. */
  entrance(namespace: string, service: string, port: number): number | undefined {
    return this.services.entrance(namespace, service, port);
  }

  async stop(): Promise<void> {
    for (const pod of this.pods()) pod.resume();
    this.closeAddresses();
    // Nobody is sent to them any more.
    await Promise.all([...this.deployments.values()].map((each) => each.stop(false)));
    this.deployments.clear();
    await this.database.stop();
  }

  /** Kills one process as the machine might. False where there is none of that name. */
  crash(name: string): boolean {
    if (name === "postgres") {
      this.database.crash();
      return true;
    }
    const found = this.pods()
      .flatMap(({ containers }) => containers)
      .find((each) => each.container.name === name);
    found?.crash();
    return found !== undefined;
  }

  /**
   * Runs a CronJob's pod once, at the longest until the signal; undefined where there is no such CronJob.
   *
   * @throws JobExists where one of the run's name runs
   */
  job(name: string, run: JobRun, signal: AbortSignal): Promise<JobResult> | undefined {
    const workload = this.applied.cronJobs.find((each) => each.name === name);
    const { job } = run;
    if (!workload || job === undefined) return workload && this.runToEnd(workload, run, signal);
    if (this.namedJobs.has(job)) throw new JobExists(job);
    this.namedJobs.add(job);
    return this.runToEnd(workload, run, signal).finally(() => this.namedJobs.delete(job));
  }

  private async runToEnd(workload: Workload, run: JobRun, signal: AbortSignal): Promise<JobResult> {
    const { name } = workload;
    await this.reservePorts(workload, 1);
    const job = `${name}-${++this.jobs}`;
    const pod = this.podOf({ ...workload, name: job }, 0, name, run.secrets);
    signal.addEventListener("abort", () => void pod.kill(), { once: true });
    const result = await pod.runToEnd(run);
    this.jobMetrics.add({ namespace: workload.namespace, name: job, hasFailed: result.exitCode !== 0 });
    return result;
  }

  /** A Job that has ended is no more. False where there is none of that name. */
  deleteJob(name: string): boolean {
    return this.jobMetrics.delete(name);
  }

  /** To a Prometheus that runs, as kube-state-metrics would. */
  private async tellOfJobs(): Promise<void> {
    const isWatched = this.applied.deployments.some(({ namespace }) => namespace === OBSERVABILITY_NAMESPACE);
    this.jobMetricsPort = isWatched ? await this.around.ports.take(`${this.name}/kube-state-metrics`) : undefined;
    if (this.jobMetricsPort === undefined) this.jobMetrics.close();
    else await this.jobMetrics.open(this.jobMetricsPort);
  }

  /** Where the Git host calls the region's agent; undefined where webhooks are off. */
  webhook(): Webhook | undefined {
    const [port] = this.pods().flatMap((pod) =>
      pod.containers.flatMap(({ container }) => pod.port(container, "webhook") ?? []),
    );
    const [secret] = [...this.applied.secrets.values()].flatMap((each) => each.AGENT_WEBHOOK_SECRET ?? []);
    return port === undefined || secret === undefined ? undefined : { url: `http://127.0.0.1:${port}/webhook`, secret };
  }

  status(): RegionStatus {
    const { region, awsRegion, deployments } = this.applied;
    const langflow = deployments.find(isLangFlow);
    return {
      region,
      awsRegion,
      url: langflow && this.services.urlOf(langflow),
      database: `postgresql://127.0.0.1:${this.database.port}`,
      state: this.state,
      ...(this.message !== undefined && { message: this.message }),
    };
  }

  private get state(): RegionStatus["state"] {
    if (this.lost) return "lost";
    if (this.suspended) return "silent";
    return this.services.fault === NO_FAULT ? "up" : "impaired";
  }

  async processes(): Promise<ProcessStatus[]> {
    const { database, name: region } = this;
    const postgres: ProcessStatus = {
      region,
      name: "postgres",
      url: this.status().database,
      state: this.lost ? "lost" : database.state,
      ready: database.state === "ready",
      pid: database.pid,
      restarts: database.restarts,
      probes: {},
      message: database.message,
      log: join(this.directory, "logs", "postgres.log"),
    };
    // Where the region is lost its pods are gone, and what is wanted is still told.
    const pods = await Promise.all(
      this.applied.deployments.map((workload) => {
        const deployment = this.deployments.get(workload.name);
        return deployment ? this.podsProcesses(deployment) : this.absent(workload);
      }),
    );
    return [postgres, ...pods.flat()];
  }

  private pods(): LivePod[] {
    return [...this.deployments.values()].flatMap(({ all }) => all);
  }

  private closeAddresses(): void {
    this.services.close();
    this.outside.close();
    this.jobMetrics.close();
  }

  /** What the region's Prometheus has checked outside of it; none where it does not run. */
  private hostsOutside(): string[] {
    const { deployments, configMaps } = this.applied;
    return deployments.flatMap(({ namespace, pod }) =>
      (pod.volumes ?? []).flatMap(({ configMap }) => {
        const config = configMaps.get(`${namespace}/${configMap?.name}`)?.["prometheus.yml"];
        return config === undefined ? [] : hostsOutside(config);
      }),
    );
  }

  private absent({ name: deployment, pod }: Workload): ProcessStatus[] {
    const state = this.lost ? "lost" : "waiting";
    return pod.containers.map(({ name }) => ({
      region: this.name,
      name,
      deployment,
      state,
      ready: false,
      restarts: 0,
      probes: {},
      ...(this.message !== undefined && { message: this.message }),
    }));
  }

  private async podsProcesses(deployment: LiveDeployment): Promise<ProcessStatus[]> {
    const all = deployment.all.map((pod) => this.podProcesses(pod, deployment.isLeaving(pod)));
    return (await Promise.all(all)).flat();
  }

  private podProcesses(pod: LivePod, isLeaving: boolean): Promise<ProcessStatus[]> {
    return Promise.all(
      pod.containers.map(async (each) => ({
        region: this.name,
        name: each.container.name,
        deployment: pod.workload.name,
        pod: podName(pod.workload, pod.slot),
        url: this.services.urlOf(pod.workload) ?? this.ownUrl(pod, each.container),
        state: this.suspended ? "silent" : stateOf(pod, each, isLeaving),
        ready: each.state === "ready" && !this.suspended && !isLeaving,
        pid: each.pid,
        ...pod.troubleOf(each),
        probes: each.probes,
        log: pod.log(pod.initialising ? { name: pod.initialising } : each.container),
        ...(each.state === "ready" && !this.suspended && (await this.agent(pod, each.container))),
      })),
    );
  }

  private ownUrl(pod: LivePod, container: Workload["pod"]["containers"][number]): string | undefined {
    const [first] = container.ports ?? [];
    const port = first && pod.port(container, first.containerPort);
    return port === undefined ? undefined : `http://127.0.0.1:${port}`;
  }

  private async agent(
    pod: LivePod,
    container: Workload["pod"]["containers"][number],
  ): Promise<{ agent?: AgentStatus } | undefined> {
    const port = pod.port(container, "metrics");
    if (port === undefined) return undefined;
    try {
      // Throws where the pod is about to be replaced, and what it refers to already was.
      if (!pod.invocation(container).command[0]?.endsWith("agent")) return undefined;
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`, {
        headers: { connection: "close" },
        signal: AbortSignal.timeout(METRICS_TIMEOUT_MS),
      });
      return { agent: agentStatusOf(await answer.text()) };
    } catch {
      return undefined; // what does not answer is what its probes are for
    }
  }

  private podOf(workload: Workload, slot: number, portsOf = workload.name, secrets: JobRun["secrets"] = {}): LivePod {
    const made = Object.entries(secrets).map(([name, data]) => [`${workload.namespace}/${name}`, data] as const);
    return new LivePod({
      workload,
      slot,
      applied: () => ({ ...this.applied, secrets: new Map([...this.applied.secrets, ...made]) }),
      places: () => this.places(),
      port: (container, port) => this.podPorts.get(portKey(portsOf, slot, container, port)) ?? port,
      honoursPreStop: () => this.how.honoursPreStop,
      environment: () => this.clock?.environment ?? {},
    });
  }

  private async reservePorts({ name, pod }: Workload, slots: number): Promise<void> {
    for (let slot = 0; slot < slots; slot++)
      for (const container of [...(pod.initContainers ?? []), ...pod.containers])
        for (const { containerPort } of container.ports ?? []) {
          const key = portKey(name, slot, container.name, containerPort);
          if (!this.podPorts.has(key)) this.podPorts.set(key, await this.around.ports.take(`${this.name}/pods/${key}`));
        }
  }

  /** Every port of every pod. */
  private everyPodPort(): PodPort[] {
    const pods = this.applied.deployments.flatMap((workload) => {
      const { namespace, name, pod } = workload;
      const slots = this.deployments.get(name)?.all.map(({ slot }) => slot) ?? [0];
      return slots.flatMap((slot) =>
        pod.containers.flatMap((container) =>
          (container.ports ?? []).flatMap(({ containerPort }) => {
            const port = this.podPorts.get(portKey(name, slot, container.name, containerPort));
            return port === undefined ? [] : [{ namespace, pod: podName(workload, slot), containerPort, port }];
          }),
        ),
      );
    });
    return this.jobMetricsPort === undefined ? pods : [...pods, ofJobs(this.jobMetricsPort)];
  }

  private places(): PodPlaces {
    const { around, name } = this;
    return {
      directory: this.directory,
      addresses: this.services.addresses(),
      databases: new Map(this.applied.databases.map(({ host, port }) => [`${host}:${port}`, this.database.port])),
      imagePaths: IMAGE_PATHS,
      watched: {
        podPorts: this.everyPodPort(),
        outside: this.outside.addresses(),
        notificationsUrl: around.notificationsUrl(name),
      },
      gitUrl: around.gitUrl(name),
      s3Url: around.s3Url(name),
      path: around.path,
    };
  }
}

/** Pods that a Deployment is to have. */
function podsOf(workload: Workload, { langflowPods }: PodsHow): number {
  return workload.scale.replicas ?? (isLangFlow(workload) ? langflowPods : 1);
}

/** Pods of a Deployment that there may be at once: of several, those that go beside those that come, also of the change before. */
const slotsOf = (pods: number): number => (pods > 1 ? 4 * pods : 1);

/** Where Prometheus finds what kube-state-metrics tells. */
const ofJobs = (port: number): PodPort => ({
  namespace: ADDON_NAMESPACES["kube-state-metrics"],
  pod: "kube-state-metrics-live",
  containerPort: PORTS["kube-state-metrics"],
  port,
});

const portKey = (name: string, slot: number, container: string, port: number): string =>
  `${slotName(name, slot)}/${container}/${port}`;
