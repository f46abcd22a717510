import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { DRAIN_SECONDS, poolsAt, servesAt, steeringOf, weightsOf } from "../../model/division";
import { ExitCode, UserError } from "../../model/errors";
import type { MonitorTimes } from "../../model/failover";
import { HEALTH_PATH } from "../../model/langflow";
import { physicalName, typeToken } from "../../model/names";
import { type Place, placeOf, poolsByRegion } from "../../model/places";
import { type MovingFromArgs, oldLangFlowPool, type PoolSettings } from "./oldLangFlow";

export interface PoolArgs {
  /** The fleet's name for the region, for example us-east. A change creates a new pool. */
  region: string;
  /** The AWS region, which determines the pool's place for geographic steering. */
  awsRegion: string;
  /** Host name of the region's public load balancer, which is the pool's only origin. */
  originHostname: pulumi.Input<string>;
}

export interface MonitorArgs extends MonitorTimes {
  /** Successful probes in a row after which a pool receives traffic again. */
  consecutiveUp: number;
  /** Codes of the Cloudflare regions that probe. Use an odd number, because a tie counts as down. */
  checkRegions: string[];
}

/** A constant and a type of the same name, which Pulumi's schema generator turns into an enum. */
const Topology = { activeActive: "active-active", activeStandby: "active-standby" } as const;
type Topology = (typeof Topology)[keyof typeof Topology];

const Steering = {
  proximity: "proximity",
  random: "random",
  dynamicLatency: "dynamic_latency",
  geo: "geo",
} as const;
type Steering = (typeof Steering)[keyof typeof Steering];

export interface GlobalLoadBalancerArgs {
  /** Cloudflare account of the monitor, the pools and the notification. A change replaces them. */
  accountId: string;
  /** Name of the Cloudflare zone, for example example.com. */
  zone: string;
  /** Id of the zone. A change replaces the load balancer. */
  zoneId: pulumi.Input<string>;
  /** The public name, within the zone. The load balancer overrides a DNS record of the same name. */
  hostname: string;
  /**
   * active-active: `steering` selects among all pools. active-standby: the first healthy pool in order gets all
   * traffic.
   */
  topology: Topology;
  /** Steering policy of active-active. Every policy except `random` needs a plan with traffic steering. */
  steering: Steering;
  monitor: MonitorArgs;
  /** Pools in order of preference; at least two. */
  pools: PoolArgs[];
  /**
   * An existing LangFlow that the fleet replaces; it gets its own pool and monitor. While both sides have a share, the
   * load balancer distributes new visitors at random, because only random steering supports weights; `topology` and
   * `steering` do not apply. Default: none.
   */
  movingFrom?: MovingFromArgs;
  /** Recipients of Cloudflare's notifications about unhealthy and recovered pools. */
  notificationEmails: string[];
}

/**
 * Seconds that a browser stays with its region: one working day, so that users do not switch regions during the day.
 */
const AFFINITY_SECONDS = 8 * 60 * 60;

/**
 * The fleet's public name: a monitor, one pool per region, and the load balancer that distributes traffic among them.
 *
 * Values that Cloudflare would fill in are set explicitly, so that later previews show no differences. Omitted are
 * values that the provider accepts but then reports as changed in every preview: `ttl` (a proxied name has none), empty
 * `countryPools` and `rules` (`fleet drift` checks `rules` separately), empty `networks`, and the pools' retired
 * notification fields. Also omitted are values that equal their absence (`requireAllHeaders: false`, an empty
 * `loadShedding`): if the API drops such a value, every later preview shows a change.
 */
export class GlobalLoadBalancer extends pulumi.ComponentResource {
  /** Pool ids by region. */
  readonly poolIds: Readonly<Record<string, pulumi.Output<string>>>;

  /** Id of the old LangFlow's pool; undefined without `movingFrom`. */
  readonly oldPoolId: pulumi.Output<string> | undefined;

  /**
   * @throws UserError if there are fewer than two pools, or if steering needs a region's place and the place is unknown
   */
  constructor(name: string, args: GlobalLoadBalancerArgs, opts?: pulumi.ComponentResourceOptions) {
    const steering = args.topology === Topology.activeStandby ? "off" : args.steering;
    const steeringPolicy = steeringOf(args.movingFrom?.share, steering);
    const places = checkedPlaces(args.pools, steeringPolicy);
    super(typeToken("GlobalLoadBalancer"), name, args, opts);
    const child = { parent: this };

    const monitor = new cloudflare.LoadBalancerMonitor(name, monitorOf(args), child);
    const pools = args.pools.map((pool, index) => {
      const inputs = { ...poolOf(pool, args), ...places[index], monitor: monitor.id };
      const { id } = new cloudflare.LoadBalancerPool(pool.region, inputs, child);
      return { region: pool.region, id, place: places[index] };
    });
    const poolIds = pools.map(({ id }) => id);
    const { movingFrom, hostname } = args;
    const old =
      movingFrom &&
      oldLangFlowPool(
        `${name}-old`,
        {
          hostname,
          movingFrom,
          monitor: monitorOf(args),
          pool: poolSettings(args),
          place: places[0],
          origins: args.pools.map(({ originHostname }) => originHostname),
        },
        child,
      );
    new cloudflare.LoadBalancer(
      name,
      {
        ...loadBalancerOf(args),
        steeringPolicy,
        defaultPools: poolIds,
        // The fallback pool serves when all pools are down, so it must be able to serve. The least preferred pool can,
        // because a fleet has at least two pools.
        fallbackPool: poolIds.at(-1) as pulumi.Output<string>,
        // Empty maps are set too: the provider detects manual additions to a map only if the program sets the map.
        popPools: {},
        regionPools:
          steeringPolicy === "geo"
            ? poolsByRegion(pools.flatMap(({ id, place }) => (place ? [{ pool: id, place }] : [])))
            : {},
        ...(old && dividedWith(old, poolIds, movingFrom.share)),
      },
      child,
    );
    const told = old && servesAt(movingFrom.share).old ? [...poolIds, old] : poolIds;
    new cloudflare.NotificationPolicy(name, notificationOf(args, told), child);

    this.poolIds = Object.fromEntries(pools.map(({ region, id }) => [region, id]));
    this.oldPoolId = old;
    this.registerOutputs({ poolIds: this.poolIds, oldPoolId: old });
  }
}

/**
 * Returns the load balancer settings that differ while an old LangFlow exists. Session affinity keeps a visitor on the
 * side that served the first request, so that the login remains valid. A side without a share is also in the list of
 * pools, but disabled: its sessions end within the drain duration.
 */
function dividedWith(old: pulumi.Output<string>, regions: pulumi.Output<string>[], share: number) {
  const { order: defaultPools, fallback: fallbackPool } = poolsAt(share, regions, old);
  if (!servesAt(share).regions) return { defaultPools, fallbackPool };
  const weights = weightsOf(share, regions.length);
  const poolWeights = old.apply((id) => ({ [id]: weights?.old ?? 0 }));
  return { defaultPools, fallbackPool, randomSteering: { defaultWeight: weights?.region ?? 1, poolWeights } };
}

/**
 * Returns each pool's place in order, or undefined if unknown. Throws if geographic steering needs an unknown place.
 */
function checkedPlaces(pools: readonly PoolArgs[], steeringPolicy: string): (Place | undefined)[] {
  if (pools.length < 2)
    throw new UserError(
      `the load balancer needs at least two pools, not ${pools.length}: with fewer it cannot fail over`,
      ExitCode.BadInput,
    );
  return pools.map(({ region, awsRegion }) => {
    const place = placeOf(awsRegion);
    if (!place && (steeringPolicy === "proximity" || steeringPolicy === "geo"))
      throw new UserError(
        `steering ${steeringPolicy} needs the coordinates of ${awsRegion} (region ${region}): add them to ` +
          "model/places.ts, or set steering to dynamic_latency or random",
        ExitCode.BadInput,
      );
    return place;
  });
}

function monitorOf({ accountId, zone, hostname, monitor }: GlobalLoadBalancerArgs): cloudflare.LoadBalancerMonitorArgs {
  return {
    accountId,
    description: `LangFlow behind ${hostname}`,
    type: "https",
    method: "GET",
    path: HEALTH_PATH,
    port: 443,
    header: { Host: [hostname] },
    probeZone: zone,
    expectedCodes: "200",
    expectedBody: "",
    followRedirects: false,
    allowInsecure: false,
    interval: monitor.intervalSeconds,
    timeout: monitor.timeoutSeconds,
    retries: monitor.retries,
    consecutiveDown: monitor.consecutiveDown,
    consecutiveUp: monitor.consecutiveUp,
  };
}

function poolSettings({ accountId, monitor }: GlobalLoadBalancerArgs): PoolSettings {
  return {
    accountId,
    enabled: true,
    checkRegions: [...monitor.checkRegions],
    minimumOrigins: 1,
    originSteering: { policy: "random" },
  };
}

function poolOf({ region, originHostname }: PoolArgs, args: GlobalLoadBalancerArgs): cloudflare.LoadBalancerPoolArgs {
  const { hostname, movingFrom } = args;
  return {
    ...poolSettings(args),
    name: physicalName(region, "pool"),
    description: `LangFlow in ${region}`,
    origins: [
      {
        name: region,
        address: originHostname,
        port: 443,
        enabled: movingFrom === undefined || servesAt(movingFrom.share).regions,
        weight: 1,
        flattenCname: true,
        // The certificate and LangFlow know only the public name. Cloudflare also takes its SNI from this header.
        header: { hosts: [hostname] },
      },
    ],
  };
}

function loadBalancerOf({ zoneId, hostname, topology }: GlobalLoadBalancerArgs) {
  return {
    zoneId,
    name: hostname,
    description: `LangFlow, ${topology}`,
    enabled: true,
    proxied: true,
    randomSteering: { defaultWeight: 1 },
    locationStrategy: { mode: "pop", preferEcs: "proximity" },
    adaptiveRouting: { failoverAcrossPools: true },
    sessionAffinity: "cookie",
    sessionAffinityTtl: AFFINITY_SECONDS,
    sessionAffinityAttributes: {
      samesite: "Lax",
      secure: "Always",
      drainDuration: DRAIN_SECONDS,
      // Sticky: a session moves once. With "temporary", it would alternate between regions whose flows may differ by
      // one sync interval while the first region is unstable.
      zeroDowntimeFailover: "sticky",
    },
  };
}

function notificationOf(
  { accountId, hostname, notificationEmails }: GlobalLoadBalancerArgs,
  poolIds: pulumi.Output<string>[],
): cloudflare.NotificationPolicyArgs {
  return {
    accountId,
    name: `LangFlow health: ${hostname}`,
    description: "A region's pool went down or came back",
    enabled: true,
    alertType: "load_balancing_health_alert",
    // Events of pools only: each pool has one origin, so origin events would duplicate every notification.
    filters: { poolIds, newHealths: ["Unhealthy", "Healthy"], eventSources: ["pool"] },
    mechanisms: { emails: notificationEmails.map((id) => ({ id })) },
  };
}
