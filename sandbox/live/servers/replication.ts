/** Entity tag and time of an object, by key. */
export type Listing = ReadonlyMap<string, { readonly tag: string; readonly modified: number }>;

/** Entity tags of one key on both sides when they were last alike. */
export type Agreed = Map<string, { readonly one?: string; readonly other?: string }>;

export interface Step {
  readonly key: string;
  readonly kind: "copy" | "delete";
  /** Which bucket is changed. */
  readonly to: "one" | "other";
}

/**
 * What brings two buckets in line: a key that changed on one side since they were last alike is copied or deleted on
 * the other. Where both changed, the later object stays (in S3 both versions are kept, and the later one is current).
 *
 * @param directions which of the two copies to the other
 */
export function replicationSteps(
  one: Listing,
  other: Listing,
  agreed: Agreed,
  directions: { readonly oneToOther: boolean; readonly otherToOne: boolean },
): Step[] {
  const steps: Step[] = [];
  for (const key of new Set([...one.keys(), ...other.keys(), ...agreed.keys()])) {
    const before = agreed.get(key) ?? {};
    const [here, there] = [one.get(key), other.get(key)];
    const changedHere = here?.tag !== before.one;
    const changedThere = there?.tag !== before.other;
    if ((!changedHere && !changedThere) || here?.tag === there?.tag) continue;
    const later = (here?.modified ?? 0) >= (there?.modified ?? 0);
    const hereWins = changedHere && (!changedThere || later);
    if (hereWins && directions.oneToOther) steps.push({ key, kind: here ? "copy" : "delete", to: "other" });
    if (!hereWins && directions.otherToOne) steps.push({ key, kind: there ? "copy" : "delete", to: "one" });
  }
  return steps;
}
