import { flag, score, text } from "../../cli/option";
import { OF_FLEET } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";

const options = {
  ...OF_FLEET,
  minimum: score("pass if the score is at least this, even if checks fail (default: every check must pass)"),
  drift: flag("also check for drift, which takes minutes"),
  markdown: text("<file>", "also write the result as Markdown, for a workflow summary"),
};

export type ReadyOptions = Given<typeof options>;

export const ready = verb("ready", options, async () => (await import("./handler")).ready, {
  description: "score the fleet's readiness to lose a region, with predicted RTO and RPO",
  details: "Use it between drills: it checks replication lag, backups, spare capacity, steering and certificates.",
  page: "docs/ready.md",
  examples: ["ready --local", "ready --minimum 90 --drift"],
});
