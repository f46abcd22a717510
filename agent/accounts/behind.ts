import type { Knew, PartHead } from "./part";
import { lastRead, missingUntil, type Place, type Read } from "./parts";

/** How long is waited for something, 15 minutes: by then S3 has replicated what a bucket did not take directly. */
const WAIT_MS = 900_000;

/**
 * What other regions knew when they told of their rows, and this region has not read yet: that a name was given up may be part of it.
 * It forgets with the process.
 */
export class Behind {
  readonly #read = new Map<string, readonly Read[]>();
  /** The last part of each region. */
  readonly #last = new Map<string, Place & PartHead>();
  /** When something was first found to be missing, in milliseconds. */
  readonly #since = new Map<string, number>();

  /**
   * @param regions of which anything can be read
   * @param isLeft whether a part is left for later, and no name depends on it
   */
  constructor(
    private readonly own: string,
    private readonly regions: () => readonly string[],
    private readonly isLeft: (place: Place) => boolean,
  ) {}

  /** How far a region was read by now. */
  read(region: string, read: readonly Read[]): void {
    this.#read.set(region, read);
  }

  /** The part of another region that was read last, where that was by an agent before this one. */
  forgotten(region: string): Place | undefined {
    const isKnown = region === this.own || this.#last.has(region);
    const last = isKnown ? undefined : lastRead(this.#read.get(region) ?? []);
    return last && { region, ...last };
  }

  readPart(place: Place, { continues, knew }: PartHead): void {
    const last = this.#last.get(place.region);
    if (!last || !isBefore(place, last)) this.#last.set(place.region, { ...place, continues, knew });
  }

  /** By other region, the last part that was read. */
  get knew(): Knew {
    const last = [...this.#read].map(([region, read]) => [region, region !== this.own && lastRead(read)] as const);
    return Object.fromEntries(last.filter(([, place]) => place)) as Knew;
  }

  /** Whether a region told of rows before this region read all that it knew of; for 15 minutes at most, each thing that is missing. */
  is(now = Date.now()): boolean {
    const missing = new Set([...this.#last.values()].flatMap((last) => this.missing(last)));
    for (const each of this.#since.keys()) if (!missing.has(each)) this.#since.delete(each);
    for (const each of missing) if (!this.#since.has(each)) this.#since.set(each, now);
    return [...this.#since.values()].some((since) => now - since < WAIT_MS);
  }

  private missing({ continues, knew, ...own }: Place & PartHead): string[] {
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
