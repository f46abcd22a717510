import { Counter, Gauge, type Registry } from "prom-client";

/** How rounds of something end, since when none went well, and what else is measured of them. */
export class RoundMetrics<Result extends string> {
  #lastSuccess = Date.now();
  readonly #rounds: Counter<"result">;

  /**
   * @param what the rounds are of, in the metrics' names
   * @param help of the rounds, counted by result, and of the seconds since the last success, at first since this was made
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

  /** @param at milliseconds: when what it found was so; undefined: it left something, and the lag goes on */
  protected succeededAt(at: number | undefined): void {
    this.#lastSuccess = at ?? this.#lastSuccess;
    this.#rounds.inc({ result: "success" });
  }

  protected counter<Label extends string>(name: string, help: string, ...labelNames: Label[]): Counter<Label> {
    return new Counter({ name: this.named(name), help, labelNames, registers: [this.registry] });
  }

  /** @param collect sets it when it is asked for */
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
