import type { Registry } from "prom-client";
import { RoundMetrics } from "../roundMetrics";
import type { Round } from "./accounts";

/** What a round ends with. */
type RoundResult = "success" | "bucket-unreachable" | "database-unreachable" | "failed";

/** Prometheus metrics of accounts; names in docs/how-work-travels.md. */
export class AccountsMetrics extends RoundMetrics<RoundResult> {
  readonly #unreached = this.gauge(
    "unreached",
    "1 while another region's bucket does not take what is written straight to it: replication brings it",
    ["to"],
  );
  readonly #applied = this.counter("applied_total", "Rows of other regions written here");
  readonly #copies = this.counter(
    "copies_total",
    "Versions of flows kept as copies, since two regions edited one flow at once",
  );
  readonly #told = this.counter("told_total", "Rows that the other regions were told of");
  readonly #waiting = this.gauge(
    "waiting",
    "Rows that the database did not take or does not show, that cannot be read, or whose parent is missing",
  );
  readonly #held = this.gauge("deletes_held", "Rows deleted in this region alone until a person decides", ["table"]);
  readonly #broken = this.gauge("broken", "Objects that cannot be read");

  constructor(registry: Registry) {
    super(registry, "accounts", {
      rounds: "Rounds of accounts by result",
      lag: "Time since all that was here had been told and all that lay in the bucket had been read",
    });
  }

  /** @param beganAt milliseconds */
  succeeded({ applied, copies, told, waiting, broken, unreached, held }: Round, beganAt: number): void {
    this.succeededAt(beganAt);
    this.#applied.inc(applied);
    this.#copies.inc(copies);
    this.told(told);
    this.#waiting.set(waiting.length);
    this.#broken.set(broken.size);
    this.#held.reset();
    for (const [table, rows] of Object.entries(held?.rows ?? {})) this.#held.set({ table }, rows);
    this.#unreached.reset();
    for (const to of unreached) this.#unreached.set({ to }, 1);
  }

  /** @param rows since the last time */
  told(rows: number): void {
    this.#told.inc(rows);
  }
}
