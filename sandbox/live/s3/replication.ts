/** What a client did to an object: S3 made a version of it, or a marker that it is deleted. */
export interface Write {
  readonly bucket: string;
  readonly key: string;
  readonly kind: "put" | "delete";
  /** Of the version; absent where S3 did not say it. */
  readonly versionId?: string;
}

/** A write on its way to another bucket. */
export interface Copy extends Write {
  readonly destination: string;
  /** When S3 took the write, in milliseconds since 1970. */
  readonly writtenAt: number;
  /** Its place among all writes. */
  readonly number: number;
}

/**
 * What S3's replication has to do, as S3 does it: each write a client made is copied to every destination, one by one;
 * what replication itself wrote is copied no further; and of two writes the later one is current everywhere, whichever
 * arrives first. An object that was there before a rule is not copied.
 */
export class Replication {
  private waiting: Copy[] = [];
  /** Number of the write that is current, by bucket and key. */
  private readonly current = new Map<string, number>();
  private writes = 0;

  /** @param destinations buckets that the rules of the write's bucket lead to */
  record(write: Write, destinations: readonly string[], now: number): void {
    const number = ++this.writes;
    this.current.set(placeOf(write.bucket, write.key), number);
    for (const destination of destinations) this.waiting.push({ ...write, destination, writtenAt: now, number });
  }

  /**
   * What may be copied now, the first written first.
   *
   * @param isReached whether S3 reaches a bucket: what leads from or to another one waits
   */
  due(now: number, delayMs: number, isReached: (bucket: string) => boolean): Copy[] {
    return this.waiting.filter(
      ({ bucket, destination, writtenAt }) => writtenAt + delayMs <= now && isReached(bucket) && isReached(destination),
    );
  }

  /** Whether the destination has something later already, under which the copy would be an old version. */
  isLate({ destination, key, number }: Copy): boolean {
    return (this.current.get(placeOf(destination, key)) ?? 0) > number;
  }

  /** It was copied, or need not be any more. */
  settle(copy: Copy): void {
    this.waiting = this.waiting.filter((each) => each !== copy);
    if (!this.isLate(copy)) this.current.set(placeOf(copy.destination, copy.key), copy.number);
  }

  /** The store has lost all it held. */
  forget(): void {
    this.waiting = [];
    this.current.clear();
  }
}

const placeOf = (bucket: string, key: string) => `${bucket}/${key}`;
