import { inParallel } from "./parallel";

/** Requests to LangFlow, or runs of git, at once: a region's machines serve users too. */
const AT_ONCE = 4;

/** Works on all items, a few at a time; the first error ends it, after those at work. */
export function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  return inParallel(items, AT_ONCE, work);
}
