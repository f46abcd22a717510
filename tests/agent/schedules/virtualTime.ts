/** Enough turns for all immediate consequences of an event. */
const TURNS = 10;

/** A clock that advances when nothing is left to do at the current time. */
export class VirtualTime {
  nowMs = 0;
  private readonly heap: { atMs: number; order: number; run: () => void }[] = [];
  private order = 0;

  at(atMs: number, run: () => void): void {
    const { heap } = this;
    let place = heap.push({ atMs: Math.max(atMs, this.nowMs), order: this.order++, run }) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.before(place, parent)) break;
      this.swap(place, parent);
      place = parent;
    }
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.at(this.nowMs + milliseconds, resolve));
  }

  async runTo(endMs: number): Promise<void> {
    for (let next = this.heap[0]; next && next.atMs <= endMs; next = this.heap[0]) {
      this.pop();
      this.nowMs = next.atMs;
      next.run();
      for (let turn = 0; turn < TURNS; turn++) await undefined;
    }
    this.nowMs = endMs;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop();
    if (heap.length === 0 || !last) return;
    heap[0] = last;
    for (let place = 0; ; ) {
      const left = 2 * place + 1;
      if (left >= heap.length) return;
      const least = left + 1 < heap.length && this.before(left + 1, left) ? left + 1 : left;
      if (!this.before(least, place)) return;
      this.swap(least, place);
      place = least;
    }
  }

  private before(one: number, other: number): boolean {
    const [a, b] = [this.heap[one], this.heap[other]];
    if (!a || !b) return false;
    return a.atMs === b.atMs ? a.order < b.order : a.atMs < b.atMs;
  }

  private swap(one: number, other: number): void {
    const [a, b] = [this.heap[one], this.heap[other]];
    if (a && b) [this.heap[one], this.heap[other]] = [b, a];
  }
}

/** Pseudo-random numbers that depend only on the seed. */
export class Chance {
  constructor(private state: number) {}

  /** Returns a number from 0 to below 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  happens(share: number): boolean {
    return this.next() < share;
  }

  one<T>(of: readonly T[]): T {
    return of[Math.floor(this.next() * of.length)] as T;
  }
}
