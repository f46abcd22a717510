import { Gauge, type Registry } from "prom-client";
import { RoundMetrics } from "../roundMetrics";
import type { Standing } from "./keeper";

/** What a round ends with. */
export type RoundResult = "success" | "witness-unreachable" | "database-unreachable" | "failed";

/** Prometheus metrics of schedules; names in docs/schedules.md. */
export class SchedulesMetrics {
  readonly #rounds: RoundMetrics<RoundResult>;
  readonly #held: Gauge<string>;
  readonly #generation: Gauge<string>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#rounds = new RoundMetrics(
      registry,
      { name: "langflow_dr_schedules_rounds_total", help: "Looks at who holds the schedules, by result" },
      { name: "langflow_dr_schedules_lag_seconds", help: "Time since this region last knew who holds the schedules" },
    );
    this.#held = new Gauge({
      name: "langflow_dr_schedules_held",
      help: "1 where this region holds the schedules: one region of the fleet does",
      registers,
    });
    this.#generation = new Gauge({
      name: "langflow_dr_schedules_generation",
      help: "Greater each time the schedules change hands",
      registers,
    });
  }

  succeeded({ isHolder, generation }: Standing): void {
    this.#rounds.succeeded(Date.now());
    this.#held.set(isHolder ? 1 : 0);
    this.#generation.set(generation);
  }

  failed(result: RoundResult): void {
    this.#rounds.failed(result);
  }
}
