/**
 * GiB of memory of the size `large` of each family of RDS' instance classes for PostgreSQL (RDS user guide, "Hardware
 * specifications for DB instance classes").
 */
const LARGE_GIB: Readonly<Record<string, number>> = {
  t3: 8,
  t4g: 8,
  m5: 8,
  m6g: 8,
  m6i: 8,
  m7g: 8,
  m7i: 8,
  m8g: 8,
  r5: 16,
  r6g: 16,
  r6i: 16,
  r7g: 16,
  r7i: 16,
  r8g: 16,
};
/** How the memory of a family grows with the size, from the smallest on (the same page). */
const SIZES: Readonly<Record<string, number>> = {
  micro: 1 / 8,
  small: 1 / 4,
  medium: 1 / 2,
  large: 1,
  xlarge: 2,
  "2xlarge": 4,
  "4xlarge": 8,
  "8xlarge": 16,
  "12xlarge": 24,
  "16xlarge": 32,
  "24xlarge": 48,
};
/** Families that have sizes below `large`. */
const SMALL_FAMILIES = ["t3", "t4g"];
/**
 * Families that no database can be made with any more (RDS user guide, "Document history", 2024-06-14: db.m4, db.r4 and db.t2 for
 * PostgreSQL; those before them ended earlier). Looked up on 2026-12-01.
 */
const ENDED_FAMILIES = ["m1", "m2", "m3", "m4", "r3", "r4", "t1", "t2"];

const MIB_PER_GIB = 1024;
const BYTES_PER_MIB = 1024 ** 2;
/**
 * RDS for PostgreSQL's default of `max_connections`, which no parameter of ours replaces:
 * `LEAST({DBInstanceClassMemory/9531392},5000)` (RDS user guide, quotas; AWS Prescriptive Guidance, max_connections).
 */
const BYTES_PER_CONNECTION = 9_531_392;
/** The most that any class takes. */
export const CONNECTIONS_MAX = 5_000;
/**
 * DBInstanceClassMemory is what RDS and the operating system leave, and AWS gives no number for that. Read from databases:
 * 181 connections of a db.t4g.small (PostgreSQL 18.6), 832 of a db.m7g.large, so about 400 of 2,048 MiB and 630 of 8,192 are
 * kept. This keeps a little more.
 */
const KEPT = { mib: 384, share: 0.04 };

/**
 * How many connections a database of a class takes, by RDS' default; a little less than it really does.
 *
 * @param instanceClass for example db.m7g.large
 * @returns undefined for a class that is not known here
 */
export function connectionsMax(instanceClass: string): number | undefined {
  const [, family = "", size = ""] = instanceClass.split(".");
  const large = LARGE_GIB[family];
  const factor = SIZES[size];
  if (large === undefined || factor === undefined || (factor < 1 && !SMALL_FAMILIES.includes(family))) return undefined;
  const mib = large * factor * MIB_PER_GIB;
  const bytes = (mib * (1 - KEPT.share) - KEPT.mib) * BYTES_PER_MIB;
  return Math.min(CONNECTIONS_MAX, Math.floor(bytes / BYTES_PER_CONNECTION));
}

/** Why RDS has no such class for PostgreSQL; undefined of one that it has or, newer than these lists, may have. */
export function impossibleClass(instanceClass: string): string | undefined {
  const [, family = "", size = ""] = instanceClass.split(".");
  if (ENDED_FAMILIES.includes(family)) return `RDS has ended db.${family}: take a newer class, such as db.m7g.large`;
  const isSmall = (SIZES[size] ?? 1) < 1;
  if (Object.hasOwn(LARGE_GIB, family) && isSmall && !SMALL_FAMILIES.includes(family))
    return `db.${family} begins with large: take db.${family}.large, or db.t4g.${size}`;
  return undefined;
}

/** Where a family has no size that is large enough: as much memory for a core as RDS has in most families. */
const LARGER_FAMILIES = ["m7g", "r7g"];

/**
 * The smallest class that takes so many connections: of the same family, or of two that go on where it ends.
 *
 * @returns undefined where no class does
 */
export function classTaking(connections: number, instanceClass: string): string | undefined {
  const [, own = ""] = instanceClass.split(".");
  return [own, ...LARGER_FAMILIES]
    .flatMap((family) => Object.keys(SIZES).map((size) => `db.${family}.${size}`))
    .find((candidate) => (connectionsMax(candidate) ?? 0) >= connections);
}
