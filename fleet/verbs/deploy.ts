import { seconds } from "../cli/option";
import { OF_STACKS, silence, YES } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";
import { SILENCE } from "../stacks/silence";

const options = {
  ...OF_STACKS,
  yes: YES,
  silence: silence(SILENCE.changing),
  healthyWithin: seconds("how long a region may take to be healthy", { otherwise: 600 }),
  soak: seconds("how long a region must stay healthy before the next one", { otherwise: 300 }),
};

export type DeployOptions = Given<typeof options>;

export const deploy = verb({
  name: "deploy",
  description: "bring one region after the other along, each healthy before the next",
  options,
  handler: async (given) => (await import("../handlers/deploy")).deploy(given),
});
