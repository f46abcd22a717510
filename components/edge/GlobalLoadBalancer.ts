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
  /** Our name of the region, for example us-east. A change makes another pool. */
  region: string;
  /** Where it is, for steering by place. */
  awsRegion: string;
  /** Host name of the region's public load balancer: the pool's one origin. */
  originHostname: pulumi.Input<string>;
}

export interface MonitorArgs extends MonitorTimes {
  /** Probes that must succeed in a row before a pool is used again. */
  consecutiveUp: number;
  /** Codes of the Cloudflare regions that probe. An odd number: a tie between two counts as down. */
  checkRegions: string[];
}

/** Constants and their types of one name: what a package's schema can tell as enums. */
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
  /** Account of monitor, pools and notification. A change replaces them. */
  accountId: string;
  /** Name of the Cloudflare zone, for example example.com. */
  zone: string;
  /** Its id. A change replaces the load balancer. */
  zoneId: pulumi.Input<string>;
  /** The public name, inside the zone. A DNS record of that name is overridden while the load balancer exists. */
  hostname: string;
  /** active-active: `steering` chooses among all pools. active-standby: the first healthy pool in order. */
  topology: Topology;
  /** How active-active chooses. Everything but `random` needs a plan with traffic steering. */
  steering: Steering;
  monitor: MonitorArgs;
  /** Two at least, in order of preference. */
  pools: PoolArgs[];
  /**
   * A LangFlow elsewhere that the fleet takes over from, as a pool of its own, with a monitor of its own. While both have a share,
   * new visitors are divided at random, which alone knows weights, whatever `topology` and `steering` say. Absent: there is none.
   */
  movingFrom?: MovingFromArgs;
  /** Who is told by Cloudflare when a pool falls or returns. */
  notificationEmails: string[];
}

/** How long a browser stays with its region: a working day, so that nobody is moved within one. */
const AFFINITY_SECONDS = 8 * 60 * 60;

/**
 * The one public name: a monitor, a pool per region and the load balancer that steers between them.
 *
 * Whatever Cloudflare would fill in is said here, so that a later preview finds nothing to add. Left out is what the
 * provider accepts but would then report as changed for ever: `ttl` (a proxied name has none), empty `countryPools`
 * and `rules` (of which `fleet drift` takes a look of its own), empty `networks`, the notification fields of pools that Cloudflare has retired, and what says no more
 * than its absence (`requireAllHeaders` false, `loadShedding` of nothing): an API that drops it makes it a change for ever.
 */
export class GlobalLoadBalancer extends pulumi.ComponentResource {
  /** Pool id a region. */
  readonly poolIds: Readonly<Record<string, pulumi.Output<string>>>;

  /** Id of the pool of the LangFlow that is moved from, where there is one. */
  readonly oldPoolId: pulumi.Output<string> | undefined;

  /** @throws UserError where there are fewer than two pools, or where a region's place is needed and not known */
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
        // Serves when all are down, so it must be able to serve: the least preferred pool, never the only one.
        fallbackPool: poolIds.at(-1) as pulumi.Output<string>,
        // Empty ones too: the provider sees what somebody adds to a map by hand only where the program names the map.
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
 * What is otherwise while there is a LangFlow to move from. Affinity keeps a visitor where the first request went, so that a sign-in
 * holds. A side without a share is among the pools too, switched off: its sessions end within the drain's time.
 */
function dividedWith(old: pulumi.Output<string>, regions: pulumi.Output<string>[], share: number) {
  const { order: defaultPools, fallback: fallbackPool } = poolsAt(share, regions, old);
  if (!servesAt(share).regions) return { defaultPools, fallbackPool };
  const weights = weightsOf(share, regions.length);
  const poolWeights = old.apply((id) => ({ [id]: weights?.old ?? 0 }));
  return { defaultPools, fallbackPool, randomSteering: { defaultWeight: weights?.region ?? 1, poolWeights } };
}

/** The place of each pool in order, undefined where unknown; none may be, where steering goes by place. */
function checkedPlaces(pools: readonly PoolArgs[], steeringPolicy: string): (Place | undefined)[] {
  if (pools.length < 2)
    throw new UserError(
      `the load balancer needs at least two pools, not ${pools.length}: with one there is nothing to fail over to`,
      ExitCode.BadInput,
    );
  return pools.map(({ region, awsRegion }) => {
    const place = placeOf(awsRegion);
    if (!place && (steeringPolicy === "proximity" || steeringPolicy === "geo"))
      throw new UserError(
        `steering ${steeringPolicy} needs to know where ${awsRegion} (region ${region}) is: add it to ` +
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
        // The certificate and LangFlow know the public name only; Cloudflare takes its SNI from here too.
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
      // Sticky: a session moves once, where "temporary" would swing between regions
      // whose flows are a sync apart for as long as the first one flickers.
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
    // Pools alone: each has one origin, which would only say everything twice.
    filters: { poolIds, newHealths: ["Unhealthy", "Healthy"], eventSources: ["pool"] },
    mechanisms: { emails: notificationEmails.map((id) => ({ id })) },
  };
}
