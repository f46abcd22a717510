import { flag, text } from "../cli/option";
import { JSON_RESULT, PROJECT, YES } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";

const options = {
  json: JSON_RESULT,
  yes: YES,
  answers: text("<file>", "take the answers from this YAML or JSON file instead of asking"),
  overwrite: flag("replace also values that somebody chose"),
  project: PROJECT,
};

export type InitOptions = Given<typeof options>;

export const init = verb({
  name: "init",
  description: "write the config of a new deployment by asking",
  options,
  handler: async (given) => (await import("../handlers/init")).init(given),
});
