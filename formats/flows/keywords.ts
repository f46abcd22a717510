/** Size of the alphabet: 0 for any other character, then printable ASCII without the space. */
const LETTERS = 96;
/** Maps an ASCII code to the alphabet, ignoring case. */
const LETTER_OF = Uint8Array.from({ length: 128 }, (_, unit) => {
  const folded = unit >= 65 && unit <= 90 ? unit + 32 : unit;
  return folded === 127 ? 0 : Math.max(0, folded - 32);
});

/** Finds many keywords in one pass over a text, ignoring case (the Aho-Corasick algorithm). */
export class Keywords {
  #next = new Int32Array(LETTERS);
  /** Keywords that end in each state. */
  readonly #ends: number[][] = [[]];

  /** @param words in printable ASCII, without spaces */
  constructor(words: readonly string[]) {
    words.forEach((word, at) => {
      let state = 0;
      for (const letter of word) state = this.#child(state, LETTER_OF[letter.charCodeAt(0)] ?? 0);
      this.#ends[state]?.push(at);
    });
    this.#link();
  }

  /** @param onFound receives the keyword's index in the list, and the index in the text after its end */
  find(text: string, onFound: (word: number, end: number) => void): void {
    const next = this.#next;
    let state = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      state = next[state * LETTERS + (unit < 128 ? (LETTER_OF[unit] ?? 0) : 0)] ?? 0;
      if (state === 0) continue;
      const ends = this.#ends[state] ?? [];
      for (let each = 0; each < ends.length; each++) onFound(ends[each] ?? 0, at + 1);
    }
  }

  #child(state: number, letter: number): number {
    const known = this.#next[state * LETTERS + letter];
    if (known) return known;
    const made = this.#ends.push([]) - 1;
    if (this.#next.length < (made + 1) * LETTERS) {
      const larger = new Int32Array(this.#next.length * 2);
      larger.set(this.#next);
      this.#next = larger;
    }
    this.#next[state * LETTERS + letter] = made;
    return made;
  }

  /**
   * Computes the failure links: a missing transition continues from the longest suffix that is a prefix of some
   * keyword.
   */
  #link(): void {
    const next = this.#next;
    const fails = new Int32Array(this.#ends.length);
    const queue = [...next.subarray(0, LETTERS)].filter((state) => state > 0);
    for (const state of queue) {
      const fail = fails[state] ?? 0;
      this.#ends[state]?.push(...(this.#ends[fail] ?? []));
      for (let letter = 0; letter < LETTERS; letter++) {
        const step = state * LETTERS + letter;
        const ofFail = next[fail * LETTERS + letter] ?? 0;
        const child = next[step] ?? 0;
        if (child === 0) next[step] = ofFail;
        else {
          fails[child] = ofFail;
          queue.push(child);
        }
      }
    }
  }
}
