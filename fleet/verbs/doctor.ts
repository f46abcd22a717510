import { flag } from "../cli/option";
import { JSON_RESULT, PROJECT } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";

const options = {
  first: flag("check, step by step, that IAM allows each call by which a first `up` makes something"),
  json: JSON_RESULT,
  project: PROJECT,
};

export type DoctorOptions = Given<typeof options>;

export const doctor = verb({
  name: "doctor",
  description: "preflight checks: can this machine deploy the fleet?",
  options,
  handler: async (given) => (await import("../handlers/doctor")).doctor(given),
});
