import { text } from "../cli/option";
import { OF_STACKS, silence } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";
import { SILENCE } from "../stacks/silence";

const options = {
  ...OF_STACKS,
  silence: silence(SILENCE.looking),
  markdown: text("<file>", "also write the changes as one pull-request comment; empty where there are none"),
  base: text("<revision>", "what this Git revision would have deployed is there already; only with --local"),
};

export type PreviewOptions = Given<typeof options>;

export const preview = verb({
  name: "preview",
  description: "show what `up` would change",
  options,
  handler: async (given) => (await import("../handlers/preview")).preview(given),
});
