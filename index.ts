import * as pulumi from "@pulumi/pulumi";
import { readConfig } from "./config/read";
import { PARTS } from "./stacks/parts";
import type { Undeployed } from "./stacks/references";

/**
 * The program of every stack: its config is checked as a whole, then the stack's own part runs.
 *
 * @param undeployed stacks that do not exist yet; the official CLI hands over none and reports a missing one itself
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
