/** Calculations of docs/costs.md: quantities of one region, multiplied by prices and by the hours of a month. */
import type { Price, PricedRegion } from "./price";
import { PRICES, type PriceName } from "./prices";

/** Hours per month, the same number as in AWS' own calculator. */
const HOURS = 730;

/** Configuration settings that affect the bill. */
export interface Shape {
  readonly nat: "per-zone" | "single";
  readonly interfaceEndpoints: boolean;
  readonly webhook: boolean;
  /** Whether the Kubernetes version is past its 14 months of standard support. */
  readonly extendedSupport: boolean;
  /** Whether each region runs Prometheus and its companions, and sends alerts with a secret. */
  readonly observability: boolean;
  /** Name of the database's price: `databaseSmall` is in one zone, the others are in two. */
  readonly database: "databaseSmall" | "database" | "databaseLarge";
  /** Initial size of the database's disk, in GiB. */
  readonly databaseGib: number;
  /** Number of nodes for LangFlow's minimum number of pods. */
  readonly nodes: number;
  /** Number of regions in the fleet. Each object in the flow bucket is copied to all other regions. */
  readonly regions: number;
}

/** The program's defaults, with the example's two regions. */
export const DEFAULT: Shape = {
  nat: "per-zone",
  interfaceEndpoints: true,
  webhook: false,
  extendedSupport: false,
  observability: false,
  database: "database",
  databaseGib: 100,
  // Two pods that may not share a zone need two nodes. Auto Mode chooses the instance type: the smallest that fits.
  nodes: 2,
  regions: 2,
};

/** A quantity at one price, in the price's unit: pieces for prices per hour or month, GB for the others. */
export interface Line {
  readonly price: PriceName;
  readonly quantity: number;
}

const ZONES = 3;
const ENDPOINTS = 9;
const NODE_DISK_GIB = 80;
/** Total disk size of Prometheus and Alertmanager by default, in GiB. */
const OBSERVABILITY_GIB = 51;
/**
 * Additional nodes for observability. Its pods, including Grafana and the collector, request 425 m of CPU and 1.6 GiB
 * of memory, which needs at most one more node.
 */
const OBSERVABILITY_NODES = 1;
const SHARED_SECRETS = 5;
const OWN_SECRETS = 3;

/** Returns the fixed costs of one region, which do not depend on its use. */
export function standing(shape: Shape): Line[] {
  const balancers = shape.webhook ? 2 : 1;
  const gateways = shape.nat === "single" ? 1 : ZONES;
  const nodes = shape.nodes + (shape.observability ? OBSERVABILITY_NODES : 0);
  const lines: Line[] = [
    { price: "cluster", quantity: 1 },
    { price: "extendedSupport", quantity: shape.extendedSupport ? 1 : 0 },
    { price: "node", quantity: nodes },
    { price: "autoMode", quantity: nodes },
    { price: "nodeDisk", quantity: nodes * NODE_DISK_GIB + (shape.observability ? OBSERVABILITY_GIB : 0) },
    { price: shape.database, quantity: 1 },
    { price: shape.database === "databaseSmall" ? "databaseDiskSmall" : "databaseDisk", quantity: shape.databaseGib },
    { price: "nat", quantity: gateways },
    { price: "address", quantity: gateways + balancers * ZONES },
    { price: "endpoint", quantity: shape.interfaceEndpoints ? ENDPOINTS * ZONES : 0 },
    { price: "balancer", quantity: balancers },
    { price: "key", quantity: 1 },
    { price: "secret", quantity: SHARED_SECRETS + OWN_SECRETS + (shape.observability ? 1 : 0) },
  ];
  return lines.filter(({ quantity }) => quantity > 0);
}

const THROUGH_NAT_GB = 50;
const THROUGH_ENDPOINTS_GB = 20;
const REPLICATED_GB = 10;
const OTHER_BETWEEN_REGIONS_GB = 20;

/**
 * Metrics that an agent requests from CloudWatch in each poll, for its database and for each other region, and polls
 * per hour.
 */
const DATABASE_QUESTIONS = 3;
const PEER_QUESTIONS = 4;
const ASKED_HOURLY = 12;

/** Returns the number of requested metrics per month, in thousands. */
function metricsAsked(regions: number): number {
  return ((DATABASE_QUESTIONS + PEER_QUESTIONS * (regions - 1)) * ASKED_HOURLY * HOURS) / 1000;
}

/**
 * Returns the usage costs of one region. The quantities are assumptions, to be replaced with the real monthly figures.
 */
export function used({ interfaceEndpoints, observability, regions }: Shape): Line[] {
  const replicated = REPLICATED_GB * (regions - 1);
  const lines: Line[] = [
    { price: "logs", quantity: 50 },
    { price: "logStore", quantity: 30 },
    { price: "metricsAsked", quantity: observability ? metricsAsked(regions) : 0 },
    { price: "egress", quantity: 100 },
    { price: "interRegion", quantity: replicated + OTHER_BETWEEN_REGIONS_GB },
    { price: "natTraffic", quantity: THROUGH_NAT_GB + (interfaceEndpoints ? 0 : THROUGH_ENDPOINTS_GB) },
    { price: "endpointTraffic", quantity: interfaceEndpoints ? THROUGH_ENDPOINTS_GB : 0 },
    { price: "files", quantity: 20 },
    { price: "filesRead", quantity: 50 },
    { price: "filesWritten", quantity: 20 },
    { price: "objects", quantity: 50 },
    { price: "replicated", quantity: replicated },
    { price: "images", quantity: 20 },
    { price: "backups", quantity: 50 },
  ];
  return lines.filter(({ quantity }) => quantity > 0);
}

/** Returns the cost of a line in US dollars per month, or undefined if the price is unknown. */
export function monthly({ price, quantity }: Line, place: PricedRegion): number | undefined {
  const { unit, quotes }: Price = PRICES[price];
  const usd = quotes[place]?.usd;
  return usd === undefined ? undefined : usd * quantity * (unit === "hour" ? HOURS : 1);
}

export interface Total {
  readonly usd: number;
  /** Number of lines without a known price, which are missing from the sum. */
  readonly missing: number;
}

/** Returns the sum of the lines over all given AWS regions. */
export function total(lines: readonly Line[], places: readonly PricedRegion[]): Total {
  const costs = places.flatMap((place) => lines.map((line) => monthly(line, place)));
  return {
    usd: costs.reduce((sum: number, usd) => sum + (usd ?? 0), 0),
    missing: costs.filter((usd) => usd === undefined).length,
  };
}
