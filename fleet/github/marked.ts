import type { GitHub } from "./client";

/** What a comment and an issue have in common. */
export interface Marked {
  readonly body?: string | null;
  readonly user?: { readonly type?: string } | null;
}

/** Whether a workflow wrote it, by the mark in its first line: a person who quotes the mark is no bot. */
export function mine({ body, user }: Marked, mark: string): boolean {
  return user?.type === "Bot" && body?.startsWith(mark) === true;
}

/** The one open issue that a workflow keeps, by its label and mark; undefined where none is open. */
export async function openIssue({ api, owner, repo }: GitHub, label: string, mark: string) {
  const open = await api.paginate(api.rest.issues.listForRepo, { owner, repo, state: "open", labels: label });
  return open.find((each) => !each.pull_request && mine(each, mark));
}
