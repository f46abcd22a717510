import { isRecord, isUnknown, type Properties, record, UNKNOWN } from "../resources/values";

/**
 * A property, in the short notation of the schema files. `type` is one of `string`, `number`, `boolean`, `any`, `T[]`
 * (a list), `{T}` (a map from strings), `#name` (a nested type of the same package), or several of these joined by `|`.
 */
export interface PropertySchema {
  readonly type: string;
  readonly required?: boolean;
  /** Allowed values of a string, or of each string of a list. */
  readonly enum?: readonly string[];
  /** Whether a change causes a replacement, according to the documentation. */
  readonly replaces?: boolean;
  /** Whether a property of a nested type is always present once the resource exists, even if the program omits it. */
  readonly computed?: boolean;
}

export interface ResourceSchema {
  readonly inputs: Readonly<Record<string, PropertySchema>>;
  /** Properties that only the cloud sets. */
  readonly outputs: readonly string[];
  /** Properties that are always present once the resource exists, even if the program omits them. */
  readonly computed: readonly string[];
  /** Outputs that are always secret. */
  readonly secrets?: readonly string[];
}

export interface FunctionSchema {
  readonly inputs: Readonly<Record<string, PropertySchema>>;
}

/** Content of a file of `sandbox/schema`. */
export interface PackageSchema {
  readonly package: string;
  readonly version: string;
  readonly resources: Readonly<Record<string, ResourceSchema>>;
  readonly functions: Readonly<Record<string, FunctionSchema>>;
  readonly types: Readonly<Record<string, Readonly<Record<string, PropertySchema>>>>;
}

/** A problem in the inputs of a resource, at a property's path. */
export interface Problem {
  readonly property: string;
  readonly reason: string;
}

type Type =
  | { readonly kind: "string" | "number" | "boolean" | "any" }
  | { readonly kind: "list" | "map"; readonly of: Type }
  | { readonly kind: "object"; readonly name: string }
  | { readonly kind: "union"; readonly of: readonly Type[] };

const parsed = new Map<string, Type>();

function parseType(text: string): Type {
  const known = parsed.get(text);
  if (known) return known;
  const type = parseNewType(text);
  parsed.set(text, type);
  return type;
}

function parseNewType(text: string): Type {
  const options = splitUnion(text);
  if (options.length > 1) return { kind: "union", of: options.map(parseType) };
  if (text.endsWith("[]")) return { kind: "list", of: parseType(text.slice(0, -2)) };
  if (text.startsWith("(")) return parseType(text.slice(1, -1));
  if (text.startsWith("{")) return { kind: "map", of: parseType(text.slice(1, -1)) };
  if (text.startsWith("#")) return { kind: "object", name: text.slice(1) };
  if (text === "string" || text === "number" || text === "boolean") return { kind: text };
  return { kind: "any" };
}

/** Splits a type such as `a|{b|c}|(d|e)[]` at its top-level bars. */
function splitUnion(text: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const character of text) {
    if (character === "|" && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
    if ("({".includes(character)) depth++;
    if (")}".includes(character)) depth--;
  }
  return parts;
}

/**
 * Returns a value with the nested properties that the cloud always adds: from the earlier state, or unknown without an
 * earlier state.
 */
export function withComputed(schema: PackageSchema, type: string, value: unknown, state: unknown): unknown {
  return complete(schema, parseType(type), value, state);
}

function complete(schema: PackageSchema, type: Type, value: unknown, state: unknown): unknown {
  if (type.kind === "list" && Array.isArray(value)) {
    const before = Array.isArray(state) ? state : [];
    return value.map((element, index) => complete(schema, type.of, element, before[index]));
  }
  if (type.kind !== "object" || !isRecord(value)) return value;
  const before = record(state);
  const properties = Object.entries(schema.types[type.name] ?? {}).map(([name, property]): [string, unknown] => {
    const given = value[name];
    if (given !== undefined) return [name, complete(schema, parseType(property.type), given, before[name])];
    return [name, property.computed ? (before[name] ?? UNKNOWN) : undefined];
  });
  return { ...value, ...Object.fromEntries(properties.filter(([, property]) => property !== undefined)) };
}

/**
 * Checks inputs against a schema: required properties, unknown properties, types and enumerations. Unknown values pass.
 */
export function checkProperties(
  schema: PackageSchema,
  properties: Readonly<Record<string, PropertySchema>>,
  values: Properties,
  path = "",
): Problem[] {
  const at = (name: string) => (path ? `${path}.${name}` : name);
  const problems: Problem[] = [];
  for (const [name, property] of Object.entries(properties))
    if (property.required && values[name] === undefined)
      problems.push({ property: at(name), reason: `missing required property '${at(name)}'` });
  for (const [name, value] of Object.entries(values)) {
    if (path === "" && name.startsWith("__")) continue; // Marks of the SDK.
    const property = properties[name];
    if (property) problems.push(...checkValue(schema, parseType(property.type), property.enum, value, at(name)));
    else {
      const known = Object.keys(properties).sort().join(", ");
      problems.push({ property: at(name), reason: `unknown property '${at(name)}'; the properties are: ${known}` });
    }
  }
  return problems;
}

function checkValue(
  schema: PackageSchema,
  type: Type,
  allowed: readonly string[] | undefined,
  value: unknown,
  path: string,
): Problem[] {
  if (value === undefined || isUnknown(value)) return [];
  const wrong = (expected: string): Problem[] => [
    { property: path, reason: `'${path}' must be ${expected}, not ${typeName(value)}` },
  ];
  switch (type.kind) {
    case "any":
      return [];
    case "union": {
      const attempts = type.of.map((option) => checkValue(schema, option, allowed, value, path));
      return attempts.some((problems) => problems.length === 0) ? [] : (attempts.at(-1) ?? []);
    }
    case "list":
      if (!Array.isArray(value)) return wrong("a list");
      return value.flatMap((element, index) => checkValue(schema, type.of, allowed, element, `${path}[${index}]`));
    case "map":
      if (!isRecord(value)) return wrong("a map");
      return Object.entries(value).flatMap(([key, element]) =>
        checkValue(schema, type.of, allowed, element, `${path}.${key}`),
      );
    case "object":
      if (!isRecord(value)) return wrong("an object");
      return checkProperties(schema, schema.types[type.name] ?? {}, value, path);
    default:
      if (typeof value !== type.kind) return wrong(`a ${type.kind}`);
      if (allowed && typeof value === "string" && !allowed.includes(value))
        return [{ property: path, reason: `expected ${path} to be one of ${JSON.stringify(allowed)}, got ${value}` }];
      return [];
  }
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
