import type { ProbeState } from "./process/probe";
import type { Observers } from "./tools/installer";

/** Status of one process of the live fleet. */
export interface ProcessStatus {
  /** Region of the process. Absent for processes that all regions share. */
  readonly region?: string;
  /** postgres, git, s3, or the container's name. */
  readonly name: string;
  /** Name of the process's Deployment. */
  readonly deployment?: string;
  /** Name of the process's pod. */
  readonly pod?: string;
  /** URL of the process: its Service's address if a Service exists. */
  readonly url?: string;
  /** State of the process. `init: NAME` while that init container runs; `leaving` if its pod is terminating. */
  readonly state: string;
  readonly ready: boolean;
  readonly pid?: number;
  readonly restarts: number;
  readonly probes: Partial<Record<"startup" | "readiness" | "liveness", ProbeState>>;
  /** Last error, in one line. */
  readonly message?: string;
  readonly log?: string;
  /** Status of the region's agent, according to its metrics. */
  readonly agent?: AgentStatus;
}

/** Number of restarts after which callers stop waiting for a process. Restarts continue. */
const RESTARTS_MAX = 2;

export function isHopeless({ restarts, message }: Pick<ProcessStatus, "restarts" | "message">): boolean {
  return restarts >= RESTARTS_MAX && message !== undefined;
}

export interface AgentStatus {
  /** Replication lag of flows and accounts, which is the amount of data lost if the region is lost. */
  readonly replicationLagSeconds?: number;
  /** Number of other regions' rows that are missing from this region's database. Absent: none. */
  readonly rowsWaiting?: number;
  /** Number of objects in the region's bucket that its agent cannot read or apply. Absent: none. */
  readonly objectsBroken?: number;
  /** LangFlow tables that are not replicated at all. Absent: none. */
  readonly tablesRefused?: readonly string[];
  /** Deletes that stay in this region until an operator releases them, by table: `flow 500`. Absent: none. */
  readonly deletesHeld?: readonly string[];
  /**
   * Users, teams and roles that were renamed because a different region used the same name: table and id. Absent: none.
   */
  readonly renamed?: readonly string[];
  /** Regions whose bucket receives no replicated objects from this one. Absent: none. */
  readonly bucketsUnreached?: readonly string[];
  /** Replication latency of this region's bucket by destination region, if CloudWatch is queried. */
  readonly copySeconds?: Readonly<Record<string, number>>;
  /** Whether the region is the recorder. Absent: the fleet has no flow repository. */
  readonly isRecorder?: boolean;
  /** Status of the record in Git, reported by the recorder. Absent in every other region. */
  readonly record?: RecordStatus;
}

/** Totals over all workspaces. */
export interface RecordStatus {
  /** Lag of the workspace that is furthest behind. */
  readonly lagSeconds?: number;
  /** Last success of the workspace that is furthest behind, in ISO 8601. */
  readonly lastSuccess?: string;
  /**
   * Number of flows that LangFlow or the Git host rejected. This and the following numbers are absent if they are 0.
   */
  readonly held?: number;
  /** Number of unreadable flows or files. */
  readonly skipped?: number;
  /** Number of flows that are held because they appear to contain a secret. */
  readonly secretsHeld?: number;
  /** Number of flows whose delete by a push waits for an operator's release. */
  readonly deletesHeld?: number;
}

export interface RegionStatus {
  readonly region: string;
  readonly awsRegion: string;
  /** URL of LangFlow. */
  readonly url?: string;
  /** postgresql://127.0.0.1:port, without user and password. */
  readonly database: string;
  /**
   * State of the region. `lost`: a fault stopped it; `silent`: a fault suspended it; `impaired`: LangFlow's responses
   * are delayed or its connections reset.
   */
  readonly state: "up" | "lost" | "silent" | "impaired";
  /** Why its processes do not match the applied resources. */
  readonly message?: string;
}

export interface LiveStatus {
  readonly regions: readonly RegionStatus[];
  readonly processes: readonly ProcessStatus[];
  readonly git: { readonly url: string; readonly directory: string; readonly running: boolean };
  readonly s3: { readonly url: string; readonly running: boolean };
  /** Local URL of the load balancer, and its public hostname. Absent if no load balancer is applied. */
  readonly balancer?: { readonly url: string; readonly hostname: string };
  /** Whether a process is being started, replaced or stopped. */
  readonly busy: boolean;
  /** Error of the last request, if it failed as a whole. */
  readonly message?: string;
}

/** Current state of a pool of the load balancer. */
export interface BalancerPool {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  /** Whether the pool is enabled. A disabled pool is not probed and gets no new visitors. */
  readonly enabled: boolean;
  /** Absent before the first probe; the pool then counts as down. */
  readonly healthy?: boolean;
  /** Verdicts by check region, without check regions that have none yet. */
  readonly checkRegions: Readonly<Record<string, boolean>>;
  /** Hostname of the pool's origin, as applied. */
  readonly origin: string;
}

/** A change of the monitor's verdict on a pool. */
export interface PoolVerdict {
  /** Time of the change, in milliseconds since 1970. */
  readonly at: number;
  /** Our name of the pool's region. */
  readonly pool: string;
  readonly healthy: boolean;
  /** Result of the probe that changed the verdict. */
  readonly reason: string;
}

export interface BalancerStatus {
  /** Local URL of the public address. */
  readonly url: string;
  /** Public hostname of the load balancer. */
  readonly hostname: string;
  /** off, proximity, random, dynamic_latency or geo. */
  readonly steeringPolicy: string;
  readonly pools: readonly BalancerPool[];
  /** The last thousand changes since the supervisor started, oldest first. */
  readonly history: readonly PoolVerdict[];
}

/** Settings for following the applied resources. */
export interface Following {
  /** Whether terminating pods run their preStop hook. Undefined: unchanged, initially skip. */
  readonly preStop?: "skip" | "honour" | undefined;
  /** Number of LangFlow pods in each region. Undefined: unchanged, initially one. */
  readonly langflowPods?: number | undefined;
  /**
   * Stacks that are completely applied while others are still being applied. Undefined: all stacks and the load
   * balancer.
   */
  readonly stacks?: readonly string[] | undefined;
  /** Monitoring programs of each region. null: none run; undefined: unchanged. */
  readonly observers?: Observers | null | undefined;
}

/** An alert in Alertmanager's notification format. */
export interface NotifiedAlert {
  readonly status: string;
  /** Labels of the alert, including `alertname`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Start of the alert, in ISO 8601. */
  readonly startsAt: string;
}

/** A notification from an Alertmanager to one of its receivers. */
export interface Notification {
  /** Time of receipt, in milliseconds since 1970. */
  readonly at: number;
  /** Region of the Alertmanager. */
  readonly region: string;
  readonly receiver: string;
  /** `firing`, or `resolved` if all alerts of the notification are resolved. */
  readonly status: string;
  readonly alerts: readonly NotifiedAlert[];
}

const HELD = {
  held: "langflow_dr_sync_held",
  skipped: "langflow_dr_sync_skipped",
  secretsHeld: "langflow_dr_sync_secrets_held",
  deletesHeld: "langflow_dr_sync_deletes_held",
} as const;

/** Yields the samples of a metric in Prometheus' text format, each with its labels in that format. */
function* samplesOf(metrics: string, name: string): Generator<[labels: string, value: number]> {
  for (const [, labels = "", text] of metrics.matchAll(new RegExp(`^${name}(?:\\{([^}]*)\\})? (\\S+)`, "gm"))) {
    const value = Number(text);
    if (Number.isFinite(value)) yield [labels, value];
  }
}

/** Derives an agent's status from its metrics. */
export function agentStatusOf(metrics: string): AgentStatus {
  const values = (name: string) => [...samplesOf(metrics, name)].map(([, value]) => value);
  const labelled = (name: string, label: RegExp) =>
    [...samplesOf(metrics, name)].flatMap(([labels, value]) => {
      const found = label.exec(labels)?.[1];
      return found === undefined ? [] : [[found, value] as const];
    });
  /** Returns values by the destination region of their series. */
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
