import type { Alert, RuleGroup } from "../rules";
import { NEAR_LIMIT } from "./langflow";

/** Database settings that the rules depend on. */
export interface DatabaseSize {
  /** Maximum number of connections. Absent if it is not known for the instance class. */
  readonly connectionsMax?: number | undefined;
  /** Initial disk size, in GiB. */
  readonly databaseStorageGib: number;
}

/**
 * Time in which S3 replicates nearly all objects (S3 replication time control), which is also the drills' RPO for
 * files.
 */
export const COPY_LAG_SECONDS = 900;
/**
 * Share of the initial disk below which free space indicates a problem. RDS extends a disk that has had less than a
 * tenth free for five minutes, unless it has reached its maximum size or was extended within the last six hours (RDS
 * user guide, "Managing capacity automatically").
 */
const STORAGE_SHARE = 0.1;
const GIB = 2 ** 30;

/** Replication latency between two regions' flow buckets. */
export const COPY_LAG = "max by (from, to) (langflow_dr_replication_latency_seconds)";
export const COPIES_FAILED = "max by (from, to) (langflow_dr_replication_failed_operations)";
export const STORAGE_FREE = "min(langflow_dr_database_free_storage_bytes)";
export const CONNECTIONS = "max(langflow_dr_database_connections)";

export function storageLowBytes(databaseStorageGib: number): number {
  return Math.round(STORAGE_SHARE * databaseStorageGib * GIB);
}

/** Number of connections above which there is no room for a burst. */
export function manyConnections(connectionsMax: number): number {
  return Math.round(NEAR_LIMIT * connectionsMax);
}

/**
 * Returns the rules about S3's and RDS' CloudWatch metrics, which the agent exports. The agent reads them every five
 * minutes, so each alert waits for a second value.
 */
export function cloudRules({ connectionsMax, databaseStorageGib }: DatabaseSize): RuleGroup {
  const connections: Alert[] =
    connectionsMax === undefined
      ? []
      : [
          {
            name: "DatabaseConnectionsTaken",
            severity: "warning",
            expr: `${CONNECTIONS} > ${manyConnections(connectionsMax)}`,
            forSeconds: 600,
            summary: `{{ $value }} of the ${connectionsMax} database connections are in use`,
          },
        ];
  return {
    name: "clouds",
    intervalSeconds: 60,
    alerts: [
      {
        name: "ReplicationBehind",
        severity: "critical",
        expr: `${COPY_LAG} > ${COPY_LAG_SECONDS}`,
        forSeconds: 360,
        summary:
          "S3's copy of {{ $labels.from }} in {{ $labels.to }} is {{ $value | humanizeDuration }} behind; losing {{ $labels.from }} loses the files uploaded since",
      },
      {
        name: "ReplicationFailed",
        severity: "warning",
        expr: `${COPIES_FAILED} > 0`,
        summary:
          "S3 failed to replicate {{ $value }} objects from {{ $labels.from }} to {{ $labels.to }} within an hour and will not retry them",
      },
      {
        name: "DatabaseStorageFilling",
        severity: "critical",
        expr: `${STORAGE_FREE} < ${storageLowBytes(databaseStorageGib)}`,
        forSeconds: 1_800,
        summary: "{{ $value | humanize1024 }}B of the database's disk are free, and RDS has not extended it",
      },
      ...connections,
    ],
  };
}
