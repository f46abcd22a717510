import { Counter, Gauge, type Registry } from "prom-client";

/** Prometheus metrics of one kind of rounds: the number of rounds by result, and the time since the last success. */
export class RoundMetrics<Result extends string> {
  #lastSuccess = Date.now();
  readonly #rounds: Counter<"result">;

  /**
   * @param what the kind of rounds, which is part of the metrics' names
   * @param help help texts: `rounds` for the number of rounds by result, `lag` for the seconds since the last success,
   *   or since the start
   */
  constructor(
    private readonly registry: Registry,
    private readonly what: string,
    help: { readonly rounds: string; readonly lag: string },
  ) {
    this.#rounds = this.counter("rounds_total", help.rounds, "result");
    const lag: Gauge = this.gauge("lag_seconds", help.lag, [], () => lag.set((Date.now() - this.#lastSuccess) / 1000));
  }

  failed(result: Result): void {
    this.#rounds.inc({ result });
  }

  /**
   * Counts a successful round.
   *
   * @param at when the round read its data, in milliseconds since 1970; undefined: it left work, so the lag continues
   */
  protected succeededAt(at: number | undefined): void {
    this.#lastSuccess = at ?? this.#lastSuccess;
    this.#rounds.inc({ result: "success" });
  }

  protected counter<Label extends string>(name: string, help: string, ...labelNames: Label[]): Counter<Label> {
    return new Counter({ name: this.named(name), help, labelNames, registers: [this.registry] });
  }

  /** @param collect sets the gauge at each scrape */
  protected gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[] = [],
    collect?: () => void,
  ): Gauge<Label> {
    return new Gauge({
      name: this.named(name),
      help,
      labelNames,
      registers: [this.registry],
      ...(collect && { collect }),
    });
  }

  private named(name: string): string {
    return `langflow_dr_${this.what}_${name}`;
  }
}
