import { closest, distance } from "fastest-levenshtein";

/** Maximum edit distance between two names that may be the same name misspelled. */
const LETTERS_APART_MAX = 3;

/**
 * Returns the known name that was probably meant: the nearest, if its edit distance is at most three and at most about
 * half the length of `name`. Returns undefined if there is none.
 */
export function meant(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const nearest = closest(name, known);
  return distance(name, nearest) <= Math.min(LETTERS_APART_MAX, (name.length + 1) / 2) ? nearest : undefined;
}

/** Returns a suffix for error messages, such as `: did you mean us-east-1?`; empty if no known name is similar. */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = meant(name, known);
  return nearest === undefined ? "" : `: did you mean ${nearest}?`;
}
