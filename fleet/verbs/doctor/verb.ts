import { flag } from "../../cli/option";
import { JSON_RESULT, PROJECT } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";

const options = {
  first: flag("also check that IAM allows every API call of a first `up`"),
  json: JSON_RESULT,
  project: PROJECT,
};

export type DoctorOptions = Given<typeof options>;

export const doctor = verb("doctor", options, async () => (await import("./handler")).doctor, {
  description: "run preflight checks: can this machine deploy the fleet?",
  details:
    "Checks versions, credentials, permissions, quotas, capacity, DNS zone, images and state, and prints a fix for each finding. Changes nothing.",
  page: "docs/deploy.md",
  examples: ["doctor", "doctor --first --json"],
});
