import type { Knew, Part } from "./part";
import { hasAllUntil, lastRead, type Place, type Read } from "./parts";

/** How long a row waits at most, 15 minutes: by then S3 has replicated what a bucket did not take directly. */
const WAIT_MS = 900_000;

/**
 * What other regions knew when they told of their rows, and this region has not read yet: that a name was given up may be part of it.
 * It forgets with the process.
 */
export class Behind {
  readonly #read = new Map<string, readonly Read[]>();
  /** The last part of each region. */
  readonly #last = new Map<string, Place & Pick<Part, "continues" | "knew">>();
  /** When a region's last part was first found to be ahead, in milliseconds. */
  readonly #since = new Map<string, number>();

  /** @param isLeft whether a part is left for later, and no name depends on it */
  constructor(
    private readonly own: string,
    private readonly isLeft: (place: Place) => boolean,
  ) {}

  /** How far a region was read by now, with the part that was read. */
  read(region: string, read: readonly Read[], place?: Place, part?: Part): void {
    this.#read.set(region, read);
    const last = this.#last.get(region);
    if (!place || !part || (last && isBefore(place, last))) return;
    this.#last.set(region, { ...place, continues: part.continues, knew: part.knew });
  }

  /** By other region, the last part that was read. */
  get knew(): Knew {
    const last = [...this.#read].map(([region, read]) => [region, region !== this.own && lastRead(read)] as const);
    return Object.fromEntries(last.filter(([, place]) => place)) as Knew;
  }

  /** Whether a region told of rows before this region read all that it knew of; after 15 minutes, no matter what. */
  isAhead(region: string, now = Date.now()): boolean {
    const last = this.#last.get(region);
    if (!last || this.hasAll(last)) {
      this.#since.delete(region);
      return false;
    }
    const since = this.#since.get(region) ?? now;
    this.#since.set(region, since);
    return now - since < WAIT_MS;
  }

  isAnyAhead(): boolean {
    return [...this.#last.keys()].some((region) => this.isAhead(region));
  }

  private hasAll({ continues, knew, ...own }: Place & Pick<Part, "continues" | "knew">): boolean {
    const places = [own, ...Object.entries(knew ?? {}).map(([region, place]) => ({ region, ...place }))];
    return !continues && places.every((place) => this.hasReadUntil(place));
  }

  /** Of a region that is none of these, nothing is to come. */
  private hasReadUntil(place: Place): boolean {
    const read = this.#read.get(place.region);
    return !read || hasAllUntil(read, place, (number) => this.isLeft({ ...place, number }));
  }
}

const isBefore = (one: Place, other: Place): boolean =>
  one.epoch === other.epoch ? one.number < other.number : one.epoch < other.epoch;
