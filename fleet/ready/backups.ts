import { type Backup, type BucketBackups, isKnown, type Learnt } from "./evidence";

/** Buckets of the other regions. */
export const ofOtherRegions = (backups: readonly BucketBackups[], region: string): readonly BucketBackups[] =>
  backups.filter(({ bucketOf }) => bucketOf !== region);

/**
 * The newest backup that any of these buckets is known to hold. Not learnt where none was found and not all were looked at.
 *
 * @returns the whole one, of two of the same age
 */
export function newestOf(backups: readonly BucketBackups[]): Learnt<Backup | undefined> {
  const found = backups.flatMap(({ newest }) => (isKnown(newest) && newest.value ? [newest.value] : []));
  const [newest] = found.sort((one, other) => other.at - one.at || one.amiss.length - other.amiss.length);
  if (newest) return { value: newest };
  return backups.map((each) => each.newest).find((each) => !isKnown(each)) ?? { value: undefined };
}
