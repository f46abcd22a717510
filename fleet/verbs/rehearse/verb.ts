import { neededText, text } from "../../cli/option";
import { OF_FLEET } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";
import { rehearsing } from "../moveIn/verb";

const options = {
  ...OF_FLEET,
  langflow: neededText("<version>", "LangFlow release to upgrade to, for example 1.13.1"),
  region: text("<region>", "region whose backup to use (default: the first)"),
  backup: text("<id>", "backup to use (default: the newest)"),
  oldPython: rehearsing.oldPython,
  newPython: text("<dir>", "bin folder of a Python that has the new LangFlow release (default: install that release)"),
  withoutOld: rehearsing.withoutOld,
  out: rehearsing.out,
};

export type RehearseUpgradeOptions = Given<typeof options>;

export const rehearse = verb("rehearse", options, async () => (await import("./handler")).rehearse, {
  description: "dry-run a LangFlow upgrade on a restored backup",
  details:
    "Migrates the copy, runs every flow in the old and the new version, then runs both versions side by side. Does not touch the running fleet.",
  page: "docs/upgrade.md",
  examples: ["rehearse --langflow 1.13.1", "rehearse --local --langflow 1.13.1 --out rehearsal.html"],
});
