import { overlapping } from "../../model/addresses";
import { AWS_REGION_NAMES, partitionOf } from "../../model/places";

/**
 * Proposed networks are /16 blocks of the private 10.0.0.0/8. They are 16 blocks apart, like those of the repository's
 * own regions.
 */
const STEP = 16;
const BLOCKS = 256;

/**
 * Proposes a network for a new region: the first 10.x.0.0/16 that does not overlap `taken`. Tries every 16th block
 * first, so that adjacent networks stay free, then all others. Returns undefined if 10.0.0.0/8 is full.
 */
export function proposeCidr(taken: readonly string[]): string | undefined {
  const all = Array.from({ length: BLOCKS }, (_, index) => index);
  // 10.0.0.0/16 comes last, because many other networks use it.
  const order = [
    ...all.filter((index) => index > 0 && index % STEP === 0),
    ...all.filter((index) => index % STEP !== 0),
    0,
  ];
  return order
    .map((index) => `10.${index}.0.0/16`)
    .find((candidate) => !taken.some((other) => overlapping(candidate, other)));
}

/**
 * Proposes our name for a region in an AWS region: us-east-1 becomes us-east, or keeps its number if that name is
 * taken.
 */
export function proposeName(awsRegion: string, taken: readonly string[]): string {
  const short = awsRegion.replace(/-\d$/, "");
  return taken.includes(short) || short === awsRegion ? awsRegion : short;
}

/**
 * Assigns each region's backups to the next region, and the last region's to the first, so that the loss of one region
 * never destroys both copies.
 */
export function backupRegions(names: readonly string[]): string[] {
  return names.map((_, index) => names[(index + 1) % names.length] ?? "");
}

/** Default AWS regions for a witness. Every account has them enabled. */
const WITNESSES = ["us-west-2", "eu-central-1"];

/**
 * Proposes the AWS region of the schedules' witness: the first of the candidates and the defaults that contains no
 * region of the fleet. Returns undefined if none is suitable.
 *
 * @param candidates AWS regions of the current witness and of the state; unknown ones are skipped
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
