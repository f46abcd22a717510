import { bodyOf } from "./body";
import type { GitHub } from "./client";
import { type Marked, mine } from "./marked";

const MARK = "<!-- langflow-dr preview -->";

/** Head of a pull request, as known to a workflow that ran for it. */
export interface Head {
  /** Owner of the branch's repository, which differs from the base repository's owner for a fork. */
  readonly owner: string;
  readonly branch: string;
  readonly commit: string;
}

/**
 * Returns the open pull request whose head is the given commit. Undefined if it has newer commits or is closed.
 *
 * Queries GitHub, because a workflow for a fork's pull request does not receive the number, and the artifacts of such a
 * run may contain a forged one.
 */
export async function pullRequestOf({ api, owner, repo }: GitHub, head: Head): Promise<number | undefined> {
  const query = { owner, repo, state: "open" as const, head: `${head.owner}:${head.branch}` };
  const open = await api.paginate(api.rest.pulls.list, query);
  return open.find(({ head: { sha } }) => sha === head.commit)?.number;
}

/**
 * Makes `text` the only comment on a pull request. Creates the comment once, then edits it in place. Deletes the
 * comment if the text is empty.
 *
 * @param whole URL of the full text, in case it is too long for a comment
 * @returns the action taken
 */
export async function comment(
  { api, owner, repo }: GitHub,
  pullRequest: number,
  text: string,
  whole: string,
): Promise<"created" | "updated" | "deleted" | "unchanged"> {
  const all = await api.paginate(api.rest.issues.listComments, { owner, repo, issue_number: pullRequest });
  const [kept, ...others] = all.filter((each) => mine(each as Marked, MARK));
  // Two concurrent runs may have created two comments.
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
