import { Counter, Gauge, type Registry } from "prom-client";
import { RoundMetrics } from "../roundMetrics";
import type { Round } from "./accounts";

/** What a round ends with. */
export type RoundResult = "success" | "bucket-unreachable" | "database-unreachable" | "failed";

/** Prometheus metrics of accounts; names in docs/how-work-travels.md. */
export class AccountsMetrics {
  readonly #rounds: RoundMetrics<RoundResult>;
  readonly #applied: Counter<string>;
  readonly #copies: Counter<string>;
  readonly #told: Counter<string>;
  readonly #waiting: Gauge<string>;
  readonly #broken: Gauge<string>;
  readonly #unreached: Gauge<"to">;

  constructor(registry: Registry) {
    const registers = [registry];
    const counter = (name: string, help: string) => new Counter({ name, help, registers });
    const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
    this.#rounds = new RoundMetrics(
      registry,
      { name: "langflow_dr_accounts_rounds_total", help: "Rounds of accounts by result" },
      {
        name: "langflow_dr_accounts_lag_seconds",
        help: "Time since all that was here had been told and all that lay in the bucket had been read",
      },
    );
    this.#unreached = new Gauge({
      name: "langflow_dr_accounts_unreached",
      help: "1 while another region's bucket does not take what is written straight to it: replication brings it",
      labelNames: ["to"],
      registers,
    });
    this.#applied = counter("langflow_dr_accounts_applied_total", "Rows of other regions written here");
    this.#copies = counter(
      "langflow_dr_accounts_copies_total",
      "Versions of flows kept as copies, since two regions edited one flow at once",
    );
    this.#told = counter("langflow_dr_accounts_told_total", "Rows that the other regions were told of");
    this.#waiting = gauge(
      "langflow_dr_accounts_waiting",
      "Rows that the database did not take, or whose parent is missing",
    );
    this.#broken = gauge("langflow_dr_accounts_broken", "Objects that cannot be read");
  }

  /** @param beganAt milliseconds */
  succeeded({ applied, copies, told, waiting, broken, unreached }: Round, beganAt: number): void {
    this.#rounds.succeeded(beganAt);
    this.#applied.inc(applied);
    this.#copies.inc(copies);
    this.told(told);
    this.#waiting.set(waiting.length);
    this.#broken.set(broken.size);
    this.#unreached.reset();
    for (const to of unreached) this.#unreached.set({ to }, 1);
  }

  /** @param rows since the last time */
  told(rows: number): void {
    this.#told.inc(rows);
  }

  failed(result: RoundResult): void {
    this.#rounds.failed(result);
  }
}
