import { bodyOf } from "./body";
import type { GitHub } from "./client";
import { openIssue } from "./marked";

const MARK = "<!-- langflow-dr drift -->";
const LABEL = "drift";

/**
 * Maintains the only open issue about drift. Opens the issue at the first drift, updates it when the drift changes,
 * with a comment to notify its followers, and closes it when no drift remains.
 *
 * @param report description of the drift; empty if there is none
 * @param whole URL of the full report, in case it is too long for an issue
 * @returns the action taken and the issue's number
 */
export async function settleDriftIssue(
  hub: GitHub,
  report: string,
  whole: string,
): Promise<{ done: "opened" | "updated" | "closed" | "unchanged"; issue?: number }> {
  const { api, owner, repo } = hub;
  const known = await openIssue(hub, LABEL, MARK);
  if (report === "") {
    if (!known) return { done: "unchanged" };
    const issue_number = known.number;
    await say(issue_number, "The drift is gone: the clouds match the code again.");
    await api.rest.issues.update({ owner, repo, issue_number, state: "closed", state_reason: "completed" });
    return { done: "closed", issue: issue_number };
  }
  const body = bodyOf(MARK, report, whole);
  if (!known) {
    const { data } = await api.rest.issues.create({
      owner,
      repo,
      title: "Drift: the clouds differ from the code",
      body,
      labels: [LABEL],
    });
    return { done: "opened", issue: data.number };
  }
  if (known.body === body) return { done: "unchanged", issue: known.number };
  await api.rest.issues.update({ owner, repo, issue_number: known.number, body });
  await say(known.number, "The drift has changed: see the updated description above.");
  return { done: "updated", issue: known.number };

  async function say(issue_number: number, text: string): Promise<void> {
    await api.rest.issues.createComment({ owner, repo, issue_number, body: text });
  }
}
