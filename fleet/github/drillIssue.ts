import { bodyOf } from "./body";
import type { GitHub } from "./client";
import { openIssue } from "./marked";

const MARK = "<!-- langflow-dr drill -->";
const LABEL = "drill";

const DUE = (run: string) => `## A drill is due

The drill fails a region under traffic and measures the recovery. It waits for approval in [this run](${run}).

- [ ] Users know the time
- [ ] Nobody deploys during the drill, and the fleet is healthy: \`npm run fleet -- status\`
- [ ] Someone monitors the drill, and knows [how to restore the region](../blob/main/docs/drill.md#if-it-breaks)

The drill adds its report here, and closes this issue if it met every target.
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
