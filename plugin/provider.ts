import { readFileSync } from "node:fs";
import { join } from "node:path";
import type * as pulumi from "@pulumi/pulumi";
import type { ComponentResourceConstructor } from "@pulumi/pulumi/provider/experimental";
import { PROJECT } from "../model/names";
import * as exported from "./index";
import type { PackageSchema } from "./packageSchema";
import { notPlain } from "./plainInputs";

const components: Readonly<Record<string, ComponentResourceConstructor>> = exported;

/** The version of the repository, which is the package's too. */
const { version } = JSON.parse(readFileSync(join(__dirname, "../package.json"), "utf8")) as { version: string };

/**
 * Makes components for programs in other languages. Pulumi's own host of components would do, but reads all types of
 * the program before its first component: 5 s and 0.9 GB at each start, where this reads schema.json.
 */
export class PackageProvider implements pulumi.provider.Provider {
  readonly version = version;
  readonly schema: string;
  private readonly resources: PackageSchema["resources"];
  private readonly types: PackageSchema["types"];

  constructor() {
    const schema: PackageSchema = JSON.parse(readFileSync(join(__dirname, "schema.json"), "utf8"));
    this.resources = schema.resources;
    this.types = schema.types;
    this.schema = JSON.stringify({ ...schema, version });
  }

  /**
   * @throws Error where there is no such component, or where an output stands for what must be known from the start,
   * and whatever the component itself throws
   */
  async construct(
    name: string,
    type: string,
    inputs: pulumi.Inputs,
    options: pulumi.ComponentResourceOptions,
  ): Promise<pulumi.provider.ConstructResult> {
    const component = components[type.slice(`${PROJECT}:index:`.length)];
    const schema = this.resources[type];
    if (!component || !schema)
      throw new Error(`the package has no component ${type}: it has ${Object.keys(this.resources).join(", ")}`);
    // No InputPropertiesError: the engine prints the input it names, and dies of one that is not known yet.
    const problems = notPlain(schema.inputProperties, inputs, this.types);
    if (problems.length > 0)
      throw new Error(
        `${problems.join(", ")} must be known before anything is made; in a list, each item may be an output, not the whole`,
      );
    const made = new component(name, inputs, options);
    const state = Object.keys(schema.properties).map((output) => [output, Reflect.get(made, output)]);
    return { urn: made.urn, state: Object.fromEntries(state) };
  }
}
