import * as pulumi from "@pulumi/pulumi";
import type { StackConfig } from "../config/parse";
import { readConfig } from "../config/read";
import { type Override, Overrides } from "./override";
import { PARTS } from "./parts";
import type { Undeployed } from "./references";
import type { RegionParts } from "./region";

/**
 * The program of a stack. The Pulumi CLI calls it without arguments.
 *
 * @param undeployed stacks that do not exist yet; empty under the official CLI, where the engine reports missing stacks
 */
export type FleetProgram = (undeployed?: Undeployed) => Promise<object>;

/** A team's additions to the standard fleet. docs/customise.md has an example of each. */
export interface FleetOptions {
  /**
   * Adds resources to every region. Runs after the region's own resources are declared.
   *
   * @returns additional outputs of the region's stack
   */
  region?(parts: RegionParts): object | undefined;
  /** Replaced arguments of the fleet's resources, by stack: foundation, a region's name, or edge. */
  readonly overrides?: Readonly<Record<string, readonly Override[]>>;
}

/**
 * Defines the program of every stack of a fleet. It validates the complete config, then creates the resources of the
 * stack that Pulumi runs.
 *
 * @example
 * export = defineFleet();
 */
export function defineFleet(options: FleetOptions = {}): FleetProgram {
  return async (undeployed) => {
    const stack = pulumi.getStack();
    const config = readConfig(stack);
    expectStacks(options, config);
    const overrides = new Overrides(stack, options.overrides?.[stack] ?? []);
    const outputs = outputsOf(config, options, undeployed);
    overrides.expectUsed();
    return outputs;
  };
}

function outputsOf(config: StackConfig, options: FleetOptions, undeployed?: Undeployed): object {
  switch (config.kind) {
    case "foundation":
      return PARTS.foundation().foundation(config.fleet, config.own);
    case "region": {
      const { parts, outputs } = PARTS.region().region(config.fleet, config.region, config.own, undeployed);
      const added = options.region?.(parts) ?? {};
      const taken = Object.keys(added).filter((name) => name in outputs);
      if (taken.length > 0)
        throw new pulumi.RunError(`the outputs ${taken.join(", ")} belong to the fleet: give yours different names`);
      return { ...outputs, ...added };
    }
    case "edge":
      return PARTS.edge().edge(config.fleet, config.own, undeployed);
  }
}

/** @throws pulumi.RunError if there are overrides of a stack that does not exist */
function expectStacks({ overrides = {} }: FleetOptions, { fleet }: StackConfig): void {
  const stacks = ["foundation", ...fleet.regions.map(({ name }) => name), "edge"];
  const unknown = Object.keys(overrides).filter((stack) => !stacks.includes(stack));
  if (unknown.length > 0)
    throw new pulumi.RunError(
      `overrides has the unknown stacks ${unknown.join(", ")}: the fleet's stacks are ${stacks.join(", ")}`,
    );
}
