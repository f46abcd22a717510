const NAMED = 5;

/** Formats the first items of a list for a message, with the number of omitted items. */
export function namedFew(some: readonly string[], count: number): string {
  const more = count > NAMED ? ` and ${count - NAMED} more` : "";
  return `${some.slice(0, NAMED).join(", ")}${more}`;
}
