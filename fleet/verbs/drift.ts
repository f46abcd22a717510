import { flag } from "../cli/option";
import { OF_STACKS, silence } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";
import { SILENCE } from "../stacks/silence";

const options = {
  ...OF_STACKS,
  silence: silence(SILENCE.looking),
  issue: flag("also open, change or close the one issue about it at GitHub"),
};

export type DriftOptions = Given<typeof options>;

export const drift = verb({
  name: "drift",
  description: "compare the code with the clouds: exit 0 none, 7 drift",
  options,
  handler: async (given) => (await import("../handlers/drift")).drift(given),
});
