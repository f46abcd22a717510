import { DatabaseUnreachable } from "../langflow/store";
import type { Log } from "../log";
import { rest } from "../rest";
import { BucketError } from "../s3Request";
import { ToldOnce } from "../toldOnce";
import type { Accounts, Round } from "./accounts";
import type { AccountsMetrics, RoundResult } from "./metrics";

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

  constructor(private readonly options: AccountsLoopOptions) {}

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
    const { accounts, metrics, log, signal } = this.options;
    const began = Date.now();
    try {
      const round = await accounts.round();
      metrics.succeeded(round, began);
      this.tell(round);
      this.#told.forget("trouble");
    } catch (error) {
      if (signal.aborted) return;
      const result = resultOf(error);
      metrics.failed(result);
      const { message, stack } = error as Error;
      if (this.#told.isNews("trouble", message))
        log.error({ result, ...(result === "failed" && { stack }) }, `accounts: ${message}`);
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

function resultOf(error: unknown): RoundResult {
  if (error instanceof BucketError) return "bucket-unreachable";
  if (error instanceof DatabaseUnreachable) return "database-unreachable";
  return "failed";
}
