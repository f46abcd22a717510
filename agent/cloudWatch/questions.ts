import type { MetricDataQuery } from "@aws-sdk/client-cloudwatch";
import type { CloudWatchNames } from "../../formats/environment";

/**
 * Period of one value, in seconds. RDS and S3 publish every minute, but AWS charges by the number of queried metrics.
 */
const PERIOD_SECONDS = 300;

/** Aggregation of a metric's values: the newest one, or the sum over the queried time span. */
export type Reading = "newest" | "sum";

export interface Question {
  /** Name of the gauge, without the prefix. */
  readonly gauge:
    | "replication_latency_seconds"
    | "replication_pending_operations"
    | "replication_failed_operations"
    | "database_free_storage_bytes"
    | "database_connections"
    | "database_cpu_ratio";
  readonly labels: Readonly<Record<string, string>>;
  readonly reading: Reading;
  /** Factor that converts a value to the gauge's unit. Default: 1. */
  readonly factor?: number;
  readonly namespace: "AWS/S3" | "AWS/RDS";
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: "Maximum" | "Minimum" | "Average" | "Sum";
}

/**
 * Returns the metrics that a region queries in its own AWS region. It queries no other AWS region, which might be down.
 * S3 publishes replication latency and pending operations in the destination's AWS region (S3 user guide, "Using S3
 * Replication metrics"), so a region sees the data that it would lack if the source failed now. For failed operations,
 * each region queries the rules from and to itself. A rule unknown in this AWS region has no values.
 *
 * RDS has no metric for the copies of backups in a different AWS region. `prove` and drills query RDS directly.
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

/** Converts a question to a query for GetMetricData, with its index as id. */
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

/** Returns an id that starts with a lowercase letter, as CloudWatch requires. */
export const idOf = (place: number): string => `q${place}`;
