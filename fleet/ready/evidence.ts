import type { Capacity } from "../../model/capacity";
import { ExitCode } from "../../model/errors";
import type { MonitorTimes } from "../../model/failover";
import type { Restorable } from "../drill/backend";
import { NotCheckable } from "../examination/finding";
import { verdictOf } from "../examination/verdictOf";
import type { Health } from "../rollout/gate";

/** Something that was learnt, or why it was not: that is never as good as what is known to be good. */
export type Learnt<T> = { readonly value: T } | NotLearnt;

export interface NotLearnt {
  /** The reason, in words. */
  readonly unknown: string;
  /** Of a look that was refused, not answered, or answered in another form; absent where nobody can be asked such a thing. */
  readonly exitCode?: ExitCode;
}

/** All that readiness is judged by, as it was at one moment. */
export interface Evidence {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** In order of preference. */
  readonly regions: readonly RegionEvidence[];
  readonly intended: Intended;
  readonly balancer: Learnt<Balancer>;
  /** The applied one, by which a loss would be noticed. */
  readonly monitor: Learnt<MonitorTimes>;
  /** Resources that a refreshing preview would change. */
  readonly drift: Learnt<readonly string[]>;
}

/** What the program says. */
export interface Intended {
  readonly balancer: Balancer;
  readonly monitor: MonitorTimes;
  /** `repository@digest` of every image that LangFlow's and the agent's pods run. */
  readonly images: readonly string[];
  /** Whether flows are recorded in Git. */
  readonly isRecorded: boolean;
}

/** How users are steered; pools by their regions. */
export interface Balancer {
  readonly enabled: boolean;
  readonly policy: string;
  readonly order: readonly string[];
  readonly fallback: string;
}

export interface RegionEvidence {
  readonly region: string;
  readonly limits: Limits;
  /** Whether its pool, and the origin in it, are switched on. */
  readonly pool: Learnt<{ readonly enabled: boolean; readonly originEnabled: boolean }>;
  readonly health: Learnt<Health>;
  readonly replication: Learnt<ReplicationState>;
  /** Undefined where another region is the recorder. */
  readonly record: Learnt<RecordState | undefined>;
  /** Of every region's bucket, its own among them. */
  readonly backups: readonly BucketBackups[];
  readonly restorable: Learnt<Restorable>;
  readonly rehearsal: Learnt<Rehearsal>;
  /** By the config. */
  readonly capacity: Capacity;
  /** The applied autoscaler's most pods. */
  readonly podsMax: Learnt<number>;
  /** Cores of standard on-demand instances that the account may run. */
  readonly coresQuota: Learnt<number>;
  /** `repository@digest`, or whatever else runs, of every container of LangFlow's and the agent's Deployment. */
  readonly images: Learnt<readonly string[]>;
  /** What is wrong with the images' signatures, a line each. */
  readonly unsigned: Learnt<readonly string[]>;
  readonly certificates: Learnt<readonly Certificate[]>;
  readonly drills: Learnt<Drills>;
}

/** Seconds from which on something of a region is late, as its alerts have them. */
export interface Limits {
  readonly replicationSeconds: number;
  readonly recordSeconds: number;
  readonly backupSeconds: number;
  readonly restorableSeconds: number;
}

/** How far a region's flows and accounts are replicated. */
export interface ReplicationState {
  /** How long ago all changes of the region were published, and all of the others' read; absent: never. */
  readonly seconds?: number;
  /** Rows of other regions that are not in this region's database. */
  readonly waiting: number;
  /** LangFlow's tables of which no row is replicated. */
  readonly refused: readonly string[];
  /** Users, teams and roles that were renamed: table and id. */
  readonly renamed: readonly string[];
  /** Rows that this region deleted and the others keep until a person decides: table and number. */
  readonly deletesHeld: readonly string[];
  /** Regions whose bucket takes nothing of this one's. */
  readonly unreached: readonly string[];
  /** How long an object takes into another region's bucket, by CloudWatch; absent: nobody says. */
  readonly copySeconds?: number;
}

/** How far the record in Git is, as the recorder says. */
export interface RecordState {
  /** How far it is behind what LangFlow holds; absent: nothing is recorded yet. */
  readonly seconds?: number;
  /** Flows and deletes that are held in the record until a person decides. */
  readonly held: number;
}

/** What one bucket holds of a region's backups. */
export interface BucketBackups {
  /** The region whose bucket it is. */
  readonly bucketOf: string;
  /** The newest with a manifest; undefined: none. */
  readonly newest: Learnt<Backup | undefined>;
}

export interface Backup {
  readonly id: string;
  /** When it was begun, milliseconds since 1970. */
  readonly at: number;
  /** Where objects are not as the manifest has them, a line each. */
  readonly amiss: readonly string[];
}

/** A backup that was restored into an empty database, counted and dropped. */
export interface Rehearsal {
  readonly id: string;
  readonly seconds: number;
  /** Rows that are not as many as the manifest says, a line each. */
  readonly amiss: readonly string[];
  /** In words what was restored. */
  readonly said: string;
}

export interface Certificate {
  readonly name: string;
  /** ACM's word, `ISSUED` where it is in force. */
  readonly status: string;
  /** Milliseconds since 1970; absent: it has no end yet. */
  readonly endsAt?: number;
}

/** A drill as its summary tells it. */
export interface PastDrill {
  readonly fault: string;
  /** Milliseconds since 1970. */
  readonly ended: number;
  readonly passed: boolean;
  readonly missed: readonly string[];
  readonly detectionSeconds?: number | undefined;
  readonly recoverySeconds?: number | undefined;
}

/** A region's drills; each absent where there is none. */
export interface Drills {
  readonly newest?: PastDrill | undefined;
  readonly newestPassed?: PastDrill | undefined;
}

export const isKnown = <T>(learnt: Learnt<T>): learnt is { readonly value: T } => "value" in learnt;

/** The value, or undefined where it was not learnt. */
export const ifKnown = <T>(learnt: Learnt<T>): T | undefined => (isKnown(learnt) ? learnt.value : undefined);

/** One look takes no longer: a bucket of a region that is gone never answers. */
const LOOK_MS = 60_000;

/** What a look learns; an error in it is its own and nobody else's. */
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
  const verdict = verdictOf(error);
  // A look that we were refused is a warning, without an exit code of its own.
  const exitCode = verdict.result === "broken" ? verdict.exitCode : ExitCode.Unauthenticated;
  return { unknown: verdict.finding, exitCode };
}
