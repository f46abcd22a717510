/** What becomes of the users of the region's side. */
type Users =
  /** None of them is to notice. */
  | "unaware"
  /** They are steered away, and what fails until then is asked again elsewhere at once. */
  | "retried"
  /** They are steered away once the monitor has seen it, and not before. */
  | "waiting"
  /** A share of their requests fails for as long as it lasts: the monitor sees that by chance. */
  | "failing"
  /** What needs it fails until it is over, which may be before the monitor has seen it; then all is well without anybody's doing. */
  | "interrupted"
  /** So it is for those whom the load balancer sends there. */
  | "halved";

interface Kind {
  readonly users: Users;
  /** The load balancer's API is away with it, so that nobody knows what the monitor has seen. */
  readonly isUnseen?: boolean;
  /** The others live on meanwhile, and what it brings back from before is looked at. */
  readonly isStale?: boolean;
  /** It needs a standby of the database, on the clouds. */
  readonly needsStandby?: boolean;
  /** Copies of files wait for its end. */
  readonly holdsCopies?: boolean;
  /** The Git host is away: the record stands still, and flows are replicated all the same. */
  readonly stopsRecord?: boolean;
  /** Nothing that needs room can be saved, until it is over. */
  readonly stopsSaves?: boolean;
  /** The region's clock is ahead. */
  readonly isAhead?: boolean;
  /** Why it is no fault for the clouds, and what comes nearest to it there. */
  readonly notOnClouds?: { readonly because: string; readonly nearest: string };
}

/**
 * FIS injects faults into a pod by a container within it, which needs root and a root file system that can be written, and whose
 * image is Amazon's (AWS FIS, "Use the aws:eks:pod actions", limitations). `model/podSecurity.ts` and `ImageAdmissionPolicy` are against all three.
 */
const NO_FIS = {
  because:
    "AWS FIS would run a container of its own, as root, within LangFlow's pods, which admit neither root nor another registry's image",
  nearest: "silent",
};

/**
 * RDS adds to a disk that fills (Amazon RDS User Guide, "Managing capacity automatically with Amazon RDS storage autoscaling"), and what was
 * added stays (the same, "Increasing DB instance storage capacity"). A full instance may take no connections either (AWS re:Post, "How do I
 * resolve problems that occur when Amazon RDS DB instances run out of storage?"): that is what `database` shows.
 */
const NO_FILLING = {
  because:
    "no experiment of AWS fills a database's disk; one that was filled with data has grown up to `database.maxStorageGib`, and RDS never makes it smaller again",
  nearest: "database",
};

/** EKS Auto Mode's nodes take no login and run nobody's privileged pods (Amazon EKS User Guide, "Learn about Amazon EKS Auto Mode managed instances"). */
const NO_CLOCK = {
  because: "the clock is the node's, EKS Auto Mode lets nobody set it, and no experiment of AWS does",
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
  partition: { users: "unaware" },
} as const satisfies Readonly<Record<string, Kind>>;

/** What a drill can take away. */
export type Fault = keyof typeof TABLE;
export const FAULTS = Object.keys(TABLE) as readonly Fault[];
/** What is expected of each. */
export const KINDS: Readonly<Record<Fault, Kind>> = TABLE;

/** Those that there is a way for on the clouds. */
export type CloudFault = { [F in Fault]: (typeof TABLE)[F] extends { notOnClouds: object } ? never : F }[Fault];
export const isCloudFault = (fault: Fault): fault is CloudFault => KINDS[fault].notOnClouds === undefined;

/** Whether users are meant to be steered away from the region. */
export const isOutage = (fault: Fault): boolean => ["retried", "waiting"].includes(KINDS[fault].users);

/** How late each answer of a slow region is: no monitor waits so long (`monitor.timeoutSeconds`), Cloudflare does. */
export const LATE_SECONDS = 20;
/** How far a clock is ahead: a session lasts longer, and S3 refuses what was signed a quarter of an hour from its own time. */
export const AHEAD_SECONDS = 600;
/**
 * How long what ends by itself is given for it. A database is away until its standby has taken over: RDS takes 60 to 120 seconds as a
 * rule (Amazon RDS User Guide, "Failing over a Multi-AZ DB instance"), and the shorter is the one that a monitor may miss.
 */
export const HELD_SECONDS = 60;
/**
 * Until a region's load balancer has found a dead pod: two health checks, ten seconds apart (`components/langflow/PublicEntrance.ts`).
 */
export const DEAD_POD_SECONDS = 20;
/** The share of a flaky region's requests that break off. */
export const BROKEN_SHARE = 0.5;
