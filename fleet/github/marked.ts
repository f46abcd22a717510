/** What a comment and an issue have in common. */
export interface Marked {
  readonly body?: string | null;
  readonly user?: { readonly type?: string } | null;
}

/** Whether a workflow wrote it, by the mark in its first line: a person who quotes the mark is no bot. */
export function mine({ body, user }: Marked, mark: string): boolean {
  return user?.type === "Bot" && body?.startsWith(mark) === true;
}
