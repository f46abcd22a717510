import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { OBSERVABILITY_NAMESPACE } from "../../../model/observability";
import { BlackHole } from "../process/blackHole";
import { tailOf } from "../process/boundProcess";
import { backOffSeconds, type ContainerHost, LiveContainer, lastLine, runOnce } from "../process/container";
import { bytesOf } from "../process/memoryLimit";
import type { Container, Volume } from "../process/podSpec";
import { isHopeless, type ProcessStatus } from "../status";
import type { AppliedRegion, Workload } from "./applied";
import { environmentOf } from "./environment";
import { type Places, translate } from "./translate";
import { translatedFile, type Watched } from "./translateObservability";

/** Values that all pods of a region share. */
export interface PodPlaces extends Pick<Places, "imagePaths" | "databases" | "gitUrl" | "s3Url" | "path"> {
  /** Directory of the region. */
  readonly directory: string;
  /** Loopback port behind each `host:port` of a Service. */
  readonly addresses: ReadonlyMap<string, number>;
  /** Targets of the region's monitoring. */
  readonly watched: Watched;
}

/** Returns the name of a Deployment's pod. The first slot has the Deployment's own name. */
export const slotName = (name: string, slot: number): string => (slot === 0 ? name : `${name}-${slot}`);

/** Returns the name of a Deployment's pod in the Kubernetes API. */
export const podName = ({ name }: Pick<Workload, "name">, slot: number): string => slotName(`${name}-live`, slot);

export interface PodOptions {
  readonly workload: Workload;
  /** Number that no other pod of the workload has. */
  readonly slot: number;
  /** Returns the region as currently applied. */
  applied(): AppliedRegion;
  places(): PodPlaces;
  /** Returns the loopback port of a container's port. */
  port(container: string, port: number): number;
  honoursPreStop(): boolean;
  /** Returns variables that each process of the pod gets in addition to the applied ones. */
  environment(): Readonly<Record<string, string>>;
}

/** Result of a pod that ran to its end. */
export interface JobResult {
  readonly exitCode: number;
  /** The container that ended the run. */
  readonly container: string;
  /** End of that container's log. */
  readonly log: string;
}

/** Settings of a run that override its CronJob's. */
export interface JobRun {
  /**
   * Name of the Job. A second run with the same name is rejected while the first is running. Default: a unique name.
   */
  readonly job?: string;
  /** Arguments that replace those of the containers. Init containers keep theirs. */
  readonly args?: readonly string[];
  /** Variables of all its containers. They override variables with the same names. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Secrets that were created for this run in its namespace, by name. */
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Upper bound on the duration of every local Job. */
const JOB_TIMEOUT_MS = 30 * 60_000;
const DEFAULT_GRACE_S = 30;

/** A pod: creates its volumes, runs its init containers one after the other, then starts its containers. */
export class LivePod implements ContainerHost {
  readonly containers: readonly LiveContainer[];
  /** Name of the running or failed init container. */
  initialising: string | undefined;
  /** Number of failed runs of init containers. */
  initFailures = 0;
  message: string | undefined;
  private readonly ending = new AbortController();
  private starting: Promise<void> = Promise.resolve();
  private readonly folder: string;

  constructor(private readonly options: PodOptions) {
    this.containers = options.workload.pod.containers.map((container) => new LiveContainer(container, this));
    this.folder = join(options.places().directory, "pods", this.fileName);
  }

  get slot(): number {
    return this.options.slot;
  }

  get workload(): Workload {
    return this.options.workload;
  }

  get graceSeconds(): number {
    return this.workload.pod.terminationGracePeriodSeconds ?? DEFAULT_GRACE_S;
  }

  /** Whether the pod failed so often that callers stop waiting for it. */
  get isHopeless(): boolean {
    return this.containers.some((each) => isHopeless(this.troubleOf(each)));
  }

  /** Returns a container's number of restarts, including failed init containers, and the last error. */
  troubleOf({ restarts, message }: LiveContainer): Pick<ProcessStatus, "restarts" | "message"> {
    const said = this.message ?? message;
    return { restarts: this.initFailures + restarts, ...(said !== undefined && { message: said }) };
  }

  get ready(): boolean {
    return this.containers.every(({ state }) => state === "ready");
  }

  /** How long the pod has been ready, in milliseconds. Negative while it is not ready. */
  get readyForMs(): number {
    const now = Date.now();
    return Math.min(...this.containers.map(({ readySince }) => now - (readySince ?? now + 1)));
  }

  /** Starts the pod in the background. Its volumes are empty, except claims. */
  start(): void {
    rmSync(this.folder, { recursive: true, force: true });
    this.starting = this.initialise().then(() => {
      if (!this.ending.signal.aborted) for (const container of this.containers) container.start();
    });
  }

  /** @param runsHooks run preStop hooks, if the region honours them */
  async stop(runsHooks: boolean): Promise<void> {
    this.ending.abort();
    await this.starting;
    const honoursPreStop = runsHooks && this.options.honoursPreStop();
    await Promise.all(this.containers.map((container) => container.stop(honoursPreStop)));
  }

  async kill(): Promise<void> {
    this.ending.abort();
    await this.starting;
    await Promise.all(this.containers.map((container) => container.kill()));
  }

  /**
   * Drops packets to the pod's ports, as for the address of a deleted pod.
   *
   * @returns a function that ends this
   */
  async vanish(): Promise<() => Promise<void>> {
    const ports = this.containers.flatMap(({ container }) =>
      (container.ports ?? []).flatMap(({ containerPort }) => this.port(container, containerPort) ?? []),
    );
    const holes = await Promise.all(ports.map((port) => BlackHole.open(port)));
    return async () => {
      await Promise.all(holes.map((hole) => hole.close()));
    };
  }

  /** Suspends all its containers until they are resumed. */
  suspend(): void {
    for (const container of this.containers) container.suspend();
  }

  resume(): void {
    for (const container of this.containers) container.resume();
  }

  /** Runs the pod like a Job: once, init containers first, without restarts. */
  async runToEnd({ args, environment = {} }: JobRun): Promise<JobResult> {
    rmSync(this.folder, { recursive: true, force: true });
    const { initContainers = [], containers } = this.workload.pod;
    const variables = Object.entries(environment).map(([name, value]) => ({ name, value }));
    let result: JobResult = { exitCode: 0, container: "", log: "" };
    for (const each of [...initContainers, ...containers]) {
      const own = args && containers.includes(each) ? { ...each, args } : each;
      const container = { ...own, env: [...(own.env ?? []), ...variables] };
      const log = this.log(container);
      rmSync(log, { force: true });
      const directory = this.directory(container);
      const { exitCode } = await runOnce(
        this.invocation(container),
        directory,
        log,
        JOB_TIMEOUT_MS,
        this.ending.signal,
      );
      result = { exitCode, container: container.name, log: tailOf(log, 20_000) };
      if (exitCode !== 0) break;
    }
    rmSync(this.folder, { recursive: true, force: true });
    return result;
  }

  invocation(container: Container): Invocation {
    const { workload } = this;
    const { configMaps, secrets } = this.options.applied();
    const own = <T>(objects: ReadonlyMap<string, T>) =>
      new Map([...objects].map(([id, value]) => [id.replace(`${workload.namespace}/`, ""), value]));
    const environment = environmentOf(container, {
      configMaps: own(configMaps),
      secrets: own(secrets),
      fields: {
        "metadata.name": podName(workload, this.slot),
        "metadata.namespace": workload.namespace,
        "spec.nodeName": "localhost",
        "status.podIP": "127.0.0.1",
        "status.hostIP": "127.0.0.1",
      },
    });
    const { command, environment: translated } = translate({ ...container, environment }, this.placesOf(container));
    const memoryBytes = bytesOf(container.resources?.limits?.memory ?? "");
    return { command, environment: Object.assign({}, translated, this.options.environment()), memoryBytes };
  }

  port(container: Container, nameOrNumber: number | string): number | undefined {
    const named = container.ports?.find(({ name, containerPort }) =>
      [name, containerPort, `${containerPort}`].includes(nameOrNumber),
    );
    return named && this.options.port(container.name, named.containerPort);
  }

  directory(container: Container): string {
    const directory = join(this.folder, "work", container.name);
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  log(container: Pick<Container, "name">): string {
    return join(this.options.places().directory, "logs", `${this.fileName}.${container.name}.log`);
  }

  private get fileName(): string {
    return slotName(this.workload.name, this.slot);
  }

  private async initialise(): Promise<void> {
    const { signal } = this.ending;
    for (const container of this.workload.pod.initContainers ?? []) {
      for (let failures = 0; !signal.aborted; failures++) {
        this.initialising = container.name;
        this.message = await this.runInit(container);
        if (this.message === undefined || signal.aborted) break;
        this.initFailures++;
        await sleep(backOffSeconds(failures) * 1000, undefined, { signal }).catch(() => undefined);
      }
    }
    this.initialising = undefined;
  }

  /** Runs an init container. Returns the error in one line, or undefined if it succeeded. */
  private async runInit(container: Container): Promise<string | undefined> {
    const log = this.log(container);
    try {
      const invocation = this.invocation(container);
      const directory = this.directory(container);
      const { exitCode, said } = await runOnce(invocation, directory, log, JOB_TIMEOUT_MS, this.ending.signal);
      return exitCode === 0 ? undefined : `${said}: ${lastLine(log)}`;
    } catch (error) {
      return (error as Error).message;
    }
  }

  private placesOf(container: Container): Places {
    const places = this.options.places();
    const { pod } = this.workload;
    const all = [...(pod.initContainers ?? []), ...pod.containers];
    // The containers of a pod share one network namespace.
    const ports = all.flatMap((each) =>
      (each.ports ?? []).map(
        ({ containerPort }) => [containerPort, this.options.port(each.name, containerPort)] as const,
      ),
    );
    const besides = ports.flatMap(([port, localPort]) =>
      ["localhost", "127.0.0.1"].map((host) => [`${host}:${port}`, localPort] as const),
    );
    const addresses = new Map([...besides, ...places.addresses]);
    return {
      ...places,
      addresses,
      mounts: (container.volumeMounts ?? []).map(({ name, mountPath, subPath = "" }) => ({
        path: mountPath,
        directory: join(this.volume(name, { ...places, addresses }), subPath),
      })),
      ports: new Map(ports),
    };
  }

  /**
   * Returns a volume's directory. A claim's directory belongs to the region and is shared by all pods that mount it;
   * other volumes belong to the pod.
   */
  private volume(name: string, places: PodPlaces): string {
    const volume = this.workload.pod.volumes?.find((each) => each.name === name);
    const claim = volume?.persistentVolumeClaim?.claimName;
    const directory = claim ? join(places.directory, "claims", claim) : join(this.folder, "volumes", name);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const [file, content] of volume ? this.filesOf(volume, places) : [])
      writeFileSync(join(directory, file), content, { mode: 0o600 });
    return directory;
  }

  private filesOf({ configMap, secret, csi }: Volume, places: PodPlaces): Iterable<[string, string]> {
    const { configMaps, secrets, secretMounts } = this.options.applied();
    const { namespace } = this.workload;
    const id = (name: string) => `${namespace}/${name}`;
    if (configMap) {
      const files = Object.entries(configMaps.get(id(configMap.name)) ?? {});
      if (namespace !== OBSERVABILITY_NAMESPACE) return files;
      return files.map(([name, content]) => [name, translatedFile(name, content, { ...places, ...places.watched })]);
    }
    if (secret) return Object.entries(secrets.get(id(secret.secretName)) ?? {});
    return secretMounts.get(id(csi?.volumeAttributes?.secretProviderClass ?? "")) ?? [];
  }
}

type Invocation = ReturnType<typeof translate>;
