/** Expected impact of a fault on the users of the region's side. */
type Users =
  /** Users do not notice the fault. */
  | "unaware"
  /** Users are steered away. Requests that fail before that are retried in a different region at once. */
  | "retried"
  /** Users are steered away only once the monitor has detected the fault. */
  | "waiting"
  /** A share of the requests fails as long as the fault lasts. The monitor detects it by chance. */
  | "failing"
  /** Requests fail until the fault heals by itself, possibly before the monitor detects it. */
  | "interrupted"
  /** Like "interrupted", but only for users whom the load balancer sends to the broken pod. */
  | "halved";

interface Kind {
  readonly users: Users;
  /** The load balancer's API is down too, so the monitor's verdict cannot be read. */
  readonly isUnseen?: boolean;
  /** The other regions change data during the fault, and the drill checks what the region brings back. */
  readonly isStale?: boolean;
  /** On the clouds, the fault needs a standby of the database. */
  readonly needsStandby?: boolean;
  /** Copies of files wait until the fault ends. */
  readonly holdsCopies?: boolean;
  /** The Git host is down: the Git record is not updated, but flows still replicate. */
  readonly stopsRecord?: boolean;
  /** Saves that need disk space fail until the fault ends. */
  readonly stopsSaves?: boolean;
  /** The region cannot read the witness, so it resumes no waiting run until the fault ends. */
  readonly stopsTakeOvers?: boolean;
  /** The region's clock is ahead. */
  readonly isAhead?: boolean;
  /** Why the clouds do not support the fault, and the closest fault that they support. */
  readonly notOnClouds?: { readonly because: string; readonly nearest: string };
}

/**
 * Reason why AWS FIS cannot inject faults into our pods. FIS does so from a container inside the pod, which needs root,
 * a writable root file system and Amazon's image (AWS FIS, "Use the aws:eks:pod actions", limitations).
 * `model/podSecurity.ts` and `ImageAdmissionPolicy` forbid all three.
 */
const NO_FIS = {
  because:
    "AWS FIS would add its own container to LangFlow's pods, as root and from a foreign registry, and the cluster rejects both",
  nearest: "silent",
};

/**
 * Reason why the drill does not fill an RDS disk. RDS grows a disk that fills up (Amazon RDS User Guide, "Managing
 * capacity automatically with Amazon RDS storage autoscaling") and never shrinks it (same guide, "Increasing DB
 * instance storage capacity"). A full instance may also reject connections (AWS re:Post, "How do I resolve problems
 * that occur when Amazon RDS DB instances run out of storage?"), which the fault `database` covers.
 */
const NO_FILLING = {
  because:
    "AWS FIS has no experiment that fills a database's disk; filling it with data would make it grow up to `database.maxStorageGib`, and RDS cannot shrink it",
  nearest: "database",
};

/**
 * Reason why the drill cannot change a cloud clock: EKS Auto Mode's nodes allow neither logins nor privileged pods
 * (Amazon EKS User Guide, "Learn about Amazon EKS Auto Mode managed instances").
 */
const NO_CLOCK = {
  because: "pods use the node's clock, which nobody can set on EKS Auto Mode, and AWS FIS has no experiment for it",
  nearest: "partition",
};

const TABLE = {
  pool: { users: "unaware" },
  half: { users: "halved" },
  service: { users: "retried" },
  region: { users: "retried" },
  silent: { users: "waiting" },
  "stale-return": { users: "waiting", isStale: true },
  slow: { users: "waiting", notOnClouds: NO_FIS },
  flaky: { users: "failing", notOnClouds: NO_FIS },
  "edge-api": { users: "waiting", isUnseen: true },
  database: { users: "waiting" },
  "database-failover": { users: "interrupted", needsStandby: true },
  "disk-full": { users: "interrupted", stopsSaves: true, notOnClouds: NO_FILLING },
  zone: { users: "interrupted", needsStandby: true },
  "replication-paused": { users: "unaware", holdsCopies: true },
  clock: { users: "unaware", isAhead: true, notOnClouds: NO_CLOCK },
  git: { users: "unaware", stopsRecord: true },
  "region+git": { users: "retried", stopsRecord: true },
  partition: { users: "unaware", stopsTakeOvers: true },
} as const satisfies Readonly<Record<string, Kind>>;

/** Faults that a drill can inject. */
export type Fault = keyof typeof TABLE;
export const FAULTS = Object.keys(TABLE) as readonly Fault[];
/** Expected behavior of each fault. */
export const KINDS: Readonly<Record<Fault, Kind>> = TABLE;

/** Faults that can be injected on the clouds. */
export type CloudFault = { [F in Fault]: (typeof TABLE)[F] extends { notOnClouds: object } ? never : F }[Fault];
export const isCloudFault = (fault: Fault): fault is CloudFault => KINDS[fault].notOnClouds === undefined;

/** Returns whether the fault should steer users away from the region. */
export const isOutage = (fault: Fault): boolean => ["retried", "waiting"].includes(KINDS[fault].users);

/**
 * Delay of each response of a slow region, in seconds. It exceeds the monitor's timeout (`monitor.timeoutSeconds`) but
 * not Cloudflare's.
 */
export const LATE_SECONDS = 20;
/**
 * How far a clock is ahead, in seconds. Sessions live longer than that, and S3 rejects signatures only beyond 15
 * minutes of clock skew.
 */
export const AHEAD_SECONDS = 600;
/**
 * How long a self-healing fault is held, in seconds. A database failover usually takes 60 to 120 seconds (Amazon RDS
 * User Guide, "Failing over a Multi-AZ DB instance"). The lower bound is the case that a monitor may miss.
 */
export const HELD_SECONDS = 60;
/**
 * Seconds until a region's load balancer detects a dead pod: two health checks, 10 seconds apart
 * (`components/langflow/PublicEntrance.ts`).
 */
export const DEAD_POD_SECONDS = 20;
/** Share of a flaky region's requests whose connection breaks. */
export const BROKEN_SHARE = 0.5;
