import * as pulumi from "@pulumi/pulumi";
import { readConfig } from "./config/read";
import type { Undeployed } from "./stacks/references";

/**
 * The program of every stack: its config is checked as a whole, then the stack's own part runs. `require` inside, so
 * that a part is loaded only when it runs: the edge never needs the AWS library, half a second of its start.
 *
 * @param undeployed stacks that do not exist yet; the official CLI hands over none and reports a missing one itself
 */
export = async (undeployed?: Undeployed): Promise<object> => {
  const config = readConfig(pulumi.getStack());
  switch (config.kind) {
    case "foundation": {
      const { foundation }: typeof import("./stacks/foundation") = require("./stacks/foundation");
      return foundation(config.fleet, config.own);
    }
    case "region": {
      const { region }: typeof import("./stacks/region") = require("./stacks/region");
      return region(config.fleet, config.region, config.own, undeployed);
    }
    case "edge": {
      const { edge }: typeof import("./stacks/edge") = require("./stacks/edge");
      return edge(config.fleet, config.own, undeployed);
    }
  }
};
