import { ComponentProvider } from "@pulumi/pulumi/provider/experimental";
import { PROJECT } from "../model/names";
import * as components from "./index";

interface ResourceSchema {
  readonly properties: Readonly<Record<string, object>>;
  readonly required: readonly string[];
  readonly inputProperties: Readonly<Record<string, object>>;
  readonly requiredInputs: readonly string[];
}

/** What we read and change of Pulumi's package schema; the rest passes through. */
export interface PackageSchema {
  readonly resources: Readonly<Record<string, ResourceSchema>>;
  readonly types: Readonly<Record<string, object>>;
  readonly dependencies: readonly { readonly name: string }[];
}

/**
 * Members that are no outputs, though the analyzer lists them: it does not see `private`, and takes a provider for a
 * resource `kubernetes`, which the Kubernetes package does not have. Nor can a program in another language be given
 * resources to wait for.
 */
const NO_OUTPUTS = ["name", "args", "provider", "premises"];

const REFERENCE = /"\$ref":"#\/types\/([^"]+)"/g;

/**
 * The schema of the package from the components' TypeScript: 5 s and 0.9 GB, the types of the AWS library
 * among them, so it is kept in schema.json rather than made at each start. Without a version, which is the repository's.
 *
 * @throws Error naming the property whose type cannot leave TypeScript
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

/** Types under shorter names: generators add `Args` by themselves, and PoolArgsArgs is no name. */
function withoutSuffix(schema: PackageSchema): PackageSchema {
  return JSON.parse(JSON.stringify(schema).replace(/(:index:\w+?)Args"/g, '$1"'));
}

/** The schema without what is no output, and without types and dependencies only that refers to. */
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

/** Names of the types that resources refer to, directly or through other types; sorted. */
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
