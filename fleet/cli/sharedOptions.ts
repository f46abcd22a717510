import { join } from "node:path";
import { flag, minutes, text, words } from "./option";

/** Folder in which the user runs the command. `npm run` uses the folder of package.json. */
const FOLDER = process.cwd();

/** Flag for JSON output, which every verb supports. */
export const JSON_RESULT = flag("print the result as JSON on stdout");

export const PROJECT = text("<dir>", "folder of Pulumi.yaml and the stack files", FOLDER, "the current folder");

/** Options of verbs that read or change the deployed fleet. */
export const OF_FLEET = {
  local: flag("use the local fleet instead of the clouds"),
  json: JSON_RESULT,
  project: PROJECT,
  directory: text("<dir>", "folder of the local fleet", join(FOLDER, ".fleet"), ".fleet in the current folder"),
};

/** {@link OF_FLEET}, and the stacks to act on. */
export const OF_STACKS = { stacks: words("stacks to act on (default: all)"), ...OF_FLEET };

export const YES = flag("skip the confirmation prompt");

/** @param defaultMinutes default time limit in minutes */
export function silence(defaultMinutes: number) {
  return minutes("time out after this many minutes without Pulumi output", defaultMinutes);
}
