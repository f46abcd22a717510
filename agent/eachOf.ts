/** Requests to LangFlow, or runs of git, at once: a region's machines serve users too. */
const AT_ONCE = 4;

/** Works on all items, a few at a time; the first error ends it. */
export async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}
