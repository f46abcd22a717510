import { isRefusal } from "../postgres/connection";
import { RowsTooLarge, tooLarge } from "../postgres/largeValue";
import { type RowPlace, refusal, rowKey } from "./database";

/** Why a row cannot be processed. */
export interface Refusal {
  readonly reason: string;
  readonly isTooLarge?: boolean;
  /** Whether a retry may succeed soon. */
  readonly isPassing?: boolean;
}

/** Returns whether the error is a lock timeout, a serialization failure or a deadlock. */
export const isPassing = (error: unknown): boolean => /^(55P03|40)/.test((error as { code?: string }).code ?? "");

/**
 * Processes all items at once. If the database rejects them, bisects them down to the rejected items.
 *
 * @returns the outcomes, and the rejected items with the reason
 */
export async function eachByItself<Item extends RowPlace, Outcome>(
  items: readonly Item[],
  work: (some: readonly Item[]) => Promise<Outcome>,
): Promise<[Outcome[], ({ item: Item } & Refusal)[]]> {
  const [outcomes, refused]: [Outcome[], ({ item: Item } & Refusal)[]] = [[], []];
  const open: (readonly Item[])[] = items.length > 0 ? [items] : [];
  for (let some = open.pop(); some; some = open.pop())
    try {
      outcomes.push(await work(some));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const half = Math.ceil(some.length / 2);
      const [large, others] = error instanceof RowsTooLarge ? withoutLarge(some, error) : [[], some];
      // The row that is too large may be none of these items, but a child or a row of the same name.
      if (large.length > 0) {
        refused.push(...large);
        if (others.length > 0) open.push(others);
      }
      // While a table is locked, each half would wait as long as the whole batch did.
      else if (half === some.length || isPassing(error))
        for (const item of some) refused.push({ item, reason: refusal(error), isPassing: isPassing(error) });
      else open.push(some.slice(half), some.slice(0, half));
    }
  return [outcomes, refused];
}

export function withoutLarge<Item extends RowPlace>(items: readonly Item[], { bytes }: RowsTooLarge) {
  const large = items.flatMap((item) => {
    const size = bytes.get(rowKey(item));
    return size === undefined ? [] : [{ item, reason: tooLarge(size), isTooLarge: true }];
  });
  return [large, items.filter((item) => !bytes.has(rowKey(item)))] as const;
}

/**
 * Checks that no lock caused a refusal. Callers drop refused items for good, but a later round would find the lock
 * released.
 *
 * @throws Error if a lock caused a refusal
 */
export function requireUnlocked(refused: readonly Refusal[]): void {
  const locked = refused.find((each) => each.isPassing);
  if (locked) throw new Error(locked.reason);
}
