import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { servesAt } from "../../model/division";
import { ExitCode, UserError } from "../../model/errors";
import { physicalName } from "../../model/names";
import type { Place } from "../../model/places";

export interface MovingFromArgs {
  /**
   * Address of the old LangFlow: an IPv4 address that Cloudflare can reach, or a host name that resolves directly to
   * the server (neither the public name nor a name that Cloudflare proxies; Pool, `origins.address`). Updates in place.
   */
  address: string;
  /** Host header of requests, and the name in the server's certificate. Default: the public name. */
  host?: string;
  /** TLS port of the old LangFlow. Default: 443. */
  port?: number;
  /**
   * Path of the monitor's GET requests; the old LangFlow must answer 200. Default: /health, which every release since
   * 1.0 has.
   */
  path?: string;
  /**
   * Share of new visitors that the old LangFlow gets, from 0 to 1. With 0 or 1, the other side gets no visitors, even
   * if this side is down.
   */
  share: number;
}

/** Label of the old LangFlow in names that otherwise contain a region's name. */
const OLD = "old";

const TLS_PORT = 443;
const ALIVE_PATH = "/health";

/** Settings that all pools share. */
export type PoolSettings = Omit<cloudflare.LoadBalancerPoolArgs, "description" | "name" | "origins" | "monitor">;

export interface OldLangFlowArgs {
  /** The public name. */
  hostname: string;
  movingFrom: MovingFromArgs;
  /** Monitor of the regions' pools; the old LangFlow's monitor is a variation of this monitor. */
  monitor: cloudflare.LoadBalancerMonitorArgs;
  pool: PoolSettings;
  /** Any place: geographic steering requires a place for every pool, and never selects the old LangFlow's pool. */
  place: Place | undefined;
  /** Origin addresses of the regions. The old LangFlow's address must differ from all of them. */
  origins: readonly pulumi.Input<string>[];
}

/**
 * Creates a pool and a monitor for the LangFlow that the fleet replaces.
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

/** Returns the regions' monitor with the old LangFlow's description, path, port and Host header. */
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
 * Returns the old LangFlow's pool with one origin. The origin is disabled if the old LangFlow has no share: "Disabled
 * origins will not receive traffic and are excluded from health checks" (Pool, `origins.enabled`), and sessions may end
 * within the drain duration. A weight of 0 would not do: Cloudflare does not document how such a pool behaves when the
 * other pools are down.
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

/**
 * Returns the address if no region uses the same address.
 *
 * @throws UserError if the address is a region's own origin, because the old LangFlow's share would then reach the
 * fleet
 */
export function elsewhere(address: string, origins: readonly string[]): string {
  if (origins.includes(address))
    throw new UserError(
      `movingFrom.address ${address} is a region's own load balancer: use the address of the old LangFlow`,
      ExitCode.BadInput,
    );
  return address;
}
