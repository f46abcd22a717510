/** Digits of a part's number, so that the order of keys is theirs. */
const NUMBER_DIGITS = 10;
/** Digits of an epoch: microseconds since 1970, until the year 2286. */
const EPOCH_DIGITS = 16;

/** Where a part lies: what a region knew when an epoch began, then what it made news of, one after the other. */
export interface Place {
  /** Our name of the region that wrote it. */
  readonly region: string;
  readonly epoch: string;
  readonly number: number;
}

/** How far a region's epoch has been read. */
export interface Read {
  readonly epoch: string;
  /** All parts below have been read. */
  readonly next: number;
  /** Parts that were read although one before them is missing: replication keeps no order. */
  readonly beyond: readonly number[];
  /** The part with which the epoch holds all that its region knew when it began. */
  readonly completedBy?: number;
}

export const folderOf = (prefix: string, region: string): string => `${prefix}/${region}/`;

export const keyOf = (prefix: string, { region, epoch, number }: Place): string =>
  `${folderOf(prefix, region)}${epoch}/${String(number).padStart(NUMBER_DIGITS, "0")}`;

/** @returns undefined where it is no part's key */
export function placeOf(prefix: string, key: string): Place | undefined {
  const start = `${prefix}/`;
  const [region = "", epoch = "", number = "", ...more] = key.startsWith(start)
    ? key.slice(start.length).split("/")
    : [];
  const isPart =
    region !== "" && epoch.length === EPOCH_DIGITS && number.length === NUMBER_DIGITS && /^\d+$/.test(epoch + number);
  return isPart && more.length === 0 ? { region, epoch, number: Number(number) } : undefined;
}

/** An epoch that begins now, and after all that there were. */
export function epochAfter(former: readonly string[], now: number): string {
  const latest = Math.max(0, ...former.map(Number));
  return String(Math.max(now, latest + 1)).padStart(EPOCH_DIGITS, "0");
}

/** Whether a part is still to be read: parts of epochs before a whole one are not. */
export function isUnread(read: readonly Read[], { epoch, number }: Place): boolean {
  const whole = wholeEpoch(read);
  if (whole !== undefined && epoch < whole) return false;
  const own = read.find((each) => each.epoch === epoch);
  return !own || (number >= own.next && !own.beyond.includes(number));
}

/** The reading after one more part. Epochs before a whole one are forgotten. */
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

/** The newest epoch of which everything up to its completing part has been read. */
export function wholeEpoch(read: readonly Read[]): string | undefined {
  const whole = read.filter(({ next, completedBy }) => completedBy !== undefined && next > completedBy);
  return whole
    .map(({ epoch }) => epoch)
    .sort()
    .at(-1);
}

/** The last part of a region's newest epoch that was read. */
export function lastRead(read: readonly Read[]): Pick<Place, "epoch" | "number"> | undefined {
  const newest = read.at(-1);
  if (!newest) return undefined;
  const number = Math.max(newest.next - 1, ...newest.beyond);
  return number < 0 ? undefined : { epoch: newest.epoch, number };
}

/** Parts that are looked for at once: of one that is far ahead more is missing than anybody asks. */
const MISSING_MAX = 100;

/**
 * What is to be read until all is known that a region knew with a part: parts up to it, but for those that may be left for later, or its
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

/** The key behind which what is unread begins, so that a listing need not start before it. */
export function listedAfter(prefix: string, region: string, read: readonly Read[]): string {
  const [oldest] = [...read].sort((a, b) => (a.epoch < b.epoch ? -1 : 1));
  if (!oldest) return folderOf(prefix, region);
  return oldest.next === 0
    ? `${folderOf(prefix, region)}${oldest.epoch}/`
    : keyOf(prefix, { region, epoch: oldest.epoch, number: oldest.next - 1 });
}
