/** GiB of memory of the smallest size of each family of RDS' instance classes, and how sizes grow (RDS user guide, "DB instance classes"). */
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

const GIB = 1024 ** 3;
/** RDS for PostgreSQL's default of `max_connections`: `LEAST({DBInstanceClassMemory/9531392},5000)` (RDS user guide, quotas). */
const BYTES_PER_CONNECTION = 9_531_392;
const CONNECTIONS_MAX = 5_000;
/** What RDS keeps of an instance's memory for itself and the operating system, roughly: DBInstanceClassMemory is less than all. */
const SHARE_OF_DATABASE = 0.9;

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
  if (large === undefined || factor === undefined) return undefined;
  const bytes = large * factor * GIB * SHARE_OF_DATABASE;
  return Math.min(CONNECTIONS_MAX, Math.floor(bytes / BYTES_PER_CONNECTION));
}
