import { readFileSync } from "node:fs";
import { join } from "node:path";
import type * as pulumi from "@pulumi/pulumi";
import type { ComponentResourceConstructor } from "@pulumi/pulumi/provider/experimental";
import { PROJECT } from "../model/names";
import * as exported from "./index";
import type { PackageSchema } from "./packageSchema";
import { notPlain } from "./plainInputs";

const components: Readonly<Record<string, ComponentResourceConstructor>> = exported;

/** Version of the repository and therefore of the package. */
const { version } = JSON.parse(readFileSync(join(__dirname, "../package.json"), "utf8")) as { version: string };

/**
 * Constructs components for programs in other languages. Pulumi's own component host would also work, but it analyzes
 * all
 * types of the program before its first component. That takes 5 s and 0.9 GB at each start, and reading schema.json
 * does not.
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
   * Constructs a component.
   *
   * @throws Error if the component does not exist, if an input that must be plain is an output, or if the component
   * itself
   * throws
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
    // Not an InputPropertiesError: the engine prints the value of the named input and crashes if the value is not known
    // yet.
    const problems = notPlain(schema.inputProperties, inputs, this.types);
    if (problems.length > 0)
      throw new Error(
        `${problems.join(", ")} must be known before the deployment: the items of a list may be outputs, but the list itself may not`,
      );
    const made = new component(name, inputs, options);
    const state = Object.keys(schema.properties).map((output) => [output, Reflect.get(made, output)]);
    return { urn: made.urn, state: Object.fromEntries(state) };
  }
}
