import type { Capacity } from "../../model/capacity";
import { ExitCode } from "../../model/errors";
import type { MonitorTimes } from "../../model/failover";
import { NotCheckable } from "../checks/checkResult";
import { resultOfError } from "../checks/resultOfError";
import type { Restorable } from "../drill/backend";
import type { Observation } from "../prove/assumption";

/** A value, or the reason why it is unknown. An unknown never counts as good. */
export type Learnt<T> = { readonly value: T } | NotLearnt;

export interface NotLearnt {
  /** The reason. */
  readonly unknown: string;
  /**
   * Set if a cloud refused the request, did not answer, or answered in an unknown shape; absent if there is nothing to
   * ask.
   */
  readonly exitCode?: ExitCode;
}

/** Observations of `prove`'s assumptions, by the assumption's name. */
export type Observed = Readonly<Record<string, Learnt<Observation>>>;

/** All facts on which the readiness score is based, collected at one moment. */
export interface Evidence {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** In order of preference. */
  readonly regions: readonly RegionEvidence[];
  /** Assumptions about the whole fleet. */
  readonly observed: Observed;
  /** Whether the config has a repository for the record of flows. */
  readonly isRecorded: boolean;
  /** The share of users that an old LangFlow receives while moving in; 0 without one. */
  readonly oldShare: number;
  /** The applied monitor, which determines how fast a loss is detected. */
  readonly monitor: Learnt<MonitorTimes>;
  /** Resources that a refreshing preview would change. */
  readonly drift: Learnt<readonly string[]>;
}

export interface RegionEvidence {
  readonly region: string;
  /** Assumptions about this region. */
  readonly observed: Observed;
  readonly limits: Limits;
  readonly replication: Learnt<ReplicationState>;
  /** Undefined if a different region is the recorder. */
  readonly record: Learnt<RecordState | undefined>;
  /** This region's backups in every region's bucket, including its own. */
  readonly backups: readonly BucketBackups[];
  readonly restorable: Learnt<Restorable>;
  readonly rehearsal: Learnt<Rehearsal>;
  /** According to the config. */
  readonly capacity: Capacity;
  /** Maximum pods of the applied autoscaler. */
  readonly podsMax: Learnt<number>;
  /** The account's quota of cores in standard on-demand instances. */
  readonly coresQuota: Learnt<number>;
  readonly drills: Learnt<Drills>;
}

/** Ages above which a region's data is late, in seconds; the alerts have the same limits. */
export interface Limits {
  readonly replicationSeconds: number;
  readonly recordSeconds: number;
  readonly backupSeconds: number;
  readonly restorableSeconds: number;
}

/** How far a region's flows and accounts are replicated. */
export interface ReplicationState {
  /** Seconds since the agent last published all of its region's changes and read all of the others'; absent: never. */
  readonly seconds?: number;
  /** Rows of other regions that are not in this region's database. */
  readonly waiting: number;
  /** LangFlow's tables of which no row is replicated. */
  readonly refused: readonly string[];
  /** Users, teams and roles that were renamed: table and id. */
  readonly renamed: readonly string[];
  /** Deletes of this region that wait for approval, so that the other regions keep the rows: table and count. */
  readonly deletesHeld: readonly string[];
  /** Regions whose bucket the agent of this region cannot write to. */
  readonly unreached: readonly string[];
  /** S3's replication latency to the other regions' buckets, from CloudWatch; absent: unknown. */
  readonly copySeconds?: number;
}

/** Progress of the record in Git, as the recorder reports it. */
export interface RecordState {
  /** Lag of the record behind LangFlow's database; absent: nothing is recorded yet. */
  readonly seconds?: number;
  /** Flows and deletes that are held in the record until a person decides. */
  readonly held: number;
}

/** A region's backups in one bucket. */
export interface BucketBackups {
  /** The region whose bucket it is. */
  readonly bucketOf: string;
  /** The newest backup with a manifest; undefined: none. */
  readonly newest: Learnt<Backup | undefined>;
}

export interface Backup {
  readonly id: string;
  /** Start time, milliseconds since 1970. */
  readonly at: number;
  /** Objects that differ from the manifest, one line each. */
  readonly amiss: readonly string[];
}

/** A test restore: a backup restored into an empty database, counted and dropped. */
export interface Rehearsal {
  readonly id: string;
  readonly seconds: number;
  /** Tables whose row count differs from the manifest, one line each. */
  readonly amiss: readonly string[];
  /** Sentence about the restored rows. */
  readonly said: string;
}

/** A drill, from its summary. */
export interface PastDrill {
  readonly fault: string;
  /** Milliseconds since 1970. */
  readonly ended: number;
  readonly passed: boolean;
  readonly missed: readonly string[];
  readonly detectionSeconds?: number | undefined;
  readonly recoverySeconds?: number | undefined;
}

/** A region's newest drills; absent if there is none. */
export interface Drills {
  readonly newest?: PastDrill | undefined;
  readonly newestPassed?: PastDrill | undefined;
}

export const isKnown = <T>(learnt: Learnt<T>): learnt is { readonly value: T } => "value" in learnt;

/** Returns the value, or undefined if it is unknown. */
export const ifKnown = <T>(learnt: Learnt<T>): T | undefined => (isKnown(learnt) ? learnt.value : undefined);

/** Timeout of one request: a bucket of a lost region may never answer. */
const LOOK_MS = 60_000;

/** Runs one request. An error becomes an unknown value and does not affect other requests. */
export async function learn<T>(look: () => Promise<T>, withinMs = LOOK_MS): Promise<Learnt<T>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = Object.assign(new Error(`no answer within ${withinMs / 1000} s`), { code: "ETIMEDOUT" });
    timer = setTimeout(() => reject(error), withinMs);
  });
  try {
    return { value: await Promise.race([look(), late]) };
  } catch (error) {
    return notLearnt(error);
  } finally {
    clearTimeout(timer);
  }
}

function notLearnt(error: unknown): NotLearnt {
  if (error instanceof NotCheckable) return { unknown: error.message };
  const result = resultOfError(error);
  // A refused request is a warning, which has no exit code.
  const exitCode = result.result === "broken" ? result.exitCode : ExitCode.Unauthenticated;
  return { unknown: result.finding, exitCode };
}
