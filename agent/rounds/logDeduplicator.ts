/** Suppresses repeated log messages. Remembers the last message of each key. */
export class LogDeduplicator {
  readonly #last = new Map<string, string>();

  /**
   * Returns whether a key's message differs from the key's last message, and remembers the new message.
   *
   * @param message empty: there is nothing to log
   */
  changed(key: string, message: string): boolean {
    const isChanged = message !== "" && !this.isLast(key, message);
    this.#last.set(key, message);
    return isChanged;
  }

  isLast(key: string, message: string): boolean {
    return this.#last.get(key) === message;
  }

  forget(key: string): void {
    this.#last.delete(key);
  }

  /** Forgets all keys but these. */
  forgetAllBut(keys: ReadonlySet<string>): void {
    for (const key of this.#last.keys()) if (!keys.has(key)) this.#last.delete(key);
  }

  clear(): void {
    this.#last.clear();
  }
}
