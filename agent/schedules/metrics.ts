import type { Registry } from "prom-client";
import { RoundMetrics } from "../rounds/roundMetrics";
import type { Standing } from "./keeper";

/** Result of a round. */
type RoundResult = "success" | "witness-unreachable" | "database-unreachable" | "failed";

/** Prometheus metrics of the schedules, documented in docs/schedules.md. */
export class SchedulesMetrics extends RoundMetrics<RoundResult> {
  readonly #held = this.gauge("held", "1 if this region holds the schedules; one region of the fleet does");
  readonly #generation = this.gauge("generation", "Increases each time a different region takes the schedules");

  constructor(registry: Registry) {
    super(registry, "schedules", {
      rounds: "Rounds that renew or check the lease of the schedules, by result",
      lag: "Time since this region last knew which region holds the schedules",
    });
  }

  succeeded({ isHolder, generation }: Standing): void {
    this.succeededAt(Date.now());
    this.#held.set(isHolder ? 1 : 0);
    this.#generation.set(generation);
  }
}
