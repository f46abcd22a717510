/** Outcome for one stack: its result, its error, or the reason why it was skipped. */
export type Outcome<T> =
  | { readonly kind: "done"; readonly result: T }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "skipped"; readonly because: string };

/** Groups the stacks into waves: the foundation, then all regions in parallel, then the edge. */
export function waves(stacks: readonly string[]): string[][] {
  const regions = stacks.filter((stack) => stack !== "foundation" && stack !== "edge");
  const alone = (name: string) => stacks.filter((stack) => stack === name);
  return [alone("foundation"), regions, alone("edge")].filter((wave) => wave.length > 0);
}

/**
 * Regroups the waves for an update: new regions in parallel, serving regions one at a time. A change, such as a new
 * database class, may take a region offline for minutes, and must never affect two regions at once.
 *
 * @param isDeployed whether the stack contains resources
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
 * Runs `work` on every stack, wave by wave, and returns all outcomes. If the foundation fails, the remaining stacks are
 * skipped. If a region fails, the others continue, and so does the edge, which must steer users away from the failed
 * region.
 *
 * @param options.width maximum number of concurrent stacks in a wave
 * @param options.stopAtFirst whether any failure skips the remaining stacks
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
