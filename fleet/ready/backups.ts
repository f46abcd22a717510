import { type Backup, type BucketBackups, isKnown, type Learnt } from "./evidence";

/** Returns the backups in the other regions' buckets. */
export const ofOtherRegions = (backups: readonly BucketBackups[], region: string): readonly BucketBackups[] =>
  backups.filter(({ bucketOf }) => bucketOf !== region);

/**
 * Returns the newest known backup in these buckets; of two with the same age, the complete one. Unknown if no backup
 * was found and a bucket could not be read.
 */
export function newestOf(backups: readonly BucketBackups[]): Learnt<Backup | undefined> {
  const found = backups.flatMap(({ newest }) => (isKnown(newest) && newest.value ? [newest.value] : []));
  const [newest] = found.sort((one, other) => other.at - one.at || one.amiss.length - other.amiss.length);
  if (newest) return { value: newest };
  return backups.map((each) => each.newest).find((each) => !isKnown(each)) ?? { value: undefined };
}
