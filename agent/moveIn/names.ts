/** Names that are said of many. */
export const NAMED_MAX = 8;

/** A name on one line: whoever made it may have put anything into it. */
export function printable(name: string): string {
  return name.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "\uFFFD");
}
