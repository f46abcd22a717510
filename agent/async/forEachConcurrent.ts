/**
 * Processes the items of a source concurrently, up to a limit, and reads the source no further ahead. After the first
 * error, waits for the running items, starts no more, and throws the error.
 *
 * @param limit at least 1
 * @param weightOf number of slots that an item occupies; 1 by default
 */
export async function forEachConcurrent<Item>(
  source: AsyncIterable<Item> | Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<void>,
  weightOf: (item: Item) => number = () => 1,
): Promise<void> {
  const atWork = new Set<Promise<void>>();
  let weights = 0;
  let failure: { error: unknown } | undefined;
  for await (const item of source) {
    const weight = weightOf(item);
    weights += weight;
    const task = work(item)
      .catch((error) => {
        failure ??= { error };
      })
      .finally(() => {
        weights -= weight;
        atWork.delete(task);
      });
    atWork.add(task);
    while (weights >= limit) await Promise.race(atWork);
    if (failure) break;
  }
  await Promise.all(atWork);
  if (failure) throw failure.error;
}
