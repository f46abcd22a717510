import type { Alert, RuleGroup } from "../rules";
import { NEAR_LIMIT } from "./langflow";

/** What the rules of the database depend on. */
export interface DatabaseSize {
  /** Connections that it takes; absent where the class of the instance is not known. */
  readonly connectionsMax?: number | undefined;
  /** GiB of its disk at first. */
  readonly databaseStorageGib: number;
}

/** Seconds by which S3 promises to have copied nearly all (S3 replication time control), and drills' RPO of files. */
export const COPY_LAG_SECONDS = 900;
/**
 * Free of the first disk, the share from which on something is wrong: RDS adds to a disk of which a tenth is free for five minutes,
 * unless it has reached its bound, or did so within six hours (RDS user guide, "Managing capacity automatically").
 */
const STORAGE_SHARE = 0.1;
const GIB = 2 ** 30;

/** By how much a region's flow bucket is behind another's. */
export const COPY_LAG = "max by (from, to) (langflow_dr_replication_latency_seconds)";
export const COPIES_FAILED = "max by (from, to) (langflow_dr_replication_failed_operations)";
export const STORAGE_FREE = "min(langflow_dr_database_free_storage_bytes)";
export const CONNECTIONS = "max(langflow_dr_database_connections)";

export function storageLowBytes(databaseStorageGib: number): number {
  return Math.round(STORAGE_SHARE * databaseStorageGib * GIB);
}

/** Connections from which on there is no room for a burst. */
export function manyConnections(connectionsMax: number): number {
  return Math.round(NEAR_LIMIT * connectionsMax);
}

/** What S3 and RDS tell CloudWatch, by the agent's metrics: asked every five minutes, so that each alert waits for a second answer. */
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
