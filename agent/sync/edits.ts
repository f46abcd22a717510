/** When and where a flow was edited, as commits record it. */
export interface Edit {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Our name of the region, or the author of a commit that is not an agent's. */
  readonly by: string;
}

/** A line of a commit's message a flow: the dates of a commit are those of the sync, not those of the edits. */
export function commitMessage(region: string, changes: readonly { id: string; name: string; edit?: Edit }[]): string {
  const [only] = changes;
  const written = changes.filter(({ edit }) => edit).length;
  const deleted = changes.length - written;
  const counts = [written > 0 && `${written} changed`, deleted > 0 && `${deleted} deleted`].filter(Boolean).join(", ");
  const one = only?.edit ? `change ${only.name}` : `delete ${only?.name}`;
  const subject = changes.length === 1 ? one.replace(/\s+/g, " ").slice(0, 60) : `flows: ${counts}`;
  const lines = changes.map(({ id, edit }) =>
    edit ? `Flow-Edited: ${id} ${new Date(edit.at).toISOString()} ${edit.by}` : `Flow-Deleted: ${id}`,
  );
  return `${region}: ${subject}\n\n${lines.join("\n")}\n`;
}

/** What a commit says about a flow's edit; its author and date where it says nothing. */
export function editOf(
  id: string,
  { message, author, authoredAt }: { message: string; author: string; authoredAt: number },
): Edit {
  const line = message.split("\n").find((each) => each.startsWith(`Flow-Edited: ${id} `));
  const [, , time = "", by = author] = line?.split(" ") ?? [];
  const at = Date.parse(time);
  return Number.isNaN(at) ? { at: authoredAt, by: author } : { at, by };
}
