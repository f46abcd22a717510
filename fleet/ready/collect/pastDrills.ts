import type { S3Client } from "@aws-sdk/client-s3";
import { DRILL_SUMMARIES_PREFIX } from "../../../formats/bucketKeys";
import { parseSummary } from "../../../formats/drills/summary";
import { keysIn, textOf } from "../../drill/objects";
import type { Drills, PastDrill } from "../evidence";

/** Maximum number of summaries to read per region while searching for a passed drill. */
const READ_MAX = 10;

/** Returns a region's newest drill and its newest passed drill, from the drill summaries in a bucket. */
export async function drillsIn(client: S3Client, bucket: string, region: string): Promise<Drills> {
  const keys = [...(await keysIn(client, bucket, `${DRILL_SUMMARIES_PREFIX}/${region}/`)).keys()].sort();
  let newest: PastDrill | undefined;
  // The keys sort by time, because a drill's id begins with its start time.
  for (const key of keys.reverse().slice(0, READ_MAX)) {
    const summary = parseSummary(await textOf(client, bucket, key), region);
    if (!summary) continue;
    newest ??= summary;
    if (summary.passed) return { newest, newestPassed: summary };
  }
  return { newest };
}

/** Combines the drills of several buckets: S3 may not have copied a summary to every bucket. */
export function newestDrills(all: readonly Drills[]): Drills {
  const latest = (drills: readonly (PastDrill | undefined)[]) =>
    drills.flatMap((each) => each ?? []).sort((one, other) => other.ended - one.ended)[0];
  return { newest: latest(all.map((each) => each.newest)), newestPassed: latest(all.map((each) => each.newestPassed)) };
}
