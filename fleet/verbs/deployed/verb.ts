import { JSON_RESULT } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";

const options = { json: JSON_RESULT };

export type DeployedOptions = Given<typeof options>;

export const deployed = verb("deployed", options, async () => (await import("./handler")).deployed, {
  description: "print the last deployed commit, as recorded by GitHub",
  details: "Needs GITHUB_TOKEN and GITHUB_REPOSITORY.",
  page: "docs/ci.md",
  examples: ["deployed --json"],
});
