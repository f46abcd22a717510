const NAMED = 5;

/** The first of a list for a message, and how many more there are. */
export function namedFew(some: readonly string[], count: number): string {
  const more = count > NAMED ? ` and ${count - NAMED} more` : "";
  return `${some.slice(0, NAMED).join(", ")}${more}`;
}
