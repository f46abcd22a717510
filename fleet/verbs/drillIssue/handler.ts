import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { ExitCode } from "../../../model/errors";
import { passed } from "../../drill/measure";
import { newestReport } from "../../drill/report/archive";
import { gitHub, runUrl } from "../../github/client";
import { record, remind } from "../../github/drillIssue";
import { asking } from "../../github/refusal";
import { print } from "../../terminal/messages";
import type { DrillIssueOptions } from "./verb";

/**
 * Maintains the single GitHub issue about the next drill: opens it when a drill is due, and closes it with the report
 * of a passed drill.
 */
export async function drillIssue({ json, reports }: DrillIssueOptions): Promise<ExitCode> {
  const hub = gitHub();
  const run = runUrl(process.env);
  const issue = await asking("issues: write", async () => {
    if (reports === undefined) return remind(hub, run);
    const { report, markdown } = await newestReport(resolve(reports));
    return record(hub, readFileSync(markdown, "utf8"), passed(report), run);
  });
  if (json) print(JSON.stringify({ verb: "drill-issue", issue }, null, 2));
  else print(issue === undefined ? "no issue is open" : `issue ${issue}`);
  return ExitCode.Success;
}
