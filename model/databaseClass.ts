/**
 * Memory of size `large` in each family of RDS instance classes for PostgreSQL, GiB (RDS user guide, "Hardware
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
/** Memory of each size relative to `large`, from the smallest size (same source). */
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
/** Families with sizes below `large`. */
const SMALL_FAMILIES = ["t3", "t4g"];
/**
 * Families that RDS no longer offers for new databases (RDS user guide, "Document history", 2024-06-14: db.m4, db.r4
 * and db.t2 for PostgreSQL; earlier families ended before). Verified on 2026-12-01.
 */
const ENDED_FAMILIES = ["m1", "m2", "m3", "m4", "r3", "r4", "t1", "t2"];

const MIB_PER_GIB = 1024;
const BYTES_PER_MIB = 1024 ** 2;
/**
 * RDS for PostgreSQL's default of `max_connections`, which our parameter group does not override:
 * `LEAST({DBInstanceClassMemory/9531392},5000)` (RDS user guide, quotas; AWS Prescriptive Guidance, max_connections).
 */
const BYTES_PER_CONNECTION = 9_531_392;
/** Maximum number of connections of any class. */
export const CONNECTIONS_MAX = 5_000;
/**
 * Memory that RDS and the operating system reserve, which DBInstanceClassMemory excludes. AWS publishes no number.
 * Measured: 181 connections on a db.t4g.small (PostgreSQL 18.6) and 832 on a db.m7g.large, which means that about 400
 * of 2,048 MiB and 630 of 8,192 MiB are reserved. These values reserve slightly more.
 */
const KEPT = { mib: 384, share: 0.04 };

/**
 * Returns the maximum number of connections of an instance class under RDS' default, slightly underestimated.
 *
 * @param instanceClass for example db.m7g.large
 * @returns undefined for a class that these tables lack
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

/**
 * Returns why RDS does not offer a class for PostgreSQL. Returns undefined if RDS offers it, or may offer it because it
 * is newer than these tables.
 */
export function impossibleClass(instanceClass: string): string | undefined {
  const [, family = "", size = ""] = instanceClass.split(".");
  if (ENDED_FAMILIES.includes(family))
    return `RDS no longer offers db.${family}: choose a newer class, such as db.m7g.large`;
  const isSmall = (SIZES[size] ?? 1) < 1;
  if (Object.hasOwn(LARGE_GIB, family) && isSmall && !SMALL_FAMILIES.includes(family))
    return `db.${family} has no class smaller than large: choose db.${family}.large or db.t4g.${size}`;
  return undefined;
}

/**
 * Fallback families for a family without a sufficiently large size; their ratio of memory to cores is that of most RDS
 * families.
 */
const LARGER_FAMILIES = ["m7g", "r7g"];

/**
 * Returns the smallest class that supports the given number of connections: of the same family, or else of a fallback
 * family.
 *
 * @returns undefined if no class is large enough
 */
export function classTaking(connections: number, instanceClass: string): string | undefined {
  const [, own = ""] = instanceClass.split(".");
  return [own, ...LARGER_FAMILIES]
    .flatMap((family) => Object.keys(SIZES).map((size) => `db.${family}.${size}`))
    .find((candidate) => (connectionsMax(candidate) ?? 0) >= connections);
}
