import type { Registry } from "prom-client";
import { groupBy } from "../collections/groupBy";
import { RoundMetrics } from "../rounds/roundMetrics";
import type { Round } from "./accounts";

/** Result of a round. */
type RoundResult = "success" | "bucket-unreachable" | "database-unreachable" | "failed";

/** Prometheus metrics of accounts; names in docs/how-work-travels.md. */
export class AccountsMetrics extends RoundMetrics<RoundResult> {
  readonly #unreached = this.gauge(
    "unreached",
    "1 while this region cannot write directly to another region's bucket; S3 replication still delivers the objects",
    ["to"],
  );
  readonly #applied = this.counter(
    "applied_total",
    "Rows from other regions that were written to this region's database",
  );
  readonly #copies = this.counter(
    "copies_total",
    "Flow versions that were kept as copies because two regions edited a flow concurrently",
  );
  readonly #published = this.counter("told_total", "Rows that were published to the other regions");
  readonly #readAgain = this.counter(
    "read_again_total",
    "Rows that a table lost without a delete, and that were read again",
    "table",
  );
  readonly #held = this.gauge("deletes_held", "Rows that are deleted only in this region until an operator decides", [
    "table",
  ]);
  readonly #waiting = this.gauge(
    "waiting",
    "Rows that the database rejects or cannot return, that cannot be read, or whose parent is missing",
    ["table"],
  );
  readonly #waitingOldest = this.gauge(
    "waiting_oldest_seconds",
    "Longest time that a row of the table has been waiting, since this agent started",
    ["table"],
  );
  /** When each row was first seen to wait, by row, in milliseconds of a steady clock. */
  #waitingSince = new Map<string, number>();
  readonly #refused = this.gauge("refused", "1 for each LangFlow table of which no row is replicated", ["table"]);
  readonly #renamed = this.gauge(
    "renamed",
    "1 for each user, team or role that was renamed because another region had used its name first",
    ["table", "id"],
  );
  readonly #broken = this.gauge("broken", "Objects that cannot be read");

  constructor(registry: Registry) {
    super(registry, "accounts", {
      rounds: "Replication rounds by result",
      lag: "Time since this region had published all of its changes and had read all changes of the other regions",
    });
  }

  /**
   * Records a successful round.
   *
   * @param beganAt when the round began, in milliseconds since 1970
   */
  succeeded(
    { applied, copies, published: told, isLeft, waiting, broken, unreached, readAgain, held, renamed, refused }: Round,
    beganAt: number,
  ): void {
    this.succeededAt(isLeft ? undefined : beganAt);
    this.#applied.inc(applied);
    this.#copies.inc(copies);
    this.published(told);
    for (const { table, rows } of readAgain) this.#readAgain.inc({ table }, rows);
    this.wait(waiting);
    this.#refused.reset();
    for (const table of refused) this.#refused.set({ table }, 1);
    this.#broken.set(broken.size);
    this.#held.reset();
    for (const [table, rows] of Object.entries(held?.rows ?? {})) this.#held.set({ table }, rows);
    this.#renamed.reset();
    for (const { table, id } of renamed) this.#renamed.set({ table, id }, 1);
    this.#unreached.reset();
    for (const to of unreached) this.#unreached.set({ to }, 1);
  }

  private wait(waiting: Round["waiting"]): void {
    const now = performance.now();
    const before = this.#waitingSince;
    this.#waitingSince = new Map();
    this.#waiting.reset();
    this.#waitingOldest.reset();
    for (const [table, rows] of groupBy(waiting, (row) => row.table)) {
      const ids = new Set(rows.map(({ id }) => id));
      let oldest = now;
      for (const id of ids) {
        const since = before.get(`${table} ${id}`) ?? now;
        this.#waitingSince.set(`${table} ${id}`, since);
        oldest = Math.min(oldest, since);
      }
      this.#waiting.set({ table }, ids.size);
      this.#waitingOldest.set({ table }, (now - oldest) / 1000);
    }
  }

  /**
   * Counts published rows.
   *
   * @param rows number of rows since the last call
   */
  published(rows: number): void {
    this.#published.inc(rows);
  }
}
