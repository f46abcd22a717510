import { neededText, text } from "../cli/option";
import { OF_FLEET } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";
import { rehearsing } from "./moveIn";

const options = {
  ...OF_FLEET,
  langflow: neededText("<version>", "the release to upgrade to, as PyPI has it: 1.13.1"),
  region: text("<region>", "whose backup is taken; the first in order unless another is named"),
  backup: text("<id>", "a backup of it; the newest unless another is named"),
  oldPython: rehearsing.oldPython,
  newPython: text("<dir>", "folder of programs of a Python with the new LangFlow; else its release is installed"),
  withoutOld: rehearsing.withoutOld,
  out: rehearsing.out,
};

export type RehearseUpgradeOptions = Given<typeof options>;

export const rehearse = verb({
  name: "rehearse",
  description:
    "an upgrade of LangFlow on a copy of a region's newest backup: migrated, and its flows run in old and new",
  options,
  handler: async (given) => (await import("../handlers/rehearse")).rehearse(given),
});
