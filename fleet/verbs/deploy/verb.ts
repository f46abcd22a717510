import { seconds } from "../../cli/option";
import { OF_STACKS, silence, YES } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";
import { SILENCE } from "../../engine/silence";

const options = {
  ...OF_STACKS,
  yes: YES,
  silence: silence(SILENCE.changing),
  healthyWithin: seconds("time limit for a region to become healthy", { default: 600 }),
  soak: seconds("time a region must stay healthy before the next stack", { default: 300 }),
};

export type DeployOptions = Given<typeof options>;

export const deploy = verb("deploy", options, async () => (await import("./handler")).deploy, {
  description: "deploy one stack at a time; continue only if each region stays healthy",
  page: "docs/deploy.md",
  examples: ["deploy --yes --healthy-within 600 --soak 300", "deploy us-east edge"],
});
