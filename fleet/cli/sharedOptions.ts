import { join } from "node:path";
import { flag, minutes, text, words } from "./option";

const ROOT = join(__dirname, "../..");

/** Every verb has it. */
export const JSON_RESULT = flag("print the result as JSON on stdout");

export const PROJECT = text("<dir>", "folder of Pulumi.yaml and the stack files", ROOT, "this repository");

/** Options of a verb that reads or changes the deployed fleet. */
export const OF_FLEET = {
  local: flag("use the local fleet instead of the clouds"),
  json: JSON_RESULT,
  project: PROJECT,
  directory: text("<dir>", "folder of the local fleet", join(ROOT, ".fleet"), ".fleet in this repository"),
};

/** {@link OF_FLEET}, and the stacks to act on. */
export const OF_STACKS = { stacks: words("stacks to act on (default: all)"), ...OF_FLEET };

export const YES = flag("skip the confirmation prompt");

/** @param defaultMinutes the time limit if none is given */
export function silence(defaultMinutes: number) {
  return minutes("time out after this many minutes without Pulumi output", defaultMinutes);
}
