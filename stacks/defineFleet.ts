import * as pulumi from "@pulumi/pulumi";
import { readConfig } from "../config/read";
import { PARTS } from "./parts";
import type { Undeployed } from "./references";

/**
 * The program of a stack. The Pulumi CLI calls it without arguments.
 *
 * @param undeployed stacks that do not exist yet; empty under the official CLI, where the engine reports missing stacks
 */
export type FleetProgram = (undeployed?: Undeployed) => Promise<object>;

/**
 * Defines the program of every stack of a fleet. It validates the complete config, then creates the resources of the
 * stack that Pulumi runs.
 *
 * @example
 * export = defineFleet();
 */
export function defineFleet(): FleetProgram {
  return async (undeployed) => {
    const config = readConfig(pulumi.getStack());
    switch (config.kind) {
      case "foundation":
        return PARTS.foundation().foundation(config.fleet, config.own);
      case "region":
        return PARTS.region().region(config.fleet, config.region, config.own, undeployed);
      case "edge":
        return PARTS.edge().edge(config.fleet, config.own, undeployed);
    }
  };
}
