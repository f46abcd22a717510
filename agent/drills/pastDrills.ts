import { type DrillSummary, parseSummary } from "../../formats/drills/summary";
import type { Objects } from "../accounts/objects";
import { BucketError } from "../s3/s3Request";

/** Maximum number of summaries per region that one poll reads: the newest, and older ones until one passed. */
const READ_MAX = 10;

export interface PastDrillsOptions {
  /** The region's own bucket. */
  readonly objects: Pick<Objects, "listAfter" | "readWhole">;
  /** Key prefix of all summaries. Each region has a folder below it. */
  readonly prefix: string;
  /** Our names of all regions of the fleet. No other name becomes a label. */
  readonly regions: readonly string[];
  /** Called with the key of an object that cannot be read. Other objects are still read. */
  readonly onUnreadable: (key: string, message: string) => void;
}

/** The known drills of one region. */
export interface RegionDrills {
  readonly newest: DrillSummary;
  /** The newest drill that passed; absent if none of the examined drills passed. */
  readonly newestPassed?: DrillSummary | undefined;
}

interface Known {
  /** The last key that was read or skipped permanently. */
  readonly after: string;
  readonly newest?: DrillSummary | undefined;
  readonly newestPassed?: DrillSummary | undefined;
}

/**
 * Finds the newest drill of each region in the region's own bucket, to which S3 replicates summaries from all regions.
 */
export class PastDrills {
  readonly #known = new Map<string, Known>();

  constructor(private readonly options: PastDrillsOptions) {}

  /**
   * Polls for new summaries. Reads one page of keys and a few objects per region.
   *
   * @returns drills by region; a region without a drill is left out
   * @throws BucketError if the bucket does not answer; the next poll retries from that region's last key
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
    // The keys are in chronological order, because a drill's id starts with its time.
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
      // Read a rejected object again in the next poll, because an operator may fix its permissions.
      after: isWhole ? (keys.at(-1) ?? known.after) : known.after,
      newest: newest ?? known.newest,
      newestPassed: newestPassed ?? known.newestPassed,
    });
  }

  /** @throws BucketError if the bucket does not answer */
  private async read(key: string, region: string): Promise<DrillSummary | "unreadable" | "refused"> {
    const { objects, onUnreadable } = this.options;
    try {
      const body = await objects.readWhole(key);
      const summary = body && parseSummary(body.toString("utf8"), region);
      if (summary) return summary;
      onUnreadable(
        key,
        body ? "it is not a summary of a drill of that region, or a later release wrote it" : "it no longer exists",
      );
      return "unreadable";
    } catch (error) {
      const isRefused = error instanceof BucketError && error.status >= 400 && error.status < 500;
      if (!isRefused) throw error;
      onUnreadable(key, error.message);
      return "refused";
    }
  }
}
