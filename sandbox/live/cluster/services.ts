import { type AppliedRegion, type AppliedService, isLangFlow, type Workload } from "./applied";
import type { LiveDeployment } from "./deployment";
import { Endpoint, NO_FAULT, type PathFault } from "./endpoint";
import { serviceHosts } from "./translate";

/** Addresses of a region's Services that have a Deployment behind them. */
export class Services {
  /** Fault on the path between LangFlow and its clients. */
  fault: PathFault = NO_FAULT;
  private readonly endpoints = new Map<string, Endpoint>();
  /** Number of connections so far. Each connection goes to the next pod in turn. */
  private taken = 0;

  constructor(
    private readonly applied: () => AppliedRegion,
    private readonly deployments: ReadonlyMap<string, LiveDeployment>,
    /** Reserves a loopback port by name. */
    private readonly takePort: (name: string) => Promise<number>,
  ) {}

  /** Opens the addresses of applied Services and closes those of deleted ones. */
  async open(): Promise<void> {
    const wanted = new Set<string>();
    for (const service of this.applied().services)
      for (const { port, targetPort } of service.ports) {
        const key = keyOf(service, port);
        wanted.add(key);
        if (this.endpoints.has(key) || !this.behind(service)) continue;
        const own = await this.takePort(`services/${key}`);
        const next = () => {
          const ports = this.targetPorts(key, targetPort);
          return ports[this.taken++ % ports.length];
        };
        this.endpoints.set(key, await Endpoint.start(own, next, () => this.faultOf(service)));
      }
    for (const [key, endpoint] of this.endpoints)
      if (!wanted.has(key)) {
        endpoint.close();
        this.endpoints.delete(key);
      }
  }

  close(): void {
    for (const endpoint of this.endpoints.values()) endpoint.close();
    this.endpoints.clear();
  }

  /** Sets whether new connections to the addresses stay unanswered. */
  async setSilent(isSilent: boolean): Promise<void> {
    await Promise.all([...this.endpoints.values()].map((each) => (isSilent ? each.silence() : each.answer())));
  }

  /** Returns the URL of a Deployment's first Service by name: the internal Service sorts before the public one. */
  urlOf(workload: Workload): string | undefined {
    const [service] = this.applied()
      .services.filter((each) => this.behind(each)?.name === workload.name)
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    return service && this.endpoints.get(keyOf(service, service.ports[0]?.port))?.url;
  }

  /** Returns the loopback port behind each `host:port` that a URL may contain. */
  addresses(): ReadonlyMap<string, number> {
    const all = this.applied().services.flatMap((service) =>
      service.ports.flatMap(({ port }) => {
        const endpoint = this.endpoints.get(keyOf(service, port));
        const hosts = serviceHosts(service.namespace, service.name);
        return endpoint ? hosts.map((host) => [`${host}:${port}`, endpoint.port] as const) : [];
      }),
    );
    return new Map(all);
  }

  /**
   * Returns the loopback port of a Service's address while a pod behind it is ready, because a load balancer knows its
   * targets.
   */
  entrance(namespace: string, name: string, port: number): number | undefined {
    const service = this.applied().services.find((each) => each.namespace === namespace && each.name === name);
    const target = service?.ports.find((each) => each.port === port)?.targetPort;
    const endpoint = service && this.endpoints.get(keyOf(service, port));
    if (!service || !endpoint || target === undefined) return undefined;
    return this.targetPorts(keyOf(service, port), target).length > 0 ? endpoint.port : undefined;
  }

  private faultOf(service: AppliedService): PathFault {
    const workload = this.behind(service);
    return workload && isLangFlow(workload) ? this.fault : NO_FAULT;
  }

  private behind({ namespace, selector }: AppliedService): Workload | undefined {
    return this.applied().deployments.find(
      (each) =>
        each.namespace === namespace &&
        Object.keys(selector).length > 0 &&
        Object.entries(selector).every(([key, value]) => each.labels[key] === value),
    );
  }

  /** Returns the pods' ports behind a Service's port. */
  private targetPorts(key: string, targetPort: number | string): number[] {
    // Looked up for each connection, because the Service's selector or its pods may have changed.
    const service = this.applied().services.find((each) => each.ports.some(({ port }) => keyOf(each, port) === key));
    const deployment = service && this.deployments.get(this.behind(service)?.name ?? "");
    const pods = deployment?.targets(service?.drainSeconds ?? 0) ?? [];
    return pods.flatMap((pod) => {
      const ports = pod.containers.map(({ container }) => pod.port(container, targetPort));
      return ports.find((port) => port !== undefined) ?? [];
    });
  }
}

const keyOf = ({ namespace, name }: AppliedService, port: number | undefined): string => `${namespace}/${name}:${port}`;
