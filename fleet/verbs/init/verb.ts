import { flag, text } from "../../cli/option";
import { JSON_RESULT, PROJECT, YES } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";

const options = {
  json: JSON_RESULT,
  yes: YES,
  answers: text("<file>", "YAML or JSON file with the answers, instead of prompts"),
  overwrite: flag("also replace values that were edited by hand"),
  project: PROJECT,
};

export type InitOptions = Given<typeof options>;

export const init = verb({
  name: "init",
  description: "write the configuration of a new deployment from prompts or a file",
  page: "docs/deploy.md",
  examples: ["init", "init --answers answers.yaml --yes"],
  options,
  handler: async (given) => (await import("./handler")).init(given),
});
