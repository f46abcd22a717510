import type { Registry } from "prom-client";
import { RegisteredMetrics } from "../process/registeredMetrics";

/** Prometheus metrics of the region's newest backup. */
export class BackupMetrics extends RegisteredMetrics {
  #newest: { finishedAt: number; bytes: number } | undefined;

  /**
   * @param region our name of the region. As a label, it makes the series absent, rather than zero, if there is no
   *   backup.
   */
  constructor(registry: Registry, region: string) {
    super(registry);
    this.gauge("langflow_dr_backup_age_seconds", "Age of the region's newest backup", ["region"], (gauge) => {
      if (this.#newest) gauge.set({ region }, (Date.now() - this.#newest.finishedAt) / 1000);
    });
    this.gauge("langflow_dr_backup_size_bytes", "Size of the region's newest backup", ["region"], (gauge) => {
      if (this.#newest) gauge.set({ region }, this.#newest.bytes);
    });
  }

  /** @param finishedAt time at which the newest backup was complete, in milliseconds */
  found(finishedAt: number, bytes: number): void {
    this.#newest = { finishedAt, bytes };
  }
}
