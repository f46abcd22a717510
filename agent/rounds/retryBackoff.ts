/** Minimum and maximum delay of a retry, in seconds. The delay doubles after each failure. */
const DELAY_SECONDS_MIN = 5;
const DELAY_SECONDS_MAX = 600;

interface Failure<Reason> {
  /** The version of the item that failed. A different version is tried at once. */
  readonly version: string;
  readonly reason: Reason;
  readonly retries: number;
  /** Earliest time of the next retry, in milliseconds since 1970. */
  readonly retryAt: number;
}

/** Exponential backoff for each failing item. A restart of the agent clears it, so that every item is tried again. */
export class RetryBackoff<Reason> {
  readonly #failures = new Map<string, Failure<Reason>>();

  /** Returns why this version of the item is not retried yet; undefined if it may be tried. */
  blockedReason(key: string, version: string, now = Date.now()): Reason | undefined {
    const failure = this.#failures.get(key);
    return failure && failure.version === version && now < failure.retryAt ? failure.reason : undefined;
  }

  recordFailure(key: string, version: string, reason: Reason, now = Date.now()): void {
    const before = this.#failures.get(key);
    const retries = before?.version === version ? before.retries + 1 : 0;
    const seconds = Math.min(DELAY_SECONDS_MAX, DELAY_SECONDS_MIN * 2 ** Math.min(retries, 10));
    this.#failures.set(key, { version, reason, retries, retryAt: now + seconds * 1000 });
  }

  recordSuccess(key: string): void {
    this.#failures.delete(key);
  }
}
