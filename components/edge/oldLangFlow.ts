import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { servesAt } from "../../model/division";
import { ExitCode, UserError } from "../../model/errors";
import { physicalName } from "../../model/names";
import type { Place } from "../../model/places";

export interface MovingFromArgs {
  /**
   * Where the old LangFlow is: a name that leads to it directly, neither the public name nor one that Cloudflare proxies, or an IPv4
   * address that Cloudflare reaches (Pool, `origins.address`). Updates in place.
   */
  address: string;
  /** What it is asked for as Host, and the name in its certificate. Default: the public name. */
  host?: string;
  /** Where it speaks TLS. Default: 443. */
  port?: number;
  /** What its monitor asks for with GET, answered 200. Default: /health, which every release since 1.0 has. */
  path?: string;
  /** How much of the new visitors it gets, from 0 to 1. At 0 and at 1 the other side takes nobody, even where this one is down. */
  share: number;
}

/** How it is called where regions are called by their names. */
const OLD = "old";

const TLS_PORT = 443;
const ALIVE_PATH = "/health";

/** What all pools have in common. */
export type PoolSettings = Omit<cloudflare.LoadBalancerPoolArgs, "description" | "name" | "origins" | "monitor">;

export interface OldLangFlowArgs {
  /** The public name. */
  hostname: string;
  movingFrom: MovingFromArgs;
  /** The regions' monitor, of which its own is a variation. */
  monitor: cloudflare.LoadBalancerMonitorArgs;
  pool: PoolSettings;
  /** Anywhere: steering by place wants one of each pool, and never chooses this one. */
  place: Place | undefined;
  /** Those of the regions: it must be none of them. */
  origins: readonly pulumi.Input<string>[];
}

/**
 * The LangFlow that a fleet takes over from, as a pool of its own with a monitor of its own.
 *
 * @returns the pool's id
 */
export function oldLangFlowPool(
  name: string,
  args: OldLangFlowArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const monitor = new cloudflare.LoadBalancerMonitor(name, monitorOf(args), opts);
  return new cloudflare.LoadBalancerPool(name, { ...poolOf(args), ...args.place, monitor: monitor.id }, opts).id;
}

/** As the regions' monitor, for another path and under another name. */
function monitorOf({ monitor, hostname, movingFrom }: OldLangFlowArgs): cloudflare.LoadBalancerMonitorArgs {
  const { path = ALIVE_PATH, port = TLS_PORT, host = hostname } = movingFrom;
  return {
    ...monitor,
    description: `The LangFlow that ${hostname} is moved from`,
    path,
    port,
    header: { Host: [host] },
  };
}

/**
 * Its pool, with one origin, which is switched off where it has no share: "Disabled origins will not receive traffic and are excluded
 * from health checks" (Pool, `origins.enabled`), and sessions have the drain's time to end. A weight of 0 would say less: what becomes of
 * such a pool when the others are down is not documented.
 */
function poolOf({ pool, hostname, movingFrom, origins }: OldLangFlowArgs): cloudflare.LoadBalancerPoolArgs {
  const { address, port = TLS_PORT, host = hostname, share } = movingFrom;
  return {
    ...pool,
    name: physicalName(OLD, "pool"),
    description: "The LangFlow that is moved from",
    origins: [
      {
        name: OLD,
        address: pulumi.all([...origins]).apply((names) => elsewhere(address, names)),
        port,
        enabled: servesAt(share).old,
        weight: 1,
        flattenCname: true,
        header: { hosts: [host] },
      },
    ],
  };
}

/** @throws UserError where it is a region's own entrance, and the share of the old one would go to the fleet */
export function elsewhere(address: string, origins: readonly string[]): string {
  if (origins.includes(address))
    throw new UserError(
      `movingFrom.address ${address} is a region's own load balancer: give the address of the LangFlow that you move from`,
      ExitCode.BadInput,
    );
  return address;
}
