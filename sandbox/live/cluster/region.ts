import { join } from "node:path";
import { ADDON_NAMESPACES, OBSERVABILITY_NAMESPACE, PORTS } from "../../../model/observability";
import { imagesFolder } from "../../installed";
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

/** Servers outside a region that its processes use. */
export interface SharedServers {
  readonly ports: Ports;
  /** Returns the URL at which a region reaches the Git repository. */
  gitUrl(region: string): string;
  /** Returns the URL at which a region reaches S3. */
  s3Url(region: string): string;
  /** Returns the loopback port behind a public hostname, or undefined while no server answers by that name. */
  behind(host: string, port: number): number | undefined;
  /** Returns the URL to which a region's Alertmanager sends its notifications; the receiver's name is appended. */
  notificationsUrl(region: string): string;
  /** Folders of executables, joined as in PATH. */
  readonly path: string;
  readonly postgresBin: string;
  /** SQL file that initializes a new database. Absent: the database starts empty. */
  readonly migratedDatabase?: string;
}

/** Settings of the pods that the applied resources do not contain. */
export interface PodsHow {
  /** Whether a terminating pod runs its preStop hook. */
  readonly honoursPreStop: boolean;
  /** Number of LangFlow pods, in place of the autoscaler's decision. */
  readonly langflowPods: number;
}

/** Default settings of a new fleet. */
export const FIRST_HOW: PodsHow = { honoursPreStop: false, langflowPods: 1 };

/** Image paths whose files this project has. */
const IMAGE_PATHS = [{ path: "/app/components", directory: join(imagesFolder(), "langflow/components") }];

const METRICS_TIMEOUT_MS = 1_000;

function stateOf({ initialising }: LivePod, { state }: LiveContainer, isLeaving: boolean): string {
  if (isLeaving) return "leaving";
  return initialising ? `init: ${initialising}` : state;
}

/** A Job of that name exists; the status is the API server's. */
class JobExists extends Error {
  readonly statusCode = 409;

  constructor(name: string) {
    super(`job ${name} already exists`);
  }
}

/** The processes of one region: its database and each Deployment's pods. */
export class LiveRegion {
  /** Whether a fault has stopped the region: none of its processes run until it is given back. */
  lost = false;
  /**
   * Whether a fault has suspended the region: its processes are stopped and packets to it are dropped until it is
   * resumed.
   */
  private suspended = false;
  message: string | undefined;
  /** Whether a fault has stopped the database, until the database or the whole region is given back. */
  private databaseLost = false;
  private readonly deployments = new Map<string, LiveDeployment>();
  private readonly services: Services;
  private readonly outside: Outside;
  private readonly podPorts = new Map<string, number>();
  private jobs = 0;
  private readonly namedJobs = new Set<string>();
  /** Separate clock of the pods, if a fault gave them one. */
  private clock: OwnClock | undefined;
  private readonly jobMetrics = new JobMetrics();
  /** Loopback port of the Job metrics. Undefined while no Prometheus runs. */
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
   * Makes the processes match the applied resources: replaces pods whose template changed and leaves the others
   * untouched.
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
        // The region may be lost while it is being started.
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

  /** Simulates the loss of the region: kills all of its processes at once. */
  async lose(): Promise<void> {
    this.lost = true;
    this.suspended = false;
    this.message = undefined;
    this.closeAddresses();
    await Promise.all([...[...this.deployments.values()].map((each) => each.kill()), this.database.kill()]);
    this.deployments.clear();
  }

  /** Restores the region in its currently applied state, with its previous data. */
  async giveBack(): Promise<void> {
    this.lost = false;
    this.databaseLost = false;
    await this.again();
  }

  /** Suspends the region: its processes stop and packets to it are dropped, so clients wait without an answer. */
  async suspend(): Promise<void> {
    if (this.lost || this.suspended) return;
    this.suspended = true;
    for (const pod of this.pods()) pod.suspend();
    await this.services.setSilent(true);
  }

  /** Resumes the region's processes where they stopped, and applies changes that arrived meanwhile. */
  async resume(): Promise<void> {
    if (!this.suspended) return;
    await this.services.setSilent(false);
    for (const pod of this.pods()) pod.resume();
    this.suspended = false;
    await this.again();
  }

  /** Kills one of LangFlow's pods abruptly. Returns false if only one pod exists. */
  async loseOnePod(): Promise<boolean> {
    const langflow = this.applied.deployments.find(isLangFlow);
    const failSeconds = Math.max(0, ...this.applied.services.map((each) => each.failSeconds));
    return (await this.deployments.get(langflow?.name ?? "")?.loseOne(failSeconds)) ?? false;
  }

  /** Sets the fault between LangFlow and the clients of its Services. */
  setPathFault(fault: PathFault): void {
    this.services.fault = fault;
  }

  /** Starts applied workloads that do not run. */
  async again(): Promise<void> {
    await this.apply(this.applied, this.how);
  }

  /** Kills the database and keeps it down. The rest of the region keeps running. */
  async loseDatabase(): Promise<void> {
    this.databaseLost = true;
    await this.database.kill();
  }

  /** @throws Error if the database does not start */
  async giveBackDatabase(): Promise<void> {
    this.databaseLost = false;
    if (!this.lost) await this.database.ensure(this.applied.databases);
  }

  /** Moves the database's data to a small separate disk. @throws Error if this machine does not support it */
  limitDatabaseDisk(): Promise<void> {
    return this.database.limitDisk();
  }

  /** Fills that disk. @throws Error if the database has no separate disk */
  fillDatabaseDisk(): Promise<void> {
    return this.database.fillDisk();
  }

  freeDatabaseDisk(): Promise<void> {
    return this.database.freeDisk();
  }

  /**
   * Restarts its pods' processes with a separate clock, which is initially correct. @param library path of libfaketime
   */
  giveClock(library: string): void {
    this.clock = new OwnClock(library, join(this.directory, "clock"));
    for (const container of this.pods().flatMap(({ containers }) => containers)) container.crash();
  }

  /**
   * Sets how far that clock is ahead, in seconds. At 0, processes that start later use this machine's clock again.
   * Returns false if the region has no separate clock.
   */
  setClock(aheadSeconds: number): boolean {
    const { clock } = this;
    clock?.set(aheadSeconds);
    if (aheadSeconds === 0) this.clock = undefined;
    return clock !== undefined;
  }

  /** Whether pods are being replaced or are terminating. */
  get isSettling(): boolean {
    return [...this.deployments.values()].some((each) => each.isSettling);
  }

  /** Returns the loopback port of a Service's address while a pod behind the Service is ready. */
  entrance(namespace: string, service: string, port: number): number | undefined {
    return this.services.entrance(namespace, service, port);
  }

  async stop(): Promise<void> {
    for (const pod of this.pods()) pod.resume();
    this.closeAddresses();
    // The addresses are closed, so no client can still reach these pods.
    await Promise.all([...this.deployments.values()].map((each) => each.stop(false)));
    this.deployments.clear();
    await this.database.stop();
  }

  /**
   * Kills the database or, in every pod, the container of that name, as a crash would. They are restarted. Returns
   * false if nothing has that name.
   */
  crash(name: string): boolean {
    if (name === "postgres") {
      this.database.crash();
      return true;
    }
    const named = this.pods().flatMap(({ containers }) => containers.filter((each) => each.container.name === name));
    for (const each of named) each.crash();
    return named.length > 0;
  }

  /**
   * Runs a CronJob's pod once, at most until the signal. Returns undefined if the CronJob does not exist.
   *
   * @throws JobExists if a run with the same name is running
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

  /** Deletes an ended Job. Returns false if no Job has that name. */
  deleteJob(name: string): boolean {
    return this.jobMetrics.delete(name);
  }

  /** Serves the Job metrics, as kube-state-metrics would, if a Prometheus runs. */
  private async tellOfJobs(): Promise<void> {
    const isWatched = this.applied.deployments.some(({ namespace }) => namespace === OBSERVABILITY_NAMESPACE);
    this.jobMetricsPort = isWatched ? await this.around.ports.take(`${this.name}/kube-state-metrics`) : undefined;
    if (this.jobMetricsPort === undefined) this.jobMetrics.close();
    else await this.jobMetrics.open(this.jobMetricsPort);
  }

  /** Returns the agent's webhook for pushes to Git, or undefined if webhooks are disabled. */
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
    // A lost region has no pods, but its wanted workloads are still reported.
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

  /** Returns the external hosts that the region's Prometheus probes, or none if no Prometheus runs. */
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
      // Throws if the pod is about to be replaced and the objects it refers to already were.
      if (!pod.invocation(container).command[0]?.endsWith("agent")) return undefined;
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`, {
        headers: { connection: "close" },
        signal: AbortSignal.timeout(METRICS_TIMEOUT_MS),
      });
      return { agent: agentStatusOf(await answer.text()) };
    } catch {
      return undefined; // Probes detect an unresponsive agent; the status does not need to.
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

  /** Returns every port of every pod, including the port of the Job metrics. */
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

/** Returns the wanted number of a Deployment's pods. */
function podsOf(workload: Workload, { langflowPods }: PodsHow): number {
  return workload.scale.replicas ?? (isLangFlow(workload) ? langflowPods : 1);
}

/**
 * Returns the maximum number of pods that a Deployment has at once: during a rolling update, old and new pods exist
 * side by side, and pods of the previous update may still be terminating.
 */
const slotsOf = (pods: number): number => (pods > 1 ? 4 * pods : 1);

/** Returns the scrape target for the Job metrics, in place of kube-state-metrics. */
const ofJobs = (port: number): PodPort => ({
  namespace: ADDON_NAMESPACES["kube-state-metrics"],
  pod: "kube-state-metrics-live",
  containerPort: PORTS["kube-state-metrics"],
  port,
});

const portKey = (name: string, slot: number, container: string, port: number): string =>
  `${slotName(name, slot)}/${container}/${port}`;
