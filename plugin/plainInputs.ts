import * as pulumi from "@pulumi/pulumi";
import type { PackageSchema } from "./packageSchema";

interface TypeSchema {
  readonly type?: string;
  readonly plain?: boolean;
  readonly $ref?: string;
  readonly items?: TypeSchema;
  readonly properties?: Readonly<Record<string, TypeSchema>>;
}

const OWN_TYPE = "#/types/";

/**
 * Returns the paths of inputs that must be plain but are outputs, for example `source.region`. Nothing else checks
 * this: the
 * engine passes the values of a YAML program on unchecked, and an output in a name would become text about outputs
 * instead of
 * the name.
 *
 * @param inputs inputs as received, in which a value that is secret or depends on other resources is an output
 */
export function notPlain(
  declared: Readonly<Record<string, TypeSchema>>,
  inputs: pulumi.Inputs,
  types: PackageSchema["types"],
): string[] {
  return Object.entries(declared).flatMap(([name, schema]) => below(schema, inputs[name], name, types));
}

function below(schema: TypeSchema, value: unknown, path: string, types: PackageSchema["types"]): string[] {
  if (value === undefined || value === null) return [];
  if (pulumi.Output.isInstance(value)) return schema.plain ? [path] : [];
  if (Array.isArray(value))
    return value.flatMap((item, at) => below(schema.items ?? {}, item, `${path}[${at}]`, types));
  const { properties = {} }: TypeSchema = types[schema.$ref?.slice(OWN_TYPE.length) ?? ""] ?? {};
  return notPlain(properties, value as pulumi.Inputs, types).map((inner) => `${path}.${inner}`);
}
