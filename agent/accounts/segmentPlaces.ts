/** Digits of a segment's number: keys sort by number. */
const NUMBER_DIGITS = 10;
/** Digits of an epoch: microseconds since 1970, until the year 2286. */
const EPOCH_DIGITS = 16;

/** The place of a segment: an epoch has the segments of a snapshot, then those of the change feed. */
export interface Place {
  /** Our name of the region that wrote it. */
  readonly region: string;
  readonly epoch: string;
  readonly number: number;
}

/** The read position in an epoch of a region. */
export interface Read {
  readonly epoch: string;
  /** All segments below this number have been applied. */
  readonly next: number;
  /** Segments that were applied although an earlier one is missing: S3 replication keeps no order. */
  readonly beyond: readonly number[];
  /** The last segment of the epoch's snapshot. */
  readonly completedBy?: number;
}

export const folderOf = (prefix: string, region: string): string => `${prefix}/${region}/`;

export const keyOf = (prefix: string, { region, epoch, number }: Place): string =>
  `${folderOf(prefix, region)}${epoch}/${String(number).padStart(NUMBER_DIGITS, "0")}`;

/** @returns undefined if it is not the key of a segment */
export function placeOf(prefix: string, key: string): Place | undefined {
  const start = `${prefix}/`;
  const [region = "", epoch = "", number = "", ...more] = key.startsWith(start)
    ? key.slice(start.length).split("/")
    : [];
  const isPart =
    region !== "" && epoch.length === EPOCH_DIGITS && number.length === NUMBER_DIGITS && /^\d+$/.test(epoch + number);
  return isPart && more.length === 0 ? { region, epoch, number: Number(number) } : undefined;
}

/** An epoch that starts now, and later than all former ones. */
export function epochAfter(former: readonly string[], now: number): string {
  const latest = Math.max(0, ...former.map(Number));
  return String(Math.max(now, latest + 1)).padStart(EPOCH_DIGITS, "0");
}

/** Whether a segment is still to be applied. Epochs before a complete one are skipped. */
export function isUnread(read: readonly Read[], { epoch, number }: Place): boolean {
  const whole = wholeEpoch(read);
  if (whole !== undefined && epoch < whole) return false;
  const own = read.find((each) => each.epoch === epoch);
  return !own || (number >= own.next && !own.beyond.includes(number));
}

/** The read positions after one more segment, without the epochs before a complete one. */
export function afterReading(read: readonly Read[], { epoch, number }: Place, completes: boolean): Read[] {
  const before = read.find((each) => each.epoch === epoch) ?? { epoch, next: 0, beyond: [] };
  const beyond = new Set([...before.beyond, number]);
  let next = before.next;
  while (beyond.delete(next)) next += 1;
  const after: Read = {
    ...before,
    next,
    beyond: [...beyond].sort((a, b) => a - b),
    ...(completes && { completedBy: number }),
  };
  const all = [...read.filter((each) => each.epoch !== epoch), after];
  const whole = wholeEpoch(all);
  return all.filter((each) => whole === undefined || each.epoch >= whole).sort((a, b) => (a.epoch < b.epoch ? -1 : 1));
}

/** The newest epoch whose snapshot has been applied completely. */
export function wholeEpoch(read: readonly Read[]): string | undefined {
  const whole = read.filter(({ next, completedBy }) => completedBy !== undefined && next > completedBy);
  return whole
    .map(({ epoch }) => epoch)
    .sort()
    .at(-1);
}

/** The last segment of a region's newest epoch that was applied. */
export function lastRead(read: readonly Read[]): Pick<Place, "epoch" | "number"> | undefined {
  const newest = read.at(-1);
  if (!newest) return undefined;
  const number = Math.max(newest.next - 1, ...newest.beyond);
  return number < 0 ? undefined : { epoch: newest.epoch, number };
}

/** Missing segments that are listed at most. */
const MISSING_MAX = 100;

/**
 * Segments to apply until this region knows all that a given segment depends on: the ones up to it, without deferred ones, or its epoch's
 * snapshot.
 */
export function missingUntil(
  read: readonly Read[],
  { region, epoch, number }: Place,
  isLeft: (number: number) => boolean,
): string[] {
  const whole = wholeEpoch(read);
  if (whole === undefined || epoch > whole) return [`${region} ${epoch}`];
  const own = read.find((each) => each.epoch === epoch);
  const missing: string[] = [];
  for (let at = own?.next ?? number + 1; own && at <= number && missing.length < MISSING_MAX; at += 1)
    if (!own.beyond.includes(at) && !isLeft(at)) missing.push(`${region} ${epoch} ${at}`);
  return missing;
}

/** The key after which unread segments start: listings begin there. */
export function listedAfter(prefix: string, region: string, read: readonly Read[]): string {
  const [oldest] = [...read].sort((a, b) => (a.epoch < b.epoch ? -1 : 1));
  if (!oldest) return folderOf(prefix, region);
  return oldest.next === 0
    ? `${folderOf(prefix, region)}${oldest.epoch}/`
    : keyOf(prefix, { region, epoch: oldest.epoch, number: oldest.next - 1 });
}
