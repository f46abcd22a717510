/** Prefix of backups in the flow bucket; the same in every region, because the buckets are replicated. */
export const BACKUP_PREFIX = "backups";

/**
 * Prefix of drill reports in a flow bucket. The summaries below it, by region, are the source of the agents' metrics.
 */
export const DRILLS_PREFIX = "drills";
/** Key of the lock that allows only one drill at a time and records which region it took offline. */
export const DRILL_LOCK_KEY = `${DRILLS_PREFIX}/lock.json`;
export const DRILL_SUMMARIES_PREFIX = `${DRILLS_PREFIX}/summaries`;

/**
 * Prefix of published changes in every flow bucket. It contains one folder per region, to which only that region
 * writes.
 */
export const ACCOUNTS_PREFIX = "accounts";

/** Prefix of packages of an imported LangFlow in a flow bucket. */
export const MOVE_IN_PREFIX = "move-in";

/** Prefix of LangFlow's files in the flow bucket; the same in every region, because the buckets are replicated. */
export const STORAGE_PREFIX = "files";

/** Key of the schedules' lease in the witness's bucket. */
export const LEASE_KEY = "schedules/lease.json";
/** Key of the list of waiting runs that a region took over from another one, in the witness's bucket. */
export const TAKEN_RUNS_KEY = "runs/taken.json";
