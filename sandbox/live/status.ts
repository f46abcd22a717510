import type { ProbeState } from "./probe";

/** One process of the live fleet. */
export interface ProcessStatus {
  /** Absent for what the whole fleet shares. */
  readonly region?: string;
  /** postgres, git, s3, or the container's name. */
  readonly name: string;
  /** The Deployment it belongs to. */
  readonly deployment?: string;
  /** Where it answers: a Service's address where it has one. */
  readonly url?: string;
  /** `init: NAME` while that init container is at work. */
  readonly state: string;
  readonly ready: boolean;
  readonly pid?: number;
  readonly restarts: number;
  readonly probes: Partial<Record<"startup" | "readiness" | "liveness", ProbeState>>;
  /** What went wrong last, in a line. */
  readonly message?: string;
  readonly log?: string;
  /** What the flow agent's metrics say of how far it is behind. */
  readonly sync?: SyncStatus;
}

export interface SyncStatus {
  readonly lagSeconds?: number;
  /** ISO 8601. */
  readonly lastSuccess?: string;
}

export interface RegionStatus {
  readonly region: string;
  readonly awsRegion: string;
  /** LangFlow's address. */
  readonly url?: string;
  /** postgresql://127.0.0.1:port, without user and password. */
  readonly database: string;
  /** `lost`: stopped by a fault. */
  readonly state: "up" | "lost";
  /** Why its processes could not be made of what is applied. */
  readonly message?: string;
}

export interface LiveStatus {
  readonly regions: readonly RegionStatus[];
  readonly processes: readonly ProcessStatus[];
  readonly git: { readonly url: string; readonly directory: string; readonly running: boolean };
  readonly s3: { readonly url: string; readonly running: boolean };
  /** Something is being started, replaced or stopped. */
  readonly busy: boolean;
  /** Why the last thing asked for went wrong as a whole. */
  readonly message?: string;
}

const LAG = "langflow_dr_sync_lag_seconds";
const LAST_SUCCESS = "langflow_dr_sync_last_success_timestamp_seconds";

/** Reads Prometheus' text format: of several workspaces the one that is furthest behind. */
export function syncOf(metrics: string): SyncStatus {
  const values = (name: string) =>
    [...metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, "gm"))]
      .map(([, value]) => Number(value))
      .filter(Number.isFinite);
  const lags = values(LAG);
  const times = values(LAST_SUCCESS).filter((time) => time > 0);
  return {
    ...(lags.length > 0 && { lagSeconds: Math.max(...lags) }),
    ...(times.length > 0 && { lastSuccess: new Date(Math.min(...times) * 1000).toISOString() }),
  };
}
