import type { GitHub } from "./client";

/** Common properties of comments and issues. */
export interface Marked {
  readonly body?: string | null;
  readonly user?: { readonly type?: string } | null;
}

/**
 * Returns whether a workflow wrote the comment or issue: its author is a bot, and its body starts with the mark. A
 * person may quote the mark, but is not a bot.
 */
export function mine({ body, user }: Marked, mark: string): boolean {
  return user?.type === "Bot" && body?.startsWith(mark) === true;
}

/** Returns the open issue that a workflow maintains, found by label and mark. Undefined if none is open. */
export async function openIssue({ api, owner, repo }: GitHub, label: string, mark: string) {
  const open = await api.paginate(api.rest.issues.listForRepo, { owner, repo, state: "open", labels: label });
  return open.find((each) => !each.pull_request && mine(each, mark));
}
