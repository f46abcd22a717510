import { ComponentProvider } from "@pulumi/pulumi/provider/experimental";
import { PROJECT } from "../model/names";
import * as components from "./index";

interface ResourceSchema {
  readonly properties: Readonly<Record<string, object>>;
  readonly required: readonly string[];
  readonly inputProperties: Readonly<Record<string, object>>;
  readonly requiredInputs: readonly string[];
}

/** The part of Pulumi's package schema that we read or change. The rest is passed through. */
export interface PackageSchema {
  readonly resources: Readonly<Record<string, ResourceSchema>>;
  readonly types: Readonly<Record<string, object>>;
  readonly dependencies: readonly { readonly name: string }[];
}

/**
 * Members that are not outputs although the analyzer lists them. The analyzer ignores `private` and treats a provider
 * as a
 * resource named `kubernetes`, which the Kubernetes package does not have. A program in another language also cannot
 * receive
 * resources to wait for.
 */
const NO_OUTPUTS = ["name", "args", "provider", "dependencies"];

const REFERENCE = /"\$ref":"#\/types\/([^"]+)"/g;

/**
 * Generates the package's schema from the components' TypeScript. This takes 5 s and 0.9 GB, because it includes the
 * types of
 * the AWS library, so the result is stored in schema.json instead of being generated at each start. The schema has no
 * version, because the version is the repository's.
 *
 * @throws Error that names the property whose type cannot be expressed in the schema
 */
export async function generateSchema(): Promise<PackageSchema> {
  const analyzer = new ComponentProvider({
    name: PROJECT,
    dirname: __dirname,
    components: Object.values(components),
  });
  const { version, ...schema } = JSON.parse(await analyzer.getSchema());
  return withoutSuffix(onlyPublic(schema));
}

/**
 * Removes the suffix `Args` from type names, because generators append it themselves and would produce PoolArgsArgs.
 */
function withoutSuffix(schema: PackageSchema): PackageSchema {
  return JSON.parse(JSON.stringify(schema).replace(/(:index:\w+?)Args"/g, '$1"'));
}

/** Removes members that are not outputs, and the types and dependencies that only those members refer to. */
export function onlyPublic(schema: PackageSchema): PackageSchema {
  const resources = Object.fromEntries(
    Object.entries(schema.resources).map(([token, resource]) => [token, withoutPrivate(resource)]),
  );
  const types = Object.fromEntries(reachable(resources, schema.types).map((name) => [name, schema.types[name] ?? {}]));
  const used = JSON.stringify({ resources, types });
  const dependencies = schema.dependencies.filter(({ name }) => used.includes(`"/${name}/v`));
  return { ...schema, resources, types, dependencies };
}

function withoutPrivate(resource: ResourceSchema): ResourceSchema {
  return {
    ...resource,
    properties: Object.fromEntries(Object.entries(resource.properties).filter(([name]) => !NO_OUTPUTS.includes(name))),
    required: resource.required.filter((name) => !NO_OUTPUTS.includes(name)),
  };
}

/** Returns the sorted names of all types that resources refer to, directly or through other types. */
function reachable(resources: object, types: Readonly<Record<string, object>>): string[] {
  const found = new Set<string>();
  const follow = (from: object): void => {
    for (const [, name = ""] of JSON.stringify(from).matchAll(REFERENCE)) {
      if (found.has(name)) continue;
      found.add(name);
      follow(types[name] ?? {});
    }
  };
  follow(resources);
  return [...found].sort();
}
