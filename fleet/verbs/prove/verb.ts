import { flag, text, words } from "../../cli/option";
import { OF_FLEET } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";

const options = {
  regions: words("regions to check (default: all)"),
  ...OF_FLEET,
  disturb: flag("also evict a pod in each region while requests run"),
  resume: text("<file>", "skip the checks that passed in this report (.json) of the same deployment"),
  reports: text("<dir>", "folder for reports (default: proofs, next to Pulumi.yaml or in the local fleet)"),
};

export type ProveOptions = Given<typeof options>;

export const prove = verb("prove", options, async () => (await import("./handler")).prove, {
  description: "verify in the deployed fleet what no preview can show, such as credentials and access",
  details: "Checks credentials in pods, replicated data, signatures and access, and prints a fix for each finding.",
  page: "docs/prove.md",
  examples: ["prove --local", "prove us-east --disturb"],
});
