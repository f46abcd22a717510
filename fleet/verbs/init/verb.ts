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

export const init = verb("init", options, async () => (await import("./handler")).init, {
  description: "write the configuration of a new deployment from prompts or a file",
  page: "docs/deploy.md",
  examples: ["init", "init --answers answers.yaml --yes"],
});
