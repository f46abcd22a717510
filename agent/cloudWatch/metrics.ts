import { Gauge, type Registry } from "prom-client";
import type { Answer } from "./cloudWatch";
import type { Question } from "./questions";

const GAUGES: Readonly<Record<Question["gauge"], { readonly help: string; readonly labels: readonly string[] }>> = {
  replication_latency_seconds: {
    help: "Replication lag of S3, as S3 reports it",
    labels: ["from", "to"],
  },
  replication_pending_operations: { help: "Objects and deletes that S3 has yet to replicate", labels: ["from", "to"] },
  replication_failed_operations: {
    help: "Objects and deletes that S3 failed to replicate within the last hour",
    labels: ["from", "to"],
  },
  database_free_storage_bytes: { help: "Free disk space of the database, as RDS reports it", labels: ["database"] },
  database_connections: {
    help: "Connections to the database by all clients, as RDS reports them",
    labels: ["database"],
  },
  database_cpu_ratio: { help: "Share of the database's CPU in use, as RDS reports it", labels: ["database"] },
};

/** Prometheus metrics of CloudWatch's values, documented in docs/observability.md. A missing value has no series. */
export class CloudWatchMetrics {
  readonly #gauges: ReadonlyMap<string, Gauge>;

  constructor(registry: Registry) {
    this.#gauges = new Map(
      Object.entries(GAUGES).map(([name, { help, labels }]) => [
        name,
        new Gauge({ name: `langflow_dr_${name}`, help, labelNames: labels, registers: [registry] }),
      ]),
    );
  }

  answered(answers: readonly Answer[]): void {
    this.unknown();
    for (const { question, value } of answers)
      if (value !== undefined) this.#gauges.get(question.gauge)?.set({ ...question.labels }, value);
  }

  /** Removes all series, because no value is known any longer. */
  unknown(): void {
    for (const gauge of this.#gauges.values()) gauge.reset();
  }
}
