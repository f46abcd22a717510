import type { Knew, SegmentHead } from "./segment";
import { lastRead, missingUntil, type Place, type Read } from "./segmentPlaces";

/** How long to wait for a missing segment. S3 replicates within 15 minutes. */
const WAIT_MS = 900_000;

/**
 * Tracks causal dependencies: segments that another region had applied when it published, but that this region has not
 * applied yet. A missing segment may free a name that a later segment uses. The state is in memory only.
 */
export class Behind {
  readonly #read = new Map<string, readonly Read[]>();
  /** The last applied segment of each region. */
  readonly #last = new Map<string, Place & SegmentHead>();
  /** When each missing segment was first detected, in milliseconds. */
  readonly #since = new Map<string, number>();

  /**
   * @param own this region
   * @param regions returns the regions whose segments this region reads
   * @param isLeft whether reading a segment is deferred. A deferred segment never frees a name
   */
  constructor(
    private readonly own: string,
    private readonly regions: () => readonly string[],
    private readonly isLeft: (place: Place) => boolean,
  ) {}

  /** Updates the read positions of a region. */
  read(region: string, read: readonly Read[]): void {
    this.#read.set(region, read);
  }

  /** Returns the last applied segment of another region if an earlier agent process applied it. */
  forgotten(region: string): Place | undefined {
    const isKnown = region === this.own || this.#last.has(region);
    const last = isKnown ? undefined : lastRead(this.#read.get(region) ?? []);
    return last && { region, ...last };
  }

  readSegment(place: Place, { continues, knew }: SegmentHead): void {
    const last = this.#last.get(place.region);
    if (!last || !isBefore(place, last)) this.#last.set(place.region, { ...place, continues, knew });
  }

  /** The last applied segment of each other region. */
  get knew(): Knew {
    const last = [...this.#read].map(([region, read]) => [region, region !== this.own && lastRead(read)] as const);
    return Object.fromEntries(last.filter(([, place]) => place)) as Knew;
  }

  /** Returns whether a causal dependency is missing. Each missing segment counts for 15 minutes at most. */
  is(now = Date.now()): boolean {
    const missing = new Set([...this.#last.values()].flatMap((last) => this.missing(last)));
    for (const each of this.#since.keys()) if (!missing.has(each)) this.#since.delete(each);
    for (const each of missing) if (!this.#since.has(each)) this.#since.set(each, now);
    return [...this.#since.values()].some((since) => now - since < WAIT_MS);
  }

  private missing({ continues, knew, ...own }: Place & SegmentHead): string[] {
    const places = [own, ...Object.entries(knew ?? {}).map(([region, place]) => ({ region, ...place }))];
    const parts = places.flatMap((place) => {
      const isLeft = (number: number) => this.isLeft({ ...place, number });
      const isRead = this.regions().includes(place.region);
      return isRead ? missingUntil(this.#read.get(place.region) ?? [], place, isLeft) : [];
    });
    return continues ? [...parts, `behind ${own.region} ${own.epoch} ${own.number}`] : parts;
  }
}

const isBefore = (one: Place, other: Place): boolean =>
  one.epoch === other.epoch ? one.number < other.number : one.epoch < other.epoch;
