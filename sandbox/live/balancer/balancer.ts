import type { IncomingMessage } from "node:http";
import type { BalancerStatus, PoolVerdict } from "../status";
import type { AppliedApplication } from "./access/appliedAccess";
import { Gate } from "./access/gate";
import type { AppliedBalancer, AppliedPool, Entrance } from "./appliedBalancer";
import type { AppliedFrontDoor } from "./frontDoor/appliedFrontDoor";
import { FrontDoor } from "./frontDoor/frontDoor";
import { PoolHealth } from "./poolHealth";
import { PublicAddress } from "./publicAddress";
import type { ProxiedPool, Route } from "./route";
import { mayFailOver, pinnedPool, sessionCookie, setsCookie, tokenOf } from "./session";
import { type PoolState, poolsToTry, type Visitor } from "./steering";

/** Maximum number of health verdicts to keep; the oldest are dropped. */
const VERDICTS_MAX = 1_000;

const NO_FRONT_DOOR: AppliedFrontDoor = { closing: [], limits: [], headers: [] };

/** State of one pool. */
interface LivePool {
  applied: AppliedPool;
  health?: PoolHealth;
  /** When the origin was disabled, in milliseconds since 1970. */
  offSince?: number;
}

/** Emulates the applied load balancer on one loopback address. */
export class LiveBalancer {
  private applied: AppliedBalancer | undefined;
  private readonly pools = new Map<string, LivePool>();
  private readonly front: PublicAddress;
  private readonly frontDoor = new FrontDoor();
  private readonly gate = new Gate();
  private history: PoolVerdict[] = [];

  /**
   * @param port loopback port of the public address
   * @param entrance returns the loopback port behind a Service's address, or undefined while the Service refuses
   * connections
   */
  constructor(
    port: number,
    private readonly entrance: (entrance: Entrance) => number | undefined,
  ) {
    this.front = new PublicAddress(
      port,
      () => this.applied?.hostname ?? "",
      (request) => this.route(request),
      this.frontDoor,
      this.gate,
    );
  }

  /** Applies a new configuration. Replaces the probers of a pool if its monitor or its probed origin changed. */
  async apply(
    applied: AppliedBalancer | undefined,
    frontDoor = NO_FRONT_DOOR,
    applications: readonly AppliedApplication[] = [],
  ): Promise<void> {
    this.applied = applied;
    this.frontDoor.apply(frontDoor);
    this.gate.apply(applications);
    const wanted = new Map((applied?.pools ?? []).map((pool) => [pool.id, pool]));
    for (const [id, pool] of this.pools)
      if (!wanted.has(id)) {
        pool.health?.stop();
        this.pools.delete(id);
      }
    for (const pool of wanted.values()) this.take(pool);
    if (applied) await this.front.start();
    else await this.front.stop();
  }

  async stop(): Promise<void> {
    await this.apply(undefined);
  }

  /** Public address of the balancer, or undefined if no balancer is applied. */
  get address(): { url: string; hostname: string } | undefined {
    return this.applied && { url: this.front.url, hostname: this.applied.hostname };
  }

  status(): BalancerStatus | undefined {
    if (!this.applied || !this.address) return undefined;
    return {
      ...this.address,
      steeringPolicy: this.applied.steeringPolicy,
      pools: this.applied.pools.map((applied) => ({
        id: applied.id,
        name: applied.name,
        region: applied.region,
        enabled: applied.enabled && applied.originEnabled,
        healthy: this.pools.get(applied.id)?.health?.healthy,
        checkRegions: this.pools.get(applied.id)?.health?.checkRegions ?? {},
        origin: applied.origin,
      })),
      history: this.history,
    };
  }

  private take(pool: AppliedPool): void {
    const known = this.pools.get(pool.id);
    const isOn = pool.enabled && pool.originEnabled;
    if (known && JSON.stringify(known.applied) === JSON.stringify(pool)) return;
    known?.health?.stop();
    const before = known && originOf(known.applied) === originOf(pool) ? known.health?.healthy : undefined;
    const { monitor } = pool;
    this.pools.set(pool.id, {
      applied: pool,
      ...(monitor &&
        isOn && {
          health: new PoolHealth(pool, monitor, () => this.portOf(pool.id), this.recorder(pool), before),
        }),
      ...(!isOn && { offSince: known?.offSince ?? Date.now() }),
    });
  }

  private recorder({ region }: AppliedPool): (healthy: boolean, reason: string) => void {
    return (healthy, reason) => {
      this.history = [...this.history, { at: Date.now(), pool: region, healthy, reason }].slice(-VERDICTS_MAX);
    };
  }

  private portOf(id: string): number | undefined {
    const { entrance, outsidePort } = this.pools.get(id)?.applied ?? {};
    return entrance ? this.entrance(entrance) : outsidePort;
  }

  private states(): Map<string, PoolState> {
    const drainMs = (this.applied?.affinity?.drainSeconds ?? 0) * 1000;
    return new Map(
      [...this.pools].map(([id, { applied, health, offSince = 0 }]) => {
        const draining = Date.now() < offSince + drainMs ? "draining" : "none";
        const ofOrigin = applied.originEnabled ? "all" : draining;
        const admits = applied.enabled ? ofOrigin : "none";
        // A pool that is not probed has no known health and counts as healthy.
        const healthy = applied.monitor && admits === "all" ? health?.healthy === true : true;
        return [id, { admits, healthy, place: applied.place, latencyMs: health?.latencyMs }];
      }),
    );
  }

  private route(request: IncomingMessage): Route {
    const { applied } = this;
    if (!applied) return { pools: [], failsOver: () => false, answeredBy: () => ({}) };
    const { affinity, hostname, failoverAcrossPools } = applied;
    const pinned = affinity && pinnedPool(request.headers.cookie, hostname, this.pools.keys());
    const ids = poolsToTry(applied, this.states(), { ...visitorOf(request), pinned }, Math.random);
    const { enabled = false, originEnabled = false } = this.pools.get(pinned ?? "")?.applied ?? {};
    const course = { pinned, pinnedEnabled: enabled && originEnabled, failover: affinity?.failover ?? "none" };
    return {
      pools: ids.flatMap((id) => this.proxied(id)),
      failsOver: ({ id }) => mayFailOver(id, pinned, failoverAcrossPools, affinity?.failover),
      answeredBy: ({ id: answered }) =>
        affinity && setsCookie({ ...course, answered })
          ? { setCookie: sessionCookie(affinity, tokenOf(hostname, answered)) }
          : {},
    };
  }

  private proxied(id: string): ProxiedPool[] {
    const pool = this.pools.get(id)?.applied;
    if (!pool) return [];
    return [{ id, region: pool.region, hostHeader: pool.hostHeader, port: () => this.portOf(id) }];
  }
}

const originOf = ({ origin, outsidePort }: AppliedPool): string => `${origin}:${outsidePort ?? ""}`;

/** Reads a visitor's location from the headers that Cloudflare adds for origins (Managed Transforms). */
function visitorOf({ headers }: IncomingMessage): Visitor {
  const degrees = (name: string) => Number.parseFloat(String(headers[name] ?? ""));
  const [latitude, longitude] = [degrees("cf-iplatitude"), degrees("cf-iplongitude")];
  const region = headers["cf-region"];
  return {
    ...(Number.isFinite(latitude) && Number.isFinite(longitude) && { place: { latitude, longitude } }),
    ...(typeof region === "string" && { region }),
  };
}
