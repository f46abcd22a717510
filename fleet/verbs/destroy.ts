import { flag } from "../cli/option";
import { OF_STACKS, silence, YES } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";
import { SILENCE } from "../stacks/silence";

const options = {
  ...OF_STACKS,
  yes: YES,
  silence: silence(SILENCE.changing),
  keepData: flag("destroy what is not protected and keep the data"),
  withData: flag("throw the whole local fleet away, data and all; only with --local"),
};

export type DestroyOptions = Given<typeof options>;

export const destroy = verb({
  name: "destroy",
  description: "take the stacks down in reverse order; refuses protected data",
  options,
  handler: async (given) => (await import("../handlers/destroy")).destroy(given),
});
