import { overlapping } from "../../model/addresses";
import { AWS_REGION_NAMES, partitionOf } from "../../model/places";

/** What a region is proposed: the private 10.0.0.0/8 in /16s, sixteen apart, as the repository's own regions are. */
const STEP = 16;
const BLOCKS = 256;

/**
 * A network for one region more: the first 10.x.0.0/16 that overlaps none of `taken`, first every sixteenth, so that
 * networks beside them stay free, then any. Undefined where all of 10.0.0.0/8 is taken.
 */
export function proposeCidr(taken: readonly string[]): string | undefined {
  const all = Array.from({ length: BLOCKS }, (_, index) => index);
  // 10.0.0.0/16 and the like are what everybody else's networks use, so they come last.
  const order = [
    ...all.filter((index) => index > 0 && index % STEP === 0),
    ...all.filter((index) => index % STEP !== 0),
    0,
  ];
  return order
    .map((index) => `10.${index}.0.0/16`)
    .find((candidate) => !taken.some((other) => overlapping(candidate, other)));
}

/** Our name of a region in an AWS region: us-east-1 becomes us-east; where that is taken the number stays. */
export function proposeName(awsRegion: string, taken: readonly string[]): string {
  const short = awsRegion.replace(/-\d$/, "");
  return taken.includes(short) || short === awsRegion ? awsRegion : short;
}

/** For each region the one after it keeps its backups, the first for the last: a loss never takes both. */
export function backupRegions(names: readonly string[]): string[] {
  return names.map((_, index) => names[(index + 1) % names.length] ?? "");
}

/** Where a witness may be that nobody named a place for: AWS regions that every account has switched on. */
const WITNESSES = ["us-west-2", "eu-central-1"];

/**
 * The AWS region of the schedules' witness: the first of the candidates, or of two that will do, that no region is in.
 * Undefined where there is none.
 *
 * @param candidates where it is, where the state is; those not known are passed over
 * @param taken the fleet's AWS regions
 */
export function proposeWitness(
  candidates: readonly (string | undefined)[],
  taken: readonly string[],
): string | undefined {
  const [first = ""] = taken;
  return [...candidates, ...WITNESSES].find(
    (candidate) =>
      candidate !== undefined &&
      AWS_REGION_NAMES.includes(candidate) &&
      partitionOf(candidate) === partitionOf(first) &&
      !taken.includes(candidate),
  );
}
