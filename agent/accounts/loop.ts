import type { Log } from "../log";
import { rest } from "../rest";
import { RoundTrouble } from "../roundTrouble";
import { ToldOnce } from "../toldOnce";
import type { Accounts, Round } from "./accounts";
import type { AccountsMetrics } from "./metrics";

export interface AccountsLoopOptions {
  readonly accounts: Pick<Accounts, "round">;
  /** Whether this agent is the region's one writer. */
  readonly isWriter: () => boolean;
  readonly intervalSeconds: number;
  readonly metrics: AccountsMetrics;
  readonly log: Pick<Log, "info" | "warn" | "error">;
  readonly signal: AbortSignal;
}

/** Looks at the bucket in an interval. */
const LOOKS = 5;
/** What is written together travels together. */
const GATHER_MS = 50;

/** Makes accounts the same at the start, when the database tells of a change, and several times in an interval. */
export class AccountsLoop {
  #wake = () => {};
  #triggered = false;
  readonly #told = new ToldOnce();
  readonly #trouble: RoundTrouble<"bucket-unreachable">;

  constructor(private readonly options: AccountsLoopOptions) {
    this.#trouble = new RoundTrouble("accounts", "bucket-unreachable", options.log);
  }

  /** A round as soon as possible. */
  trigger(): void {
    this.#triggered = true;
    this.#wake();
  }

  /** Runs until the signal. */
  async run(): Promise<void> {
    const { signal, isWriter } = this.options;
    while (!signal.aborted) {
      this.#triggered = false;
      if (isWriter()) await this.once();
      await this.pause();
    }
  }

  private async once(): Promise<void> {
    const { accounts, metrics, signal } = this.options;
    const began = Date.now();
    try {
      const round = await accounts.round();
      metrics.succeeded(round, began);
      this.tell(round);
      this.#trouble.isOver();
    } catch (error) {
      if (signal.aborted) return;
      metrics.failed(this.#trouble.say(error));
    }
  }

  private tell({ applied, told, waiting, broken, unreached, unknown }: Round): void {
    const { log } = this.options;
    if (applied + told > 0) log.info({ applied, told }, "accounts synced");
    for (const { table, id, reason } of waiting)
      if (this.#told.isNews(`${table} ${id}`, reason)) log.warn({ table, id, reason }, "a row waits");
    for (const [key, reason] of broken)
      if (this.#told.isNews(key, reason)) log.error({ key, reason }, "an object is left out");
    for (const what of unknown) if (this.#told.isNews(what, "unknown")) log.warn({}, what);
    if (this.#told.isNews("unreached", unreached.join(", ")))
      log.warn({ regions: unreached }, "not written straight to all regions: replication brings it");
  }

  private async pause(): Promise<void> {
    const { intervalSeconds, signal } = this.options;
    if (!this.#triggered)
      await rest((intervalSeconds * 1000) / LOOKS, signal, (end) => {
        this.#wake = end;
      });
    if (this.#triggered) await rest(GATHER_MS, signal);
  }
}
