/** Number of digits of a segment's number. The fixed length makes keys sort by number. */
const NUMBER_DIGITS = 10;
/** Number of digits of an epoch, in microseconds since 1970: enough until the year 2286. */
const EPOCH_DIGITS = 16;

/** The place of a segment. An epoch contains the segments of a snapshot, then those of the change feed. */
export interface Place {
  /** Our name of the region that wrote the segment. */
  readonly region: string;
  readonly epoch: string;
  readonly number: number;
}

/** The read position in one epoch of a region. */
export interface Read {
  readonly epoch: string;
  /** All segments below this number have been applied. */
  readonly next: number;
  /** Segments that were applied although an earlier segment is missing: S3 replication does not preserve the order. */
  readonly beyond: readonly number[];
  /** Number of the last segment of the epoch's snapshot; undefined until that segment has been applied. */
  readonly completedBy?: number;
}

export const folderOf = (prefix: string, region: string): string => `${prefix}/${region}/`;

export const keyOf = (prefix: string, { region, epoch, number }: Place): string =>
  `${folderOf(prefix, region)}${epoch}/${String(number).padStart(NUMBER_DIGITS, "0")}`;

/**
 * Parses the key of a segment.
 *
 * @returns undefined if it is not the key of a segment
 */
export function placeOf(prefix: string, key: string): Place | undefined {
  const start = `${prefix}/`;
  const [region = "", epoch = "", number = "", ...more] = key.startsWith(start)
    ? key.slice(start.length).split("/")
    : [];
  const isPart =
    region !== "" && epoch.length === EPOCH_DIGITS && number.length === NUMBER_DIGITS && /^\d+$/.test(epoch + number);
  return isPart && more.length === 0 ? { region, epoch, number: Number(number) } : undefined;
}

/** Returns an epoch that starts now and is later than all former ones. */
export function epochAfter(former: readonly string[], now: number): string {
  const latest = Math.max(0, ...former.map(Number));
  return String(Math.max(now, latest + 1)).padStart(EPOCH_DIGITS, "0");
}

/** Returns whether a segment is still to be applied. Epochs before a complete one are skipped. */
export function isUnread(read: readonly Read[], { epoch, number }: Place): boolean {
  const whole = wholeEpoch(read);
  if (whole !== undefined && epoch < whole) return false;
  const own = read.find((each) => each.epoch === epoch);
  return !own || (number >= own.next && !own.beyond.includes(number));
}

/** Returns the read positions after one more segment, without the epochs before a complete one. */
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

/** Returns the newest epoch whose snapshot has been applied completely. */
export function wholeEpoch(read: readonly Read[]): string | undefined {
  const whole = read.filter(({ next, completedBy }) => completedBy !== undefined && next > completedBy);
  return whole
    .map(({ epoch }) => epoch)
    .sort()
    .at(-1);
}

/** Returns the last applied segment of a region's newest epoch. */
export function lastRead(read: readonly Read[]): Pick<Place, "epoch" | "number"> | undefined {
  const newest = read.at(-1);
  if (!newest) return undefined;
  const number = Math.max(newest.next - 1, ...newest.beyond);
  return number < 0 ? undefined : { epoch: newest.epoch, number };
}

/** Maximum number of missing segments to return. */
const MISSING_MAX = 100;

/**
 * Returns the segments to apply until this region knows everything on which a given segment depends: the segments up to
 * that one, except deferred ones, or the snapshot of its epoch.
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

/** Returns the key after which a region's unread segments start. */
export function listedAfter(prefix: string, region: string, read: readonly Read[]): string {
  const [oldest] = [...read].sort((a, b) => (a.epoch < b.epoch ? -1 : 1));
  if (!oldest) return folderOf(prefix, region);
  return oldest.next === 0
    ? `${folderOf(prefix, region)}${oldest.epoch}/`
    : keyOf(prefix, { region, epoch: oldest.epoch, number: oldest.next - 1 });
}
