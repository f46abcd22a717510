import { bodyOf } from "./body";
import type { GitHub } from "./client";
import { type Marked, mine } from "./marked";

const MARK = "<!-- langflow-dr preview -->";

/** The head of a pull request, as a workflow that ran for it knows it. */
export interface Head {
  /** Owner of the repository the branch is in: another one's for a fork. */
  readonly owner: string;
  readonly branch: string;
  readonly commit: string;
}

/**
 * The open pull request a commit is the head of; undefined where it has moved on, or was closed.
 *
 * Asked of GitHub, because a workflow that runs for a fork's pull request is told no number, and what such a run left
 * behind may say any.
 */
export async function pullRequestOf({ api, owner, repo }: GitHub, head: Head): Promise<number | undefined> {
  const query = { owner, repo, state: "open" as const, head: `${head.owner}:${head.branch}` };
  const open = await api.paginate(api.rest.pulls.list, query);
  return open.find(({ head: { sha } }) => sha === head.commit)?.number;
}

/**
 * Makes `text` the pull request's one comment: written once, then changed in place; taken away where it is empty.
 *
 * @param whole address where the whole text is to be had, should it be too long for a comment
 * @returns what was done
 */
export async function comment(
  { api, owner, repo }: GitHub,
  pullRequest: number,
  text: string,
  whole: string,
): Promise<"created" | "updated" | "deleted" | "unchanged"> {
  const all = await api.paginate(api.rest.issues.listComments, { owner, repo, issue_number: pullRequest });
  const [kept, ...others] = all.filter((each) => mine(each as Marked, MARK));
  // Two runs at once may have made two.
  for (const { id } of others) await api.rest.issues.deleteComment({ owner, repo, comment_id: id });
  if (text === "") {
    if (kept) await api.rest.issues.deleteComment({ owner, repo, comment_id: kept.id });
    return kept ? "deleted" : "unchanged";
  }
  const body = bodyOf(MARK, text, whole);
  if (kept?.body === body) return "unchanged";
  if (kept) await api.rest.issues.updateComment({ owner, repo, comment_id: kept.id, body });
  else await api.rest.issues.createComment({ owner, repo, issue_number: pullRequest, body });
  return kept ? "updated" : "created";
}
