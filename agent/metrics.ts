import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** What a cycle ends with. */
export type CycleResult = "success" | "raced" | "git-unreachable" | "langflow-unreachable" | "failed";

/** The agent's Prometheus metrics; names in docs/operations.md. */
export class Metrics {
  readonly registry = new Registry();
  readonly #lastSuccess = new Map<string, number>();
  readonly #began = Date.now();

  readonly cycles = this.counter("langflow_dr_sync_cycles_total", "Sync cycles by result", ["workspace", "result"]);
  readonly conflicts = this.counter("langflow_dr_sync_conflicts_total", "Conflicts settled, by kind", [
    "workspace",
    "kind",
  ]);
  readonly imported = this.counter("langflow_dr_sync_imported_total", "Flows written to LangFlow", ["workspace"]);
  readonly exported = this.counter("langflow_dr_sync_exported_total", "Flows written to Git", ["workspace"]);
  readonly flows = this.gauge("langflow_dr_sync_flows", "Flows in Git", ["workspace"]);
  readonly skipped = this.gauge("langflow_dr_sync_skipped", "Files and flows left out because they cannot be read", [
    "workspace",
  ]);
  readonly held = this.gauge("langflow_dr_sync_held", "Flows that LangFlow did not take in the last cycle", [
    "workspace",
  ]);
  readonly backupAge = this.gauge("langflow_dr_backup_age_seconds", "Age of the region's newest backup", []);
  readonly backupSize = this.gauge("langflow_dr_backup_size_bytes", "Size of the region's newest backup", []);
  readonly duration = new Histogram({
    name: "langflow_dr_sync_duration_seconds",
    help: "Time of a successful cycle",
    labelNames: ["workspace"],
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
    registers: [this.registry],
  });

  constructor(workspaces: readonly string[]) {
    collectDefaultMetrics({ register: this.registry });
    const lag = (workspace: string): number => (Date.now() - (this.#lastSuccess.get(workspace) ?? this.#began)) / 1000;
    const last = this.#lastSuccess;
    new Gauge({
      name: "langflow_dr_sync_lag_seconds",
      help: "Time since both sides were last known to hold the same: what the loss of the region now would cost",
      labelNames: ["workspace"],
      registers: [this.registry],
      collect() {
        for (const workspace of workspaces) this.set({ workspace }, lag(workspace));
      },
    });
    new Gauge({
      name: "langflow_dr_sync_last_success_timestamp_seconds",
      help: "When both sides were last known to hold the same",
      labelNames: ["workspace"],
      registers: [this.registry],
      collect() {
        for (const [workspace, at] of last) this.set({ workspace }, at / 1000);
      },
    });
  }

  /** @param seenAt milliseconds: when the sides were looked at; an edit after that is not in it yet */
  succeeded(workspace: string, seenAt: number): void {
    this.#lastSuccess.set(workspace, seenAt);
  }

  private counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}
