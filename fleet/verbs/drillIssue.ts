import { text } from "../cli/option";
import { JSON_RESULT } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";

const options = {
  json: JSON_RESULT,
  reports: text("<dir>", "add the newest report of this folder, and close the issue if it passed"),
};

export type DrillIssueOptions = Given<typeof options>;

export const drillIssue = verb({
  name: "drill-issue",
  description: "open the issue that a drill is due, or add a report to it",
  options,
  handler: async (given) => (await import("../handlers/drillIssue")).drillIssue(given),
});
