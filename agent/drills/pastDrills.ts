import type { Objects } from "../accounts/objects";
import { BucketError } from "../s3/s3Request";
import { type DrillSummary, parseSummary } from "./summary";

/** Summaries of one region that one poll reads: the newest, and older ones until one of a drill that passed is found. */
const READ_MAX = 10;

export interface PastDrillsOptions {
  /** The region's own bucket. */
  readonly objects: Pick<Objects, "listAfter" | "readWhole">;
  /** Of all summaries; below it a folder per region. */
  readonly prefix: string;
  /** Our names of all regions of the fleet: no other becomes a label. */
  readonly regions: readonly string[];
  /** Told of an object that cannot be read, with its key; the others are read all the same. */
  readonly onUnreadable: (key: string, message: string) => void;
}

/** What is known of one region's drills. */
export interface RegionDrills {
  readonly newest: DrillSummary;
  /** The newest that passed; absent where none of those that were looked at did. */
  readonly newestPassed?: DrillSummary | undefined;
}

interface Known {
  /** The last key that was read or left out for good. */
  readonly after: string;
  readonly newest?: DrillSummary | undefined;
  readonly newestPassed?: DrillSummary | undefined;
}

/** The newest drill of each region, as the region's own bucket has them: by replication from wherever a drill left them. */
export class PastDrills {
  readonly #known = new Map<string, Known>();

  constructor(private readonly options: PastDrillsOptions) {}

  /**
   * Polls for new summaries: a page of keys per region, and few objects.
   *
   * @returns by region; one without a drill is left out
   * @throws BucketError where the bucket does not answer; the next poll begins again with that region
   */
  async poll(): Promise<ReadonlyMap<string, RegionDrills>> {
    for (const region of this.options.regions) await this.pollRegion(region);
    const found = [...this.#known].flatMap(([region, { newest, newestPassed }]) =>
      newest ? [[region, { newest, newestPassed }] as const] : [],
    );
    return new Map(found);
  }

  private async pollRegion(region: string): Promise<void> {
    const { objects, prefix } = this.options;
    const known = this.#known.get(region) ?? { after: "" };
    // In the order of time, since a drill's id begins with it.
    const keys = await objects.listAfter(`${prefix}/${region}/`, known.after);
    let { newest, newestPassed }: Omit<Known, "after"> = {};
    let isWhole = true;
    for (const key of keys.toReversed().slice(0, READ_MAX)) {
      if (newestPassed) break;
      const summary = await this.read(key, region);
      if (summary === "refused") isWhole = false;
      if (typeof summary !== "object") continue;
      newest ??= summary;
      if (summary.passed) newestPassed = summary;
    }
    this.#known.set(region, {
      // What was refused is asked for again: somebody may mend that.
      after: isWhole ? (keys.at(-1) ?? known.after) : known.after,
      newest: newest ?? known.newest,
      newestPassed: newestPassed ?? known.newestPassed,
    });
  }

  /** @throws BucketError where the bucket does not answer */
  private async read(key: string, region: string): Promise<DrillSummary | "unreadable" | "refused"> {
    const { objects, onUnreadable } = this.options;
    try {
      const body = await objects.readWhole(key);
      const summary = body && parseSummary(body.toString("utf8"), region);
      if (summary) return summary;
      onUnreadable(key, body ? "it is no summary of a drill of that region, or of a later release" : "it is gone");
      return "unreadable";
    } catch (error) {
      const isRefused = error instanceof BucketError && error.status >= 400 && error.status < 500;
      if (!isRefused) throw error;
      onUnreadable(key, error.message);
      return "refused";
    }
  }
}
