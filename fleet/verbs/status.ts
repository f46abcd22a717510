import { OF_STACKS } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";

export type StatusOptions = Given<typeof OF_STACKS>;

export const status = verb({
  name: "status",
  description: "what is deployed, where, and whether it answers",
  options: OF_STACKS,
  handler: async (given) => (await import("../handlers/status")).status(given),
});
