import type { z } from "zod";
import { APPLICATION_URL_MAX, openPaths } from "../model/access/openings";
import { webhookHostname } from "../model/agent";
import { PROJECT } from "../model/names";
import { partitionOf } from "../model/places";
import { capacityProblems } from "./capacity";
import { describe, shortened, unknownKey, where } from "./problems";
import { ALL_KEYS, belongsInto, homesOf } from "./pulumiFiles";
import {
  ADMINISTRATOR_NEEDED,
  type EdgeStackConfig,
  type FleetConfig,
  type FoundationStackConfig,
  type RegionConfig,
  type RegionStackConfig,
  schemas,
} from "./schema";
import { meant } from "./suggestion";

/** Config of one stack, discriminated by `kind`. The object is frozen. */
export type StackConfig =
  | { readonly kind: "foundation"; readonly fleet: FleetConfig; readonly own: FoundationStackConfig }
  | {
      readonly kind: "region";
      readonly fleet: FleetConfig;
      readonly region: RegionConfig;
      readonly own: RegionStackConfig;
    }
  | { readonly kind: "edge"; readonly fleet: FleetConfig; readonly own: EdgeStackConfig };

/**
 * Validates the raw config of a stack against the schema and collects all problems.
 *
 * @param stack `foundation`, `edge` or the name of a region
 * @param values by key without namespace; structured values as objects or as the JSON text that the engine passes
 * @returns the config, or `problems`: one line each (key, value, allowed values)
 */
export function parseConfig(
  stack: string,
  values: Record<string, unknown>,
): { config: StackConfig } | { problems: readonly string[] } {
  const kind = stack === "foundation" || stack === "edge" ? stack : "region";
  const own = schemas[kind];
  const unknown = Object.keys(values).filter(
    (key) => !Object.hasOwn(schemas.fleet.shape, key) && !Object.hasOwn(own.shape, key),
  );
  const problems = unknown.map(notHere);
  const misspelt = unknown.map((key) => meant(key, ALL_KEYS));

  const pick = (schema: { shape: Record<string, z.ZodType> }) =>
    Object.fromEntries(
      Object.entries(schema.shape)
        .filter(([key]) => key in values)
        .map(([key, field]) => [key, decoded(field, values[key])]),
    );
  const check = <T>(schema: z.ZodType<T>, raw: Record<string, unknown>): T | undefined => {
    const result = schema.safeParse(raw);
    if (!result.success) {
      const issues = result.error.issues.filter(
        ({ path: [key] }) => key === undefined || !misspelt.includes(String(key)),
      );
      problems.push(...describe(issues, schema, raw));
    }
    return result.data;
  };

  const fleet = check(schemas.fleet, pick(schemas.fleet));
  const region = fleet?.regions.find(({ name }) => name === stack);
  if (fleet && kind === "region" && !region)
    problems.push(
      `stack ${stack} is not in ${PROJECT}:regions; known: foundation, edge, ${fleet.regions.map(({ name }) => name).join(", ")}`,
    );
  const parsed = check<FoundationStackConfig | RegionStackConfig | EdgeStackConfig>(own, pick(own));
  if (fleet && kind === "edge") {
    const order = (parsed as EdgeStackConfig | undefined)?.poolOrder;
    const names = fleet.regions.map(({ name }) => name);
    if (order && [...order].sort().join() !== [...names].sort().join())
      problems.push(
        `${PROJECT}:poolOrder is ${JSON.stringify(order)}; must contain each region once: ${names.join(", ")}`,
      );
    problems.push(...roundTrips(fleet, parsed as EdgeStackConfig | undefined));
    problems.push(...longOpenings(fleet, parsed as EdgeStackConfig | undefined));
  }
  if (fleet && kind === "region") {
    const cluster = (parsed as RegionStackConfig | undefined)?.cluster;
    if (cluster?.adminRoleArns.length === 0 && fleet.githubRepository === undefined)
      problems.push(`${PROJECT}:cluster.adminRoleArns is []; ${ADMINISTRATOR_NEEDED}`);
  }
  const [first] = fleet?.regions ?? [];
  const partition = first && partitionOf(first.awsRegion);
  for (const [path, arn] of partition ? strangeArns({ ...fleet, ...parsed }, partition) : [])
    problems.push(
      `${where(path)} is ${shortened(arn)}; must be in the AWS partition ${partition}, the partition of the regions`,
    );
  if (parsed && kind === "region") problems.push(...capacityProblems(stack, parsed as RegionStackConfig));
  if (problems.length > 0 || !fleet || !parsed) return { problems };
  return { config: freeze({ kind, fleet, own: parsed, ...(region && { region }) } as StackConfig) };
}

/**
 * Returns a problem if the old LangFlow's address is one of the fleet's own public names, which would send visitors in
 * a loop.
 */
function roundTrips({ hostname, webhook, regions, zone }: FleetConfig, edge: EdgeStackConfig | undefined): string[] {
  const address = edge?.movingFrom?.address;
  const hooks = webhook ? regions.map(({ name }) => webhookHostname(name, zone)) : [];
  if (address === undefined || ![hostname, ...hooks].includes(address)) return [];
  return [
    `${PROJECT}:movingFrom.address is ${JSON.stringify(address)}; must be the old LangFlow's own host name or address, because this name is the fleet's load balancer`,
  ];
}

/**
 * Returns a problem for each name that is too long for the longest path that access opens: each name has its own
 * Cloudflare applications.
 */
function longOpenings({ hostname, formerHostname }: FleetConfig, edge: EdgeStackConfig | undefined): string[] {
  const paths = edge?.access ? openPaths(edge.access.open) : [];
  const [longest] = paths.sort((one, other) => other.length - one.length);
  if (longest === undefined) return [];
  return [
    { key: "hostname", name: hostname, instead: "must be shorter" },
    ...(formerHostname === undefined
      ? []
      : [{ key: "formerHostname", name: formerHostname, instead: "must be absent" }]),
  ]
    .filter(({ name }) => name.length + longest.length > APPLICATION_URL_MAX)
    .map(
      ({ key, name, instead }) =>
        `${PROJECT}:${key} is ${JSON.stringify(name)}; ${instead}, or remove ${longest} from access.open: a Cloudflare application URL has at most ${APPLICATION_URL_MAX} characters`,
    );
}

/**
 * Returns the message for a key that does not belong in this stack's config. It is the same in every stack, so that a
 * key in Pulumi.yaml is reported once.
 */
function notHere(key: string): string {
  if (homesOf(key).length === 0) return unknownKey([key], ALL_KEYS);
  return `${PROJECT}:${key} is not allowed here: move it to ${belongsInto(key)}`;
}

/** Yields each ARN in a stack's config, at any depth, whose partition differs from the regions', with its path. */
function* strangeArns(value: unknown, partition: string, path: PropertyKey[] = []): Generator<[PropertyKey[], string]> {
  if (typeof value === "object" && value !== null)
    for (const [key, part] of Object.entries(value))
      yield* strangeArns(part, partition, [...path, Array.isArray(value) ? Number(key) : key]);
  if (typeof value !== "string" || !value.startsWith("arn:")) return;
  const [, own, , awsRegion = ""] = value.split(":");
  if (own !== partition || (awsRegion !== "" && partitionOf(awsRegion) !== partition)) yield [path, value];
}

/**
 * Decodes a value: the engine passes all values except strings as JSON text. A string that is valid as it is remains
 * unchanged.
 */
function decoded(field: z.ZodType, value: unknown): unknown {
  if (typeof value !== "string" || field.safeParse(value).success) return value;
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "string" ? value : parsed;
  } catch {
    return value;
  }
}

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === "object" && part !== null) freeze(part);
  return Object.freeze(value);
}
