import type { z } from "zod";
import { PROJECT } from "../model/names";
import {
  type EdgeStackConfig,
  type FleetConfig,
  type FoundationStackConfig,
  type RegionConfig,
  type RegionStackConfig,
  schemas,
} from "./schema";

/** One stack's config, told apart by `kind`. Frozen: it is read, never changed. */
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
 * Checks the raw config of a stack against the schema, all of it before anything is said.
 *
 * @param stack `foundation`, `edge` or the name of a region
 * @param values by key without namespace; structured values as objects or as the JSON text the engine hands over
 * @returns the config, or `faults`: one line each (key, value, what is allowed)
 */
export function parseConfig(
  stack: string,
  values: Record<string, unknown>,
): { config: StackConfig } | { faults: readonly string[] } {
  const kind = stack === "foundation" || stack === "edge" ? stack : "region";
  const own = schemas[kind];
  const fleetKeys = Object.keys(schemas.fleet.shape);
  const ownKeys = Object.keys(own.shape);
  const faults: string[] = [];

  const pick = (schema: { shape: Record<string, z.ZodType> }) =>
    Object.fromEntries(
      Object.entries(schema.shape)
        .filter(([key]) => key in values)
        .map(([key, field]) => [key, decoded(field, values[key])]),
    );
  const check = <T>(schema: z.ZodType<T>, raw: Record<string, unknown>): T | undefined => {
    const result = schema.safeParse(raw);
    if (!result.success) faults.push(...result.error.issues.flatMap((issue) => describe(issue, raw)));
    return result.data;
  };

  for (const key of Object.keys(values).filter((name) => !fleetKeys.includes(name) && !ownKeys.includes(name)))
    faults.push(`${PROJECT}:${key} is unknown here; known: ${[...fleetKeys, ...ownKeys].join(", ")}`);
  const fleet = check(schemas.fleet, pick(schemas.fleet));
  const region = fleet?.regions.find(({ name }) => name === stack);
  if (fleet && kind === "region" && !region)
    faults.push(
      `stack ${stack} is not in ${PROJECT}:regions; known: foundation, edge, ${fleet.regions.map(({ name }) => name).join(", ")}`,
    );
  const ownRaw = pick(own);
  const parsed = check<FoundationStackConfig | RegionStackConfig | EdgeStackConfig>(own, ownRaw);
  if (fleet && kind === "edge") {
    const order = (parsed as EdgeStackConfig | undefined)?.poolOrder;
    const names = fleet.regions.map(({ name }) => name);
    if (order && [...order].sort().join() !== [...names].sort().join())
      faults.push(`${PROJECT}:poolOrder is ${JSON.stringify(order)}; must hold each region once: ${names.join(", ")}`);
  }
  if (faults.length > 0 || !fleet || !parsed) return { faults };
  return { config: freeze({ kind, fleet, own: parsed, ...(region && { region }) } as StackConfig) };
}

/** The engine hands structured values over as JSON text; a text that is a valid value by itself stays as it is. */
function decoded(field: z.ZodType, value: unknown): unknown {
  if (typeof value !== "string" || field.safeParse(value).success) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

const SECRET_KEYS = ["providerKeys", "gitToken", "workspaces"];

function describe(issue: z.core.$ZodIssue, raw: Record<string, unknown>): string[] {
  const where = (path: PropertyKey[]) =>
    `${PROJECT}:${path.map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`)).join("")}`;
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => `${where([...issue.path, key])} is unknown: take it out or mend its spelling`);
  if (issue.code === "invalid_key")
    return [`${where(issue.path)} is misnamed: ${issue.issues.map(({ message }) => message).join("; ")}`];
  const value = issue.path.reduce<unknown>((at, part) => (at as Record<PropertyKey, unknown> | undefined)?.[part], raw);
  if (value === undefined) return [`${where(issue.path)} is missing: ${allowed(issue)}`];
  const shown = SECRET_KEYS.includes(String(issue.path[0])) ? "[secret]" : JSON.stringify(value);
  return [`${where(issue.path)} is ${shown}; ${allowed(issue)}`];
}

/** What is allowed, in words; our own messages already say it. */
function allowed(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${issue.expected === "array" ? "a list" : ["object", "record"].includes(issue.expected) ? "an object" : `a ${issue.expected}`}`;
    case "invalid_value":
      return `must be one of ${issue.values.join(", ")}`;
    case "invalid_union":
      return `must be one of ${issue.errors.flatMap((branch) => branch.flatMap((each) => (each.code === "invalid_value" ? each.values : []))).join(", ")}`;
    case "too_small":
      return issue.message.startsWith("Too small") ? `must be at least ${issue.minimum}` : issue.message;
    case "too_big":
      return issue.message.startsWith("Too big") ? `must be at most ${issue.maximum}` : issue.message;
    default:
      return issue.message;
  }
}

function freeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === "object" && part !== null) freeze(part);
  return Object.freeze(value);
}
