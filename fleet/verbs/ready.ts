import { flag, score, text } from "../cli/option";
import { OF_FLEET } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";

const options = {
  ...OF_FLEET,
  minimum: score("a score that is enough, whatever does not hold; without it everything is to hold"),
  drift: flag("also compare the code with the clouds, which takes minutes"),
  markdown: text("<file>", "also write it as Markdown, for a workflow's summary"),
};

export type ReadyOptions = Given<typeof options>;

export const ready = verb({
  name: "ready",
  description: "how ready the fleet is now for the loss of a region: a score with reasons, and what a loss would cost",
  options,
  handler: async (given) => (await import("../handlers/ready")).ready(given),
});
