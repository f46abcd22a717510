import { flag } from "../../cli/option";
import { OF_STACKS, silence } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";
import { SILENCE } from "../../engine/silence";

const options = {
  ...OF_STACKS,
  silence: silence(SILENCE.looking),
  issue: flag("also open, update or close the GitHub issue about drift"),
};

export type DriftOptions = Given<typeof options>;

export const drift = verb("drift", options, async () => (await import("./handler")).drift, {
  description: "compare deployed resources with the code; exit 7 on drift",
  page: "docs/ci.md",
  examples: ["drift --local", "drift us-east --issue"],
});
