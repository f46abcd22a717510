/** Seconds until something that failed is tried again: doubled each time up to the longest. */
const SHORTEST_S = 5;
const LONGEST_S = 600;

interface Hold<Trouble> {
  /** What failed: another version is tried at once. */
  readonly version: string;
  readonly trouble: Trouble;
  readonly tries: number;
  /** Milliseconds. */
  readonly until: number;
}

/**
 * Single things that could not be done, so that each waits for itself. It forgets with the process: what no longer fails
 * is then simply done.
 */
export class Holds<Trouble> {
  readonly #holds = new Map<string, Hold<Trouble>>();

  /** Why this very version is not tried yet; undefined: try. */
  waiting(key: string, version: string, now = Date.now()): Trouble | undefined {
    const hold = this.#holds.get(key);
    return hold && hold.version === version && now < hold.until ? hold.trouble : undefined;
  }

  failed(key: string, version: string, trouble: Trouble, now = Date.now()): void {
    const before = this.#holds.get(key);
    const tries = before?.version === version ? before.tries + 1 : 0;
    const seconds = Math.min(LONGEST_S, SHORTEST_S * 2 ** Math.min(tries, 10));
    this.#holds.set(key, { version, trouble, tries, until: now + seconds * 1000 });
  }

  succeeded(key: string): void {
    this.#holds.delete(key);
  }
}
