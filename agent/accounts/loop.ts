import { setImmediate as nextTurn } from "node:timers/promises";
import { DatabaseUnreachable } from "../process/errors";
import type { Log } from "../process/log";
import { abortableSleep } from "../rounds/abortableSleep";
import { FailureReporter, resultOfRound } from "../rounds/failureReporter";
import { LogDeduplicator } from "../rounds/logDeduplicator";
import { RoundLoop } from "../rounds/roundLoop";
import type { Accounts, Round } from "./accounts";
import type { AccountsMetrics } from "./metrics";

export interface AccountsLoopOptions {
  readonly accounts: Pick<Accounts, "round" | "publishChanges" | "hasRemoteChanges" | "replicatesFlows">;
  /** Whether this agent is the region's one writer. */
  readonly isWriter: () => boolean;
  readonly intervalSeconds: number;
  readonly metrics: AccountsMetrics;
  readonly log: Pick<Log, "info" | "warn" | "error">;
  readonly signal: AbortSignal;
}

/** Rounds, and polls of what the other regions wrote: a poll that finds something starts a round at once. */
const ROUNDS_PER_INTERVAL = 5;
const POLLS_PER_INTERVAL = 15;
const FLOWS_AS_ROWS = "every region's agent replicates flows as rows";
const FLOWS_BY_GIT =
  "flows reach the other regions through Git until each region's agent has announced that it replicates them as rows";
const RENAMED =
  "renamed, since another region had made one of its name before: give it another name, or delete it (docs/operations/alerts.md#nametaken)";
/** How long a caller of {@link AccountsLoop.giveWay} waits at most, and how often it checks. */
const GIVE_WAY_MS_MAX = 250;
const GIVE_WAY_POLL_MS = 25;
/** Changes that are written together replicate together. */
const DEBOUNCE_MS = 50;

/**
 * Makes accounts the same at the start and several times in an interval. What the database tells of in between is told on at
 * once: while flows come by the thousand, looking at the bucket for each would take longer than the flows.
 */
export class AccountsLoop {
  readonly #loop: RoundLoop;
  /** When the last round that went well and left nothing began, in milliseconds of a steady clock. */
  #roundAt = Number.NEGATIVE_INFINITY;
  /** When the next round is due, in milliseconds of a steady clock. */
  #dueAt = Number.NEGATIVE_INFINITY;
  #hasFailed = false;
  /** Whether a round of this session has read all that this region told: until then its edits might pass for what is known. */
  #hasReadOwn = false;
  /** Whether edits may be told until the next round, while rounds fail. */
  #mayPublish = false;
  readonly #logged = new LogDeduplicator();
  readonly #failures: FailureReporter<"bucket-unreachable" | "database-unreachable" | "failed">;

  constructor(private readonly options: AccountsLoopOptions) {
    const { log, signal } = options;
    this.#failures = new FailureReporter({ subject: "accounts", resultOf: resultOfRound("bucket-unreachable"), log });
    this.#loop = new RoundLoop({
      isDue: (isTriggered) => this.isDue(isTriggered),
      round: () => this.round(),
      pauseMs: () => this.pauseMs,
      debounceMs: DEBOUNCE_MS,
      signal,
    });
  }

  /**
   * Whether a round went well that began after a moment: the database then has what the other regions wrote, and what it wrote
   * itself before it was put back.
   *
   * @param since milliseconds of the process's steady clock
   */
  hasCaughtUp(since: number): boolean {
    return this.#roundAt >= since;
  }

  /** Whether flows are replicated as rows; undefined before the first round. */
  get replicatesFlows(): boolean | undefined {
    return this.options.accounts.replicatesFlows;
  }

  /** Settles when this loop is idle, or after {@link GIVE_WAY_MS_MAX}. Long computations call it between their steps. */
  async giveWay(): Promise<void> {
    const until = performance.now() + GIVE_WAY_MS_MAX;
    await nextTurn();
    while (this.#loop.isBusy && performance.now() < until) await abortableSleep(GIVE_WAY_POLL_MS, this.options.signal);
  }

  /** Publishes the database's changes as soon as possible. */
  trigger(): void {
    this.#loop.trigger();
  }

  /** Runs until the signal. */
  run(): Promise<void> {
    return this.#loop.run();
  }

  /** A failed round is retried when the next one is due: changes of users do not make that earlier. */
  private async isDue(isTriggered: boolean): Promise<boolean> {
    if (!this.options.isWriter()) {
      this.#hasReadOwn = false;
      return false;
    }
    if (this.dueMs === 0) return true;
    if (!this.#hasFailed)
      return isTriggered ? !(await this.publishChanges()) : this.options.accounts.hasRemoteChanges().catch(() => true);
    // Publish all the same: an unreadable object of another region must not keep this region's changes from the others.
    if (isTriggered && this.#mayPublish) this.#mayPublish = await this.publishChanges();
    return false;
  }

  private async round(): Promise<void> {
    const { accounts, metrics, signal } = this.options;
    const [began, beganAt] = [Date.now(), performance.now()];
    try {
      const round = await accounts.round();
      if (!round.isLeft) {
        this.#roundAt = beganAt;
        this.#hasReadOwn = true;
      }
      this.#dueAt = beganAt + this.roundIntervalMs;
      this.#hasFailed = false;
      metrics.succeeded(round, began);
      this.tell(round);
      this.#failures.succeeded();
    } catch (error) {
      if (signal.aborted) return;
      this.#dueAt = performance.now() + this.roundIntervalMs;
      this.#hasFailed = true;
      // By the time that it answers it may have been put back.
      if (error instanceof DatabaseUnreachable) this.#hasReadOwn = false;
      this.#mayPublish = this.#hasReadOwn;
      metrics.failed(this.#failures.report(error));
    }
  }

  /** @returns whether that was all; where not, a round tells the rest, or says why */
  private async publishChanges(): Promise<boolean> {
    const { accounts, metrics, log } = this.options;
    const outcome = await accounts.publishChanges().catch(() => undefined);
    if (!outcome) return false;
    const { published: told, isLeft } = outcome;
    metrics.published(told);
    if (told > 0) log.info({ told }, "accounts told");
    return !isLeft;
  }

  private get roundIntervalMs(): number {
    return (this.options.intervalSeconds * 1000) / ROUNDS_PER_INTERVAL;
  }

  /** Until the next poll, or the next round if that is sooner. A standby agent does not poll. */
  private get pauseMs(): number {
    const pollIntervalMs = (this.options.intervalSeconds * 1000) / POLLS_PER_INTERVAL;
    return this.options.isWriter() ? Math.min(this.dueMs, pollIntervalMs) : this.roundIntervalMs;
  }

  /** Until the next round; 0: it is due. */
  private get dueMs(): number {
    return Math.max(0, this.#dueAt - performance.now());
  }

  private tell({
    applied,
    copies,
    published: told,
    waiting,
    broken,
    unreached,
    readAgain,
    held,
    unknown,
    renamed,
  }: Round): void {
    const { log } = this.options;
    if (applied + told > 0) log.info({ applied, told }, "accounts synced");
    if (copies > 0) log.warn({ copies }, "two regions edited flows at once: the earlier edits are kept as copies");
    if (this.#logged.changed("form", String(this.replicatesFlows)))
      log.info({}, this.replicatesFlows ? FLOWS_AS_ROWS : FLOWS_BY_GIT);
    for (const each of readAgain)
      if (each.rows + each.lost > 0)
        log.warn(
          { ...each },
          "a table lacked rows that nobody had deleted, as after a TRUNCATE: they were read again, but for the lost, which are in no bucket",
        );
    if (held && this.#logged.changed("held", held.code))
      log.warn(
        { ...held, since: new Date(held.since).toISOString() },
        `users or rows were deleted in this region alone: too many for the others to follow before a person decides (agent release --deletes ${held.code}, or agent reject)`,
      );
    for (const { table, id, reason } of waiting)
      if (this.#logged.changed(`${table} ${id}`, reason)) log.warn({ table, id, reason }, "a row waits");
    for (const { table, id } of renamed)
      if (this.#logged.changed(`${table} ${id}`, "renamed")) log.warn({ table, id }, RENAMED);
    for (const [key, reason] of broken)
      if (this.#logged.changed(key, reason)) log.error({ key, reason }, "an object is left out");
    for (const what of unknown) if (this.#logged.changed(what, "unknown")) log.warn({}, what);
    if (this.#logged.changed("unreached", unreached.join(", ")))
      log.warn({ regions: unreached }, "not written straight to all regions: replication brings it");
  }
}
