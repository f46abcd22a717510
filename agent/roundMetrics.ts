import { Counter, Gauge, type Registry } from "prom-client";

interface Named {
  readonly name: string;
  readonly help: string;
}

/** How rounds of something end, and since when none went well. */
export class RoundMetrics<Result extends string> {
  #lastSuccess = Date.now();
  readonly #rounds: Counter<"result">;

  /**
   * @param rounds counted by result
   * @param lag seconds since the last success, at first since this was made
   */
  constructor(registry: Registry, rounds: Named, lag: Named) {
    const registers = [registry];
    this.#rounds = new Counter({ ...rounds, labelNames: ["result"], registers });
    const age = () => (Date.now() - this.#lastSuccess) / 1000;
    new Gauge({
      ...lag,
      registers,
      collect() {
        this.set(age());
      },
    });
  }

  /** @param at milliseconds: when what it found was so */
  succeeded(at: number): void {
    this.#lastSuccess = at;
    this.#rounds.inc({ result: "success" });
  }

  failed(result: Result): void {
    this.#rounds.inc({ result });
  }
}
