import type { ProbeState } from "./process/probe";
import type { Observers } from "./tools/installer";

/** One process of the live fleet. */
export interface ProcessStatus {
  /** Absent for what the whole fleet shares. */
  readonly region?: string;
  /** postgres, git, s3, or the container's name. */
  readonly name: string;
  /** The Deployment it belongs to. */
  readonly deployment?: string;
  /** The pod's name. */
  readonly pod?: string;
  /** Where it answers: a Service's address where it has one. */
  readonly url?: string;
  /** `init: NAME` while that init container is at work; `leaving` of a pod that was told to go. */
  readonly state: string;
  readonly ready: boolean;
  readonly pid?: number;
  readonly restarts: number;
  readonly probes: Partial<Record<"startup" | "readiness" | "liveness", ProbeState>>;
  /** What went wrong last, in a line. */
  readonly message?: string;
  readonly log?: string;
  /** What the metrics of a region's agent say. */
  readonly agent?: AgentStatus;
}

/** Failed so often, a process is not waited for any longer; it is tried further. */
const RESTARTS_MAX = 2;

export function isHopeless({ restarts, message }: Pick<ProcessStatus, "restarts" | "message">): boolean {
  return restarts >= RESTARTS_MAX && message !== undefined;
}

export interface AgentStatus {
  /** How far the replication is behind, flows and accounts: what the loss of the region would cost. */
  readonly replicationLagSeconds?: number;
  /** Rows of other regions that are not in this region's database; absent: none. */
  readonly rowsWaiting?: number;
  /** Objects in the region's bucket that its agent cannot read or apply; absent: none. */
  readonly objectsBroken?: number;
  /** LangFlow's tables of which no row is replicated; absent: none. */
  readonly tablesRefused?: readonly string[];
  /** Rows that were deleted in this region alone until a person decides, by table: `flow 500`; absent: none. */
  readonly deletesHeld?: readonly string[];
  /** Users, teams and roles that were renamed, as another region had one of their name: table and id; absent: none. */
  readonly renamed?: readonly string[];
  /** Regions whose bucket takes nothing from this one; absent: all do. */
  readonly bucketsUnreached?: readonly string[];
  /** How far S3's copies of this region's bucket are behind, by region, where CloudWatch is asked. */
  readonly copySeconds?: Readonly<Record<string, number>>;
  /** Whether the region is the recorder; absent: the fleet has no flow repository. */
  readonly isRecorder?: boolean;
  /** What the recorder says of the record in Git; absent in every other region. */
  readonly record?: RecordStatus;
}

/** Of all workspaces together. */
export interface RecordStatus {
  /** Of the one that is furthest behind. */
  readonly lagSeconds?: number;
  /** ISO 8601; of the one that is furthest behind. */
  readonly lastSuccess?: string;
  /** Flows that LangFlow or the Git host refused; each of these is absent where there are none. */
  readonly held?: number;
  /** Flows or files that cannot be read. */
  readonly skipped?: number;
  /** Flows that look as if they held a secret. */
  readonly secretsHeld?: number;
  /** Flows whose delete by a push waits for a person's release. */
  readonly deletesHeld?: number;
}

export interface RegionStatus {
  readonly region: string;
  readonly awsRegion: string;
  /** LangFlow's address. */
  readonly url?: string;
  /** postgresql://127.0.0.1:port, without user and password. */
  readonly database: string;
  /** `lost`: stopped by a fault; `silent`: suspended by one; `impaired`: LangFlow's answers are late, or break off. */
  readonly state: "up" | "lost" | "silent" | "impaired";
  /** Why its processes could not be made of what is applied. */
  readonly message?: string;
}

export interface LiveStatus {
  readonly regions: readonly RegionStatus[];
  readonly processes: readonly ProcessStatus[];
  readonly git: { readonly url: string; readonly directory: string; readonly running: boolean };
  readonly s3: { readonly url: string; readonly running: boolean };
  /** Where the load balancer is played, and the public name it stands for; absent where none is applied. */
  readonly balancer?: { readonly url: string; readonly hostname: string };
  /** Something is being started, replaced or stopped. */
  readonly busy: boolean;
  /** Why the last thing asked for went wrong as a whole. */
  readonly message?: string;
}

/** A pool of the load balancer as it is seen now. */
export interface BalancerPool {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  /** False: switched off, so neither probed nor sent new visitors. */
  readonly enabled: boolean;
  /** Absent before the first probe: then it counts as down. */
  readonly healthy?: boolean;
  /** Verdict by check region, of those that have one. */
  readonly checkRegions: Readonly<Record<string, boolean>>;
  /** Host name that is applied as its origin's address. */
  readonly origin: string;
}

/** The monitor's verdict on a pool changed. */
export interface PoolVerdict {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Our name of its region. */
  readonly pool: string;
  readonly healthy: boolean;
  /** The probe that tipped the scales. */
  readonly reason: string;
}

export interface BalancerStatus {
  /** The public address here. */
  readonly url: string;
  /** The public name it stands for. */
  readonly hostname: string;
  /** off, proximity, random, dynamic_latency or geo. */
  readonly steeringPolicy: string;
  readonly pools: readonly BalancerPool[];
  /** Oldest first, since the supervisor's start; the last thousand. */
  readonly history: readonly PoolVerdict[];
}

/** How the processes are to follow what is applied. */
export interface Following {
  /** What becomes of the preStop hook of pods that go; undefined: as before, at first skip. */
  readonly preStop?: "skip" | "honour" | undefined;
  /** Pods of LangFlow in each region; undefined: as before, at first one. */
  readonly langflowPods?: number | undefined;
  /** Stacks that were applied to the end, where others are still at it; undefined: all, and the load balancer. */
  readonly stacks?: readonly string[] | undefined;
  /** The programs that watch each region; null: none do; undefined: as before. */
  readonly observers?: Observers | null | undefined;
}

/** An alert as Alertmanager tells it. */
export interface NotifiedAlert {
  readonly status: string;
  /** `alertname` among them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** ISO 8601. */
  readonly startsAt: string;
}

/** What an Alertmanager told one of its receivers. */
export interface Notification {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The Alertmanager's. */
  readonly region: string;
  readonly receiver: string;
  /** firing, or resolved where all of its alerts are. */
  readonly status: string;
  readonly alerts: readonly NotifiedAlert[];
}

const HELD = {
  held: "langflow_dr_sync_held",
  skipped: "langflow_dr_sync_skipped",
  secretsHeld: "langflow_dr_sync_secrets_held",
  deletesHeld: "langflow_dr_sync_deletes_held",
} as const;

/** Values of a metric in Prometheus' text format, each with its labels as they are written there. */
function* samplesOf(metrics: string, name: string): Generator<[labels: string, value: number]> {
  for (const [, labels = "", text] of metrics.matchAll(new RegExp(`^${name}(?:\\{([^}]*)\\})? (\\S+)`, "gm"))) {
    const value = Number(text);
    if (Number.isFinite(value)) yield [labels, value];
  }
}

/** What an agent's metrics say of it. */
export function agentStatusOf(metrics: string): AgentStatus {
  const values = (name: string) => [...samplesOf(metrics, name)].map(([, value]) => value);
  const labelled = (name: string, label: RegExp) =>
    [...samplesOf(metrics, name)].flatMap(([labels, value]) => {
      const found = label.exec(labels)?.[1];
      return found === undefined ? [] : [[found, value] as const];
    });
  /** By the region that a series leads to. */
  const leading = (name: string) => labelled(name, /\bto="([^"]+)"/);
  const lags = values("langflow_dr_accounts_lag_seconds");
  const total = (name: string) => values(name).reduce((sum, value) => sum + value, 0);
  const [waiting, broken] = [total("langflow_dr_accounts_waiting"), total("langflow_dr_accounts_broken")];
  const refused = labelled("langflow_dr_accounts_refused", /\btable="([^"]+)"/).map(([table]) => table);
  const deletesHeld = labelled("langflow_dr_accounts_deletes_held", /\btable="([^"]+)"/).map((each) => each.join(" "));
  const renamed = [...samplesOf(metrics, "langflow_dr_accounts_renamed")].map(([labels]) =>
    ["table", "id"].map((label) => new RegExp(`\\b${label}="([^"]+)"`).exec(labels)?.[1]).join(" "),
  );
  const unreached = leading("langflow_dr_accounts_unreached").flatMap(([to, value]) => (value > 0 ? [to] : []));
  const copies = leading("langflow_dr_replication_latency_seconds");
  const recorder = values("langflow_dr_record_recorder");
  const record = recordStatusOf(values);
  return {
    ...(lags.length > 0 && { replicationLagSeconds: Math.max(...lags) }),
    ...(waiting > 0 && { rowsWaiting: waiting }),
    ...(broken > 0 && { objectsBroken: broken }),
    ...(refused.length > 0 && { tablesRefused: refused }),
    ...(deletesHeld.length > 0 && { deletesHeld }),
    ...(renamed.length > 0 && { renamed }),
    ...(unreached.length > 0 && { bucketsUnreached: unreached }),
    ...(copies.length > 0 && { copySeconds: Object.fromEntries(copies) }),
    ...(recorder.length > 0 && { isRecorder: recorder.includes(1) }),
    ...(recorder.includes(1) && { record }),
  };
}

function recordStatusOf(values: (name: string) => number[]): RecordStatus {
  const lags = values("langflow_dr_sync_lag_seconds");
  const times = values("langflow_dr_sync_last_success_timestamp_seconds").filter((time) => time > 0);
  const held = Object.entries(HELD)
    .map(([key, name]) => [key, values(name).reduce((sum, value) => sum + value, 0)] as const)
    .filter(([, sum]) => sum > 0);
  return {
    ...(lags.length > 0 && { lagSeconds: Math.max(...lags) }),
    ...(times.length > 0 && { lastSuccess: new Date(Math.min(...times) * 1000).toISOString() }),
    ...Object.fromEntries(held),
  };
}
