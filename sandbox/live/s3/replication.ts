/** A client's write: S3 created a version of an object, or a delete marker. */
export interface Write {
  readonly bucket: string;
  readonly key: string;
  readonly kind: "put" | "delete";
  /** Id of the version. Absent if S3 did not return one. */
  readonly versionId?: string;
}

/** A write that waits to be replicated to a different bucket. */
export interface Copy extends Write {
  readonly destination: string;
  /** When S3 accepted the write, in milliseconds since 1970. */
  readonly writtenAt: number;
  /** Sequence number of the write. */
  readonly number: number;
}

/**
 * Pending work of S3's replication, with S3's rules: each write by a client is copied to every destination separately;
 * replicated writes are not copied further; and the later of two writes is current in every bucket, whichever arrives
 * first. Objects that existed before a rule are not copied.
 */
export class Replication {
  private waiting: Copy[] = [];
  /** Sequence number of the current write, by bucket and key. */
  private readonly current = new Map<string, number>();
  private writes = 0;

  /** @param destinations buckets to which the bucket's rules replicate */
  record(write: Write, destinations: readonly string[], now: number): void {
    const number = ++this.writes;
    this.current.set(placeOf(write.bucket, write.key), number);
    for (const destination of destinations) this.waiting.push({ ...write, destination, writtenAt: now, number });
  }

  /**
   * Returns the copies that may be made now, the oldest write first.
   *
   * @param isReached whether S3 reaches a bucket: copies from or to an unreachable bucket wait
   */
  due(now: number, delayMs: number, isReached: (bucket: string) => boolean): Copy[] {
    return this.waiting.filter(
      ({ bucket, destination, writtenAt }) => writtenAt + delayMs <= now && isReached(bucket) && isReached(destination),
    );
  }

  /** Whether the destination already has a later write, below which the copy would be an old version. */
  isLate({ destination, key, number }: Copy): boolean {
    return (this.current.get(placeOf(destination, key)) ?? 0) > number;
  }

  /** Removes a copy that was made or is no longer needed. */
  settle(copy: Copy): void {
    this.waiting = this.waiting.filter((each) => each !== copy);
    if (!this.isLate(copy)) this.current.set(placeOf(copy.destination, copy.key), copy.number);
  }

  /** Forgets all writes, because the store has lost its objects. */
  forget(): void {
    this.waiting = [];
    this.current.clear();
  }
}

const placeOf = (bucket: string, key: string) => `${bucket}/${key}`;
