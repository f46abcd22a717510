/** What became of one stack: its result, its error, or the stack that kept it from starting. */
export type Outcome<T> =
  | { readonly kind: "done"; readonly result: T }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "skipped"; readonly because: string };

/** The stacks in the waves they may run in: foundation, then all regions side by side, then edge. */
export function waves(stacks: readonly string[]): string[][] {
  const regions = stacks.filter((stack) => stack !== "foundation" && stack !== "edge");
  const alone = (name: string) => stacks.filter((stack) => stack === name);
  return [alone("foundation"), regions, alone("edge")].filter((wave) => wave.length > 0);
}

/**
 * The same for an update: regions that are new side by side, those that serve one after the other. A change may take a region away
 * for minutes, as another class of its database does, and must never take two.
 *
 * @param isDeployed whether the stack holds something
 */
export function oneServingRegionAtATime(
  order: readonly (readonly string[])[],
  isDeployed: (stack: string) => boolean,
): string[][] {
  return order
    .flatMap((wave) => [wave.filter((stack) => !isDeployed(stack)), ...wave.filter(isDeployed).map((stack) => [stack])])
    .filter((wave) => wave.length > 0);
}

/**
 * Runs `work` on every stack, a wave after the other, and answers with every outcome. A failed foundation keeps the
 * rest from starting; a failed region keeps nothing: the other regions go on, and the edge, which steers the world
 * away from a dead region, most of all.
 *
 * @param options.width how many stacks of a wave run at once
 * @param options.stopAtFirst whether any failure keeps the rest from starting
 */
export async function inWaves<T>(
  order: readonly (readonly string[])[],
  work: (stack: string) => Promise<T>,
  { width = Number.POSITIVE_INFINITY, stopAtFirst = false }: { width?: number; stopAtFirst?: boolean } = {},
): Promise<Map<string, Outcome<T>>> {
  const outcomes = new Map<string, Outcome<T>>();
  const attempt = async (stack: string): Promise<void> => {
    const failed = [...outcomes].find(
      ([name, { kind }]) => kind === "failed" && (stopAtFirst || name === "foundation"),
    );
    if (failed) outcomes.set(stack, { kind: "skipped", because: `${failed[0]} failed` });
    else
      outcomes.set(
        stack,
        await work(stack).then(
          (result) => ({ kind: "done", result }) as const,
          (error: unknown) => ({ kind: "failed", error }) as const,
        ),
      );
  };
  for (const wave of order) {
    const waiting = [...wave];
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await attempt(next);
    };
    await Promise.all(Array.from({ length: Math.min(width, wave.length) }, worker));
  }
  return outcomes;
}
