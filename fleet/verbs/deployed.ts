import { JSON_RESULT } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";

const options = { json: JSON_RESULT };

export type DeployedOptions = Given<typeof options>;

export const deployed = verb({
  name: "deployed",
  description: "the commit last deployed, as GitHub knows it",
  options,
  handler: async (given) => (await import("../handlers/deployed")).deployed(given),
});
