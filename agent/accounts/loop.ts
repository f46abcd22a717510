import { setImmediate as nextTurn } from "node:timers/promises";
import { DatabaseUnreachable } from "../postgres/databaseUnreachable";
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

/**
 * Number of rounds per interval, and of polls for the other regions' changes. A poll that finds a change starts a round
 * at once.
 */
const ROUNDS_PER_INTERVAL = 5;
const POLLS_PER_INTERVAL = 15;
const FLOWS_AS_ROWS = "every region's agent replicates flows as rows";
const FLOWS_BY_GIT =
  "flows reach the other regions through Git until every region's agent has announced that it replicates them as rows";
const RENAMED =
  "renamed, because another region had used its name first: give it a different name, or delete it (docs/operations/alerts.md#nametaken)";
/** Maximum time that a caller of {@link AccountsLoop.giveWay} waits, and how often it checks, in milliseconds. */
const GIVE_WAY_MS_MAX = 250;
const GIVE_WAY_POLL_MS = 25;
/** Debounce of local changes, in milliseconds. Changes that are written together are published together. */
const DEBOUNCE_MS = 50;

/**
 * Runs a round at the start and several times per interval. Between the rounds, publishes local changes at once,
 * without reading the bucket: if thousands of flows arrive, listing the bucket for each of them would take longer than
 * the flows themselves.
 */
export class AccountsLoop {
  readonly #loop: RoundLoop;
  /** Start of the last successful round that left no work for the next round, in milliseconds of a steady clock. */
  #roundAt = Number.NEGATIVE_INFINITY;
  /** When the next round is due, in milliseconds of a steady clock. */
  #dueAt = Number.NEGATIVE_INFINITY;
  #hasFailed = false;
  /**
   * Whether a round of this session has read all of this region's own segments. Until then, new edits in a restored
   * database could be mistaken for edits that the region published before the restore.
   */
  #hasReadOwn = false;
  /** While rounds fail: whether local changes may be published until the next round. */
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
   * Returns whether a successful round began at or after a given time. The database then has the other regions'
   * changes, and its own changes from before a restore.
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

  /**
   * Resolves when this loop is idle, or after {@link GIVE_WAY_MS_MAX}. Long computations call it between their steps.
   */
  async giveWay(): Promise<void> {
    const until = performance.now() + GIVE_WAY_MS_MAX;
    await nextTurn();
    while (this.#loop.isBusy && performance.now() < until) await abortableSleep(GIVE_WAY_POLL_MS, this.options.signal);
  }

  /** Publishes local changes as soon as possible. */
  trigger(): void {
    this.#loop.trigger();
  }

  /** Runs until the signal aborts. */
  run(): Promise<void> {
    return this.#loop.run();
  }

  /**
   * Returns whether a round is due. A failed round is retried at the usual interval, even if users make changes
   * meanwhile.
   */
  private async isDue(isTriggered: boolean): Promise<boolean> {
    if (!this.options.isWriter()) {
      this.#hasReadOwn = false;
      return false;
    }
    if (this.dueMs === 0) return true;
    if (!this.#hasFailed)
      return isTriggered ? !(await this.publishChanges()) : this.options.accounts.hasRemoteChanges().catch(() => true);
    // Publish although rounds fail: an unreadable object of another region must not keep this region's changes from the
    // others.
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
      // The database may have been restored by the time it responds again.
      if (error instanceof DatabaseUnreachable) this.#hasReadOwn = false;
      this.#mayPublish = this.#hasReadOwn;
      metrics.failed(this.#failures.report(error));
    }
  }

  /**
   * Publishes local changes.
   *
   * @returns whether all of them were published; if not, a round publishes the rest or reports why it cannot
   */
  private async publishChanges(): Promise<boolean> {
    const { accounts, metrics, log } = this.options;
    const outcome = await accounts.publishChanges().catch(() => undefined);
    if (!outcome) return false;
    const { published: told, isLeft } = outcome;
    metrics.published(told);
    if (told > 0) log.info({ told }, "accounts published");
    return !isLeft;
  }

  private get roundIntervalMs(): number {
    return (this.options.intervalSeconds * 1000) / ROUNDS_PER_INTERVAL;
  }

  /** Milliseconds until the next poll, or until the next round if that is sooner. A standby agent does not poll. */
  private get pauseMs(): number {
    const pollIntervalMs = (this.options.intervalSeconds * 1000) / POLLS_PER_INTERVAL;
    return this.options.isWriter() ? Math.min(this.dueMs, pollIntervalMs) : this.roundIntervalMs;
  }

  /** Milliseconds until the next round; 0: the round is due. */
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
    if (applied + told > 0) log.info({ applied, told }, "accounts replicated");
    if (copies > 0)
      log.warn({ copies }, "two regions edited the same flows concurrently: the earlier edits were kept as copies");
    if (this.#logged.changed("form", String(this.replicatesFlows)))
      log.info({}, this.replicatesFlows ? FLOWS_AS_ROWS : FLOWS_BY_GIT);
    for (const each of readAgain)
      if (each.rows + each.lost > 0)
        log.warn(
          { ...each },
          "a table lost rows without a delete, for example by a TRUNCATE: the agent restored them from the buckets, except the rows counted as lost, which are in no bucket",
        );
    if (held && this.#logged.changed("held", held.code))
      log.warn(
        { ...held, since: new Date(held.since).toISOString() },
        `too many users or rows were deleted in this region: the deletes do not replicate until an operator decides (agent release --deletes ${held.code}, or agent reject --deletes ${held.code})`,
      );
    for (const { table, id, reason } of waiting)
      if (this.#logged.changed(`${table} ${id}`, reason))
        log.warn(
          { table, id, reason },
          "a row from another region cannot be written to the database yet; the agent retries it",
        );
    for (const { table, id } of renamed)
      if (this.#logged.changed(`${table} ${id}`, "renamed")) log.warn({ table, id }, RENAMED);
    for (const [key, reason] of broken)
      if (this.#logged.changed(key, reason))
        log.error({ key, reason }, "an object in a bucket was skipped because it cannot be read");
    for (const what of unknown) if (this.#logged.changed(what, "unknown")) log.warn({}, what);
    if (this.#logged.changed("unreached", unreached.join(", ")))
      log.warn(
        { regions: unreached },
        "cannot write directly to these regions' buckets; S3 replication still delivers the objects",
      );
  }
}
