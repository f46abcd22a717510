import { text } from "../../cli/option";
import { JSON_RESULT } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";

const options = {
  json: JSON_RESULT,
  reports: text(
    "<dir>",
    "folder of drill reports: add the newest one to the issue, and close the issue if that drill passed",
  ),
};

export type DrillIssueOptions = Given<typeof options>;

export const drillIssue = verb("drill-issue", options, async () => (await import("./handler")).drillIssue, {
  description: "open a GitHub issue for the next drill, or add a drill report to it",
  details: "Needs GITHUB_TOKEN and GITHUB_REPOSITORY.",
  page: "docs/ci.md",
  examples: ["drill-issue --reports drills"],
});
