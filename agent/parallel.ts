/**
 * Works on what a source yields, so many at once, never further ahead. The first error ends it, after those at work.
 *
 * @param limit at least 1
 */
export async function inParallel<Item>(
  source: AsyncIterable<Item> | Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const atWork = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  for await (const item of source) {
    const task = work(item)
      .catch((error) => {
        failure ??= { error };
      })
      .finally(() => atWork.delete(task));
    atWork.add(task);
    if (atWork.size >= limit) await Promise.race(atWork);
    if (failure) break;
  }
  await Promise.all(atWork);
  if (failure) throw failure.error;
}
