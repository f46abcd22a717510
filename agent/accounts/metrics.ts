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
    "1 while another region's bucket does not take what is written straight to it: replication brings it",
    ["to"],
  );
  readonly #applied = this.counter("applied_total", "Rows of other regions written here");
  readonly #copies = this.counter(
    "copies_total",
    "Versions of flows kept as copies, since two regions edited one flow at once",
  );
  readonly #published = this.counter("told_total", "Rows that the other regions were told of");
  readonly #readAgain = this.counter(
    "read_again_total",
    "Rows that a table had lost although nobody had deleted them, and has again",
    "table",
  );
  readonly #held = this.gauge("deletes_held", "Rows deleted in this region alone until a person decides", ["table"]);
  readonly #waiting = this.gauge(
    "waiting",
    "Rows that the database did not take or does not show, that cannot be read, or whose parent is missing",
    ["table"],
  );
  readonly #waitingOldest = this.gauge(
    "waiting_oldest_seconds",
    "How long the row of a table has waited that waits longest, since this agent began at most",
    ["table"],
  );
  /** When each row was first seen to wait, by row, in milliseconds of a steady clock. */
  #waitingSince = new Map<string, number>();
  readonly #refused = this.gauge("refused", "1 for a table of LangFlow's of which no row is replicated", ["table"]);
  readonly #renamed = this.gauge(
    "renamed",
    "1 for a user, team or role that was renamed, since another region had one of its name",
    ["table", "id"],
  );
  readonly #broken = this.gauge("broken", "Objects that cannot be read");

  constructor(registry: Registry) {
    super(registry, "accounts", {
      rounds: "Rounds of accounts by result",
      lag: "Time since all that was here had been told and all that lay in the bucket had been read",
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
