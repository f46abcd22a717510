import type { S3Client } from "@aws-sdk/client-s3";
import { parseSummary } from "../../../agent/drills/summary";
import { DRILL_SUMMARIES_PREFIX } from "../../../model/agent";
import { keysIn, textOf } from "../../drill/objects";
import type { Drills, PastDrill } from "../evidence";

/** Of one region, the newest; older ones are read until one is found that passed. */
const READ_MAX = 10;

/** A region's newest drill, and the newest that passed, by the summaries that drills leave in a bucket. */
export async function drillsIn(client: S3Client, bucket: string, region: string): Promise<Drills> {
  const keys = [...(await keysIn(client, bucket, `${DRILL_SUMMARIES_PREFIX}/${region}/`)).keys()].sort();
  let newest: PastDrill | undefined;
  // In the order of time, since a drill's id begins with it.
  for (const key of keys.reverse().slice(0, READ_MAX)) {
    const summary = parseSummary(await textOf(client, bucket, key), region);
    if (!summary) continue;
    newest ??= summary;
    if (summary.passed) return { newest, newestPassed: summary };
  }
  return { newest };
}

/** The same of several buckets, of which one that a drill did not reach may have none. */
export function newestDrills(all: readonly Drills[]): Drills {
  const latest = (drills: readonly (PastDrill | undefined)[]) =>
    drills.flatMap((each) => each ?? []).sort((one, other) => other.ended - one.ended)[0];
  return { newest: latest(all.map((each) => each.newest)), newestPassed: latest(all.map((each) => each.newestPassed)) };
}
