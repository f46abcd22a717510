import { closest, distance } from "fastest-levenshtein";

/** More letters apart, two names have nothing to do with each other. */
const LETTERS_APART_MAX = 3;

/** The known name that was probably meant: at most three letters and half of `name` away. Undefined where none is. */
export function meant(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const nearest = closest(name, known);
  return distance(name, nearest) <= Math.min(LETTERS_APART_MAX, (name.length + 1) / 2) ? nearest : undefined;
}

/** `: did you mean us-east-1?`, to end a message with; empty where nothing known is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = meant(name, known);
  return nearest === undefined ? "" : `: did you mean ${nearest}?`;
}
