import { flag, text } from "../cli/option";
import { OF_STACKS } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";

const options = {
  ...OF_STACKS,
  disturb: flag("also evict a pod of each region under requests"),
  resume: text("<file>", "go on from this report (.json) of the same deployment"),
  reports: text("<dir>", "folder of the reports, in place of `proofs` beside Pulumi.yaml or in the local fleet"),
};

export type ProveOptions = Given<typeof options>;

export const prove = verb({
  name: "prove",
  description: "look at the deployed fleet for all that could not be known before; regions in place of all",
  options,
  handler: async (given) => (await import("../handlers/prove")).prove(given),
});
