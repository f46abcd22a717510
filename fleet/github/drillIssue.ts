import { bodyOf } from "./body";
import type { GitHub } from "./client";
import { openIssue } from "./marked";

const MARK = "<!-- langflow-dr drill -->";
const LABEL = "drill";

const DUE = (run: string) => `## A drill is due

A region is taken away under traffic, and the recovery measured. It waits for approval: [this run](${run}).

- [ ] Users were told of the time
- [ ] Nobody deploys meanwhile, and nothing else is amiss: \`npm run fleet -- status\`
- [ ] Somebody watches, and knows [how to put the region back](../blob/main/docs/drill.md#if-it-breaks)

Its report is added here, and this issue closed, when every target was met.
`;

/**
 * Opens or updates the only open issue that reminds people of the next drill.
 *
 * @param run URL of the workflow run that waits for approval
 * @returns the issue's number
 */
export async function remind(hub: GitHub, run: string): Promise<number> {
  const { api, owner, repo } = hub;
  const body = bodyOf(MARK, DUE(run), run);
  const open = (await openIssue(hub, LABEL, MARK))?.number;
  if (open) {
    // The previous run is over, so the issue must link to the current one.
    await api.rest.issues.update({ owner, repo, issue_number: open, body });
    return open;
  }
  const { data } = await api.rest.issues.create({ owner, repo, title: "A drill is due", body, labels: [LABEL] });
  return data.number;
}

/**
 * Adds a drill's report to the open issue, and closes the issue if the drill passed.
 *
 * @returns the issue's number; undefined if no issue is open
 */
export async function record(hub: GitHub, report: string, passed: boolean, run: string): Promise<number | undefined> {
  const { api, owner, repo } = hub;
  const issue_number = (await openIssue(hub, LABEL, MARK))?.number;
  if (issue_number === undefined) return undefined;
  await api.rest.issues.createComment({ owner, repo, issue_number, body: bodyOf(MARK, report, run) });
  if (passed) await api.rest.issues.update({ owner, repo, issue_number, state: "closed", state_reason: "completed" });
  return issue_number;
}
