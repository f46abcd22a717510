import { join } from "node:path";
import { flag, minutes, text, words } from "./option";

const ROOT = join(__dirname, "../..");

/** The result as JSON on stdout; every verb has it. */
export const JSON_RESULT = flag("the result as JSON on stdout");

export const PROJECT = text("<dir>", "folder of Pulumi.yaml and the stack files", ROOT);

/** What a verb takes that is about the fleet as it is deployed. */
export const OF_FLEET = {
  local: flag("the local fleet instead of the clouds"),
  json: JSON_RESULT,
  project: PROJECT,
  directory: text("<dir>", "folder of the local fleet", join(ROOT, ".fleet")),
};

/** As {@link OF_FLEET}, of a verb that may be about a part of it alone. */
export const OF_STACKS = { stacks: words("stacks to act on, in place of all"), ...OF_FLEET };

export const YES = flag("do not ask");

/** @param otherwise minutes in which the engine may say nothing, where none are given */
export function silence(otherwise: number) {
  return minutes("give up when nothing is heard of the engine for so long", otherwise);
}
