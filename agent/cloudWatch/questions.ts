import type { MetricDataQuery } from "@aws-sdk/client-cloudwatch";
import type { CloudWatchNames } from "../process/config";

/** Seconds that one value stands for: RDS and S3 tell each minute, and what is asked for is paid by the number of questions. */
const PERIOD_SECONDS = 300;

/** What becomes of the values: the newest one, or all of the time that is looked at, added up. */
export type Reading = "newest" | "sum";

export interface Question {
  /** Of the gauge, without the prefix. */
  readonly gauge:
    | "replication_latency_seconds"
    | "replication_pending_operations"
    | "replication_failed_operations"
    | "database_free_storage_bytes"
    | "database_connections"
    | "database_cpu_ratio";
  readonly labels: Readonly<Record<string, string>>;
  readonly reading: Reading;
  /** By which a value is multiplied to have the gauge's unit. Default 1. */
  readonly factor?: number;
  readonly namespace: "AWS/S3" | "AWS/RDS";
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: "Maximum" | "Minimum" | "Average" | "Sum";
}

/**
 * What a region asks of CloudWatch in its own AWS region, and of no other, which may be dead. S3 publishes how far the copy is behind,
 * and what waits, where the copies go to (S3 user guide, "Using S3 Replication metrics"): so a region sees what it would lack if the
 * other one died now. Where failures are published is asked in both, since each region asks for the rules that lead to it and from it;
 * nothing is told of a rule that is not known in this AWS region.
 *
 * Of the copy of RDS' backups in the other AWS region there is no metric: `prove` and drills ask RDS itself.
 *
 * @param region our name of the region
 */
export function questionsOf({ database, replications }: CloudWatchNames, region: string): Question[] {
  return [...replications.flatMap((each) => ofReplication(each, region)), ...ofDatabase(database)];
}

function ofReplication(
  { from, to, source, destination, rule }: CloudWatchNames["replications"][number],
  region: string,
): Question[] {
  const about = {
    labels: { from, to },
    namespace: "AWS/S3",
    dimensions: { SourceBucket: source, DestinationBucket: destination, RuleId: rule },
  } as const;
  const failed: Question = {
    ...about,
    gauge: "replication_failed_operations",
    metric: "OperationsFailedReplication",
    statistic: "Sum",
    reading: "sum",
  };
  if (to !== region) return [failed];
  const newest = { ...about, statistic: "Maximum", reading: "newest" } as const;
  return [
    { ...newest, gauge: "replication_latency_seconds", metric: "ReplicationLatency" },
    { ...newest, gauge: "replication_pending_operations", metric: "OperationsPendingReplication" },
    failed,
  ];
}

function ofDatabase(database: string): Question[] {
  const about = {
    labels: { database },
    namespace: "AWS/RDS",
    dimensions: { DBInstanceIdentifier: database },
    reading: "newest",
  } as const;
  return [
    { ...about, gauge: "database_free_storage_bytes", metric: "FreeStorageSpace", statistic: "Minimum" },
    { ...about, gauge: "database_connections", metric: "DatabaseConnections", statistic: "Maximum" },
    { ...about, gauge: "database_cpu_ratio", metric: "CPUUtilization", statistic: "Average", factor: 0.01 },
  ];
}

/** A question as GetMetricData takes it; its id is its place. */
export function queryOf({ namespace, metric, dimensions, statistic }: Question, place: number): MetricDataQuery {
  return {
    Id: idOf(place),
    MetricStat: {
      Metric: {
        Namespace: namespace,
        MetricName: metric,
        Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
      },
      Period: PERIOD_SECONDS,
      Stat: statistic,
    },
  };
}

/** Begins with a small letter, as CloudWatch asks. */
export const idOf = (place: number): string => `q${place}`;
