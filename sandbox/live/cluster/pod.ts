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

/** What is the same for every pod of a region. */
export interface PodPlaces extends Pick<Places, "imagePaths" | "databases" | "gitUrl" | "s3Url" | "path"> {
  /** Folder of the region. */
  readonly directory: string;
  /** Loopback port behind each `host:port` of a Service. */
  readonly addresses: ReadonlyMap<string, number>;
  /** What is there to watch. */
  readonly watched: Watched;
}

/** A name of a Deployment's pod's own: the first one has the Deployment's. */
export const slotName = (name: string, slot: number): string => (slot === 0 ? name : `${name}-${slot}`);

/** What the Kubernetes API calls a Deployment's pod. */
export const podName = ({ name }: Pick<Workload, "name">, slot: number): string => slotName(`${name}-live`, slot);

export interface PodOptions {
  readonly workload: Workload;
  /** A number that no other pod of the workload has. */
  readonly slot: number;
  /** The region as it is applied now. */
  applied(): AppliedRegion;
  places(): PodPlaces;
  /** Loopback port of a container's port. */
  port(container: string, port: number): number;
  honoursPreStop(): boolean;
  /** What each of its processes finds in its environment beside what is applied. */
  environment(): Readonly<Record<string, string>>;
}

/** One run of a pod to its end. */
export interface JobResult {
  readonly exitCode: number;
  /** The container that ended it. */
  readonly container: string;
  /** End of that container's log. */
  readonly log: string;
}

/** What a run has beside what its CronJob says. */
export interface JobRun {
  /** The Job's name: while one of that name runs, there is no second. Each run has a name of its own by default. */
  readonly job?: string;
  /** In place of its containers' own; those of init containers stay. */
  readonly args?: readonly string[];
  /** Variables of all its containers, over those of the same name. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Secrets that somebody made for this run in its namespace, by name. */
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Nothing a Job does takes longer here. */
const JOB_TIMEOUT_MS = 30 * 60_000;
const DEFAULT_GRACE_S = 30;

/** A pod: its volumes, its init containers one after the other, then its containers. */
export class LivePod implements ContainerHost {
  readonly containers: readonly LiveContainer[];
  /** The init container at work, or the one that failed. */
  initialising: string | undefined;
  /** Runs of init containers that failed. */
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

  /** It failed so often that it is waited for no longer. */
  get isHopeless(): boolean {
    return this.containers.some((each) => isHopeless(this.troubleOf(each)));
  }

  /** How often a container was started again, those before it included, and what went wrong last. */
  troubleOf({ restarts, message }: LiveContainer): Pick<ProcessStatus, "restarts" | "message"> {
    const said = this.message ?? message;
    return { restarts: this.initFailures + restarts, ...(said !== undefined && { message: said }) };
  }

  get ready(): boolean {
    return this.containers.every(({ state }) => state === "ready");
  }

  /** Milliseconds for which it has been ready; less than 0 while it is not. */
  get readyForMs(): number {
    const now = Date.now();
    return Math.min(...this.containers.map(({ readySince }) => now - (readySince ?? now + 1)));
  }

  /** Starts in the background what a new pod starts: with empty volumes, but for claims. */
  start(): void {
    rmSync(this.folder, { recursive: true, force: true });
    this.starting = this.initialise().then(() => {
      if (!this.ending.signal.aborted) for (const container of this.containers) container.start();
    });
  }

  /** @param runsHooks as far as the region honours them at all */
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
   * Packets to where it answered vanish, as those to the address of a pod that is gone.
   *
   * @returns ends that
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

  /** All its containers stand still until they are resumed. */
  suspend(): void {
    for (const container of this.containers) container.suspend();
  }

  resume(): void {
    for (const container of this.containers) container.resume();
  }

  /** Runs the pod as a Job does: once, init containers first, and no second time. */
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

  /** What went wrong, in a line. */
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
    // The containers of a pod share one network.
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

  /** A volume's directory: a claim's is the region's, whoever mounts it; the others are the pod's own. */
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
