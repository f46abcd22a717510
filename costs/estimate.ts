/** The arithmetic of docs/costs.md: quantities of one region, times prices, times the hours of a month. */
import type { Price, PricedRegion } from "./price";
import { PRICES, type PriceName } from "./prices";

/** Hours in a month, as AWS' own calculator takes them. */
const HOURS = 730;

/** What of the configuration changes the bill. */
export interface Shape {
  readonly nat: "per-zone" | "single";
  readonly interfaceEndpoints: boolean;
  readonly webhook: boolean;
  /** Whether the Kubernetes version is older than the 14 months of standard support. */
  readonly extendedSupport: boolean;
  /** Whether Prometheus and what belongs to it run in each region, and tell somebody by a secret. */
  readonly observability: boolean;
  /** The database by its price: `databaseSmall` is in one zone, the others in two. */
  readonly database: "databaseSmall" | "database" | "databaseLarge";
  /** GiB of the database's disk at first. */
  readonly databaseGib: number;
  /** Nodes for LangFlow's least pods. */
  readonly nodes: number;
  /** Regions of the fleet. Each object of the flow bucket is copied to all others. */
  readonly regions: number;
}

/** The program's defaults, with the two regions of the example. */
export const DEFAULT: Shape = {
  nat: "per-zone",
  interfaceEndpoints: true,
  webhook: false,
  extendedSupport: false,
  observability: false,
  database: "database",
  databaseGib: 100,
  // Two pods that may not share a zone need two nodes. Which ones is Auto Mode's choice: the smallest that fits.
  nodes: 2,
  regions: 2,
};

/** So many of one price, in its unit: pieces for an hour's or a month's price, GB for the others. */
export interface Line {
  readonly price: PriceName;
  readonly quantity: number;
}

const ZONES = 3;
const ENDPOINTS = 9;
const NODE_DISK_GIB = 80;
/** Disks of Prometheus and Alertmanager, by default. */
const OBSERVABILITY_GIB = 51;
/** What watches asks for 425 m of a processor and 1.6 GiB, Grafana and the collector among it: at most a node more. */
const OBSERVABILITY_NODES = 1;
const SHARED_SECRETS = 5;
const OWN_SECRETS = 3;

/** What one region costs by existing, used or not. */
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

/** Questions of an agent to CloudWatch each time, of its database and for each other region; and how often within an hour. */
const DATABASE_QUESTIONS = 3;
const PEER_QUESTIONS = 4;
const ASKED_HOURLY = 12;

/** In thousands a month. */
function metricsAsked(regions: number): number {
  return ((DATABASE_QUESTIONS + PEER_QUESTIONS * (regions - 1)) * ASKED_HOURLY * HOURS) / 1000;
}

/** What one region costs by being used: assumptions, to be replaced by the month's real figures. */
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

/** US dollars a month of a line; undefined where the price has to be looked up. */
export function monthly({ price, quantity }: Line, place: PricedRegion): number | undefined {
  const { unit, quotes }: Price = PRICES[price];
  const usd = quotes[place]?.usd;
  return usd === undefined ? undefined : usd * quantity * (unit === "hour" ? HOURS : 1);
}

export interface Total {
  readonly usd: number;
  /** Lines without a known price, which the sum therefore lacks. */
  readonly missing: number;
}

/** The sum of the lines in each of the places. */
export function total(lines: readonly Line[], places: readonly PricedRegion[]): Total {
  const costs = places.flatMap((place) => lines.map((line) => monthly(line, place)));
  return {
    usd: costs.reduce((sum: number, usd) => sum + (usd ?? 0), 0),
    missing: costs.filter((usd) => usd === undefined).length,
  };
}
