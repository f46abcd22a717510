import type * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { servesAt } from "../../model/division";
import { ExitCode, UserError } from "../../model/errors";
import { physicalName } from "../../model/names";

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
export const OLD = "old";

const TLS_PORT = 443;
const ALIVE_PATH = "/health";

/** What of the region's monitor and pool is the old one's too. */
type Shared<T> = Omit<T, "description" | "name" | "origins" | "path" | "port" | "header" | "monitor">;

/** As the regions' monitor, for another path and under another name. */
export function oldMonitorOf(
  shared: cloudflare.LoadBalancerMonitorArgs,
  hostname: string,
  { path = ALIVE_PATH, port = TLS_PORT, host = hostname }: MovingFromArgs,
): cloudflare.LoadBalancerMonitorArgs {
  return {
    ...shared,
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
 *
 * @param origins of the regions: it must be none of them
 */
export function oldPoolOf(
  shared: Shared<cloudflare.LoadBalancerPoolArgs>,
  hostname: string,
  { address, port = TLS_PORT, host = hostname, share }: MovingFromArgs,
  origins: readonly pulumi.Input<string>[],
): cloudflare.LoadBalancerPoolArgs {
  return {
    ...shared,
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
