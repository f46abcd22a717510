import * as pulumi from "@pulumi/pulumi";
import { readConfig } from "./config/read";
import { PARTS } from "./stacks/parts";
import type { Undeployed } from "./stacks/references";

/**
 * Runs the program of a stack: validates the complete config, then creates the stack's resources.
 *
 * @param undeployed stacks that do not exist yet; empty under the official CLI, where the engine reports missing stacks
 */
export = async (undeployed?: Undeployed): Promise<object> => {
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
