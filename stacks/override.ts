import * as pulumi from "@pulumi/pulumi";

/** Class of a resource with arguments `A`, for example `aws.rds.Instance`. */
type ResourceClass<A> = new (name: string, args: A, options?: pulumi.CustomResourceOptions) => pulumi.CustomResource;

/** A change of one resource's arguments. Made by {@link override}. */
export interface Override {
  /** Type token, for example aws:rds/instance:Instance. */
  readonly type: string;
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** Arguments that no override may set, with the reason. */
const FIXED: Readonly<Record<string, string>> = {
  region: "it follows the region in Pulumi.yaml",
  permissionsBoundary: "every role keeps the foundation's boundary",
  deletionProtection: "set langflow-dr:deletionProtection in the stack's file",
};

/**
 * Replaces arguments of one resource that the fleet creates. Resource types and names stay stable between releases, like
 * everything else in a stack's state.
 *
 * @param resource class of the resource, from the same version of the provider's library as langflow-dr uses
 * @param name name of the resource, as in a preview, for example us-east
 * @param args arguments to replace; all others keep their values
 * @throws Error if an argument cannot be overridden
 * @example
 * defineFleet({ overrides: { "us-east": [override(aws.rds.Instance, "us-east", { backupWindow: "02:00-03:00" })] } });
 */
export function override<A extends object>(resource: ResourceClass<A>, name: string, args: Partial<A>): Override {
  const type: unknown = Reflect.get(resource, "__pulumiType");
  if (typeof type !== "string")
    throw new Error(`override of ${name}: ${resource.name} is not the class of a provider's resource`);
  for (const key of Object.keys(args))
    if (FIXED[key] !== undefined) throw new Error(`override of ${type} ${name}: ${key} cannot change: ${FIXED[key]}`);
  return { type, name, args: { ...args } };
}

/** Applies the overrides of one stack to the resources that the program creates. */
export class Overrides {
  private readonly used = new Set<Override>();
  private readonly names = new Map<string, string[]>();

  constructor(
    private readonly stack: string,
    private readonly overrides: readonly Override[],
  ) {
    if (overrides.length === 0) return;
    pulumi.runtime.registerStackTransformation(({ type, name, props, opts }) => {
      this.names.set(type, [...(this.names.get(type) ?? []), name]);
      const applied = overrides.filter((each) => each.type === type && each.name === name);
      for (const each of applied) this.used.add(each);
      if (applied.length === 0) return undefined;
      return { props: Object.assign({}, props, ...applied.map(({ args }) => args)), opts };
    });
  }

  /**
   * Call this when the program has created all resources.
   *
   * @throws pulumi.RunError if an override matched no resource, with the names that exist
   */
  expectUsed(): void {
    const problems = this.overrides
      .filter((each) => !this.used.has(each))
      .map(({ type, name }) => {
        const names = this.names.get(type);
        const known = names
          ? `the names of this type are ${names.sort().join(", ")}`
          : "the stack has none of this type";
        return `override of ${type} ${name}: the stack ${this.stack} has no such resource; ${known}`;
      });
    if (problems.length > 0) throw new pulumi.RunError(problems.join("\n"));
  }
}
