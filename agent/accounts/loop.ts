import { setImmediate as nextTurn } from "node:timers/promises";
import { DatabaseUnreachable } from "../langflow/store";
import type { Log } from "../log";
import { Rests, rest } from "../rest";
import { RoundTrouble } from "../roundTrouble";
import { ToldOnce } from "../toldOnce";
import type { Accounts, Round } from "./accounts";
import type { AccountsMetrics } from "./metrics";

export interface AccountsLoopOptions {
  readonly accounts: Pick<Accounts, "round" | "tellNews" | "hasNews" | "carriesFlows">;
  /** Whether this agent is the region's one writer. */
  readonly isWriter: () => boolean;
  readonly intervalSeconds: number;
  readonly metrics: AccountsMetrics;
  readonly log: Pick<Log, "info" | "warn" | "error">;
  readonly signal: AbortSignal;
}

/** Rounds in an interval, and looks for what the other regions wrote: one begins a round as soon as there is something. */
const ROUNDS = 5;
const LOOKS = 15;
const FLOWS_AS_ROWS = "every region's agent replicates flows as rows";
const FLOWS_BY_GIT =
  "flows reach the other regions through Git until each region's agent has announced that it replicates them as rows";
const RENAMED =
  "renamed, since another region had made one of its name before: give it another name, or delete it (docs/operations/alerts.md#nametaken)";
/** How long somebody gives way at most, and how often it polls meanwhile. */
const GIVEN_MS = 250;
const POLL_MS = 25;
/** What is written together travels together. */
const GATHER_MS = 50;

/**
 * Makes accounts the same at the start and several times in an interval. What the database tells of in between is told on at
 * once: while flows come by the thousand, looking at the bucket for each would take longer than the flows.
 */
export class AccountsLoop {
  readonly #rests: Rests;
  /** When the last round that went well and left nothing began, in milliseconds of a steady clock. */
  #roundAt = Number.NEGATIVE_INFINITY;
  /** When the next round is due, in milliseconds of a steady clock. */
  #dueAt = Number.NEGATIVE_INFINITY;
  #hasFailed = false;
  /** Whether a round of this session has read all that this region told: until then its edits might pass for what is known. */
  #hasReadOwn = false;
  /** Whether edits may be told until the next round, while rounds fail. */
  #mayTell = false;
  #isWorking = false;
  readonly #told = new ToldOnce();
  readonly #trouble: RoundTrouble<"bucket-unreachable">;

  constructor(private readonly options: AccountsLoopOptions) {
    this.#rests = new Rests(options.signal);
    this.#trouble = new RoundTrouble("accounts", "bucket-unreachable", options.log);
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
  get carriesFlows(): boolean | undefined {
    return this.options.accounts.carriesFlows;
  }

  /** Settles when nothing is under way here, or after {@link GIVEN_MS}: what computes for seconds asks between pieces of it. */
  async giveWay(): Promise<void> {
    const until = performance.now() + GIVEN_MS;
    await nextTurn();
    while (this.#isWorking && performance.now() < until) await rest(POLL_MS, this.options.signal);
  }

  /** What the database holds is told on as soon as possible. */
  trigger(): void {
    this.#rests.call();
  }

  /** Runs until the signal. */
  async run(): Promise<void> {
    const { signal, isWriter } = this.options;
    while (!signal.aborted) {
      const { isCalled } = this.#rests;
      this.#rests.isCalled = false;
      this.#isWorking = true;
      if (!isWriter()) this.#hasReadOwn = false;
      else if (await this.isDue(isCalled)) await this.round();
      this.#isWorking = false;
      await this.pause();
    }
  }

  /** Whether a round is. One that failed is tried again once it is due, and no sooner for what users do meanwhile. */
  private async isDue(isCalled: boolean): Promise<boolean> {
    if (this.dueMs === 0) return true;
    if (!this.#hasFailed)
      return isCalled ? !(await this.tellNews()) : this.options.accounts.hasNews().catch(() => true);
    // Told all the same, or what nobody can read of another region would keep everybody's work in this one.
    if (isCalled && this.#mayTell) this.#mayTell = await this.tellNews();
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
      this.#dueAt = beganAt + this.restMs;
      this.#hasFailed = false;
      metrics.succeeded(round, began);
      this.tell(round);
      this.#trouble.isOver();
    } catch (error) {
      if (signal.aborted) return;
      this.#dueAt = performance.now() + this.restMs;
      this.#hasFailed = true;
      // By the time that it answers it may have been put back.
      if (error instanceof DatabaseUnreachable) this.#hasReadOwn = false;
      this.#mayTell = this.#hasReadOwn;
      metrics.failed(this.#trouble.say(error));
    }
  }

  /** @returns whether that was all; where not, a round tells the rest, or says why */
  private async tellNews(): Promise<boolean> {
    const { accounts, metrics, log } = this.options;
    const outcome = await accounts.tellNews().catch(() => undefined);
    if (!outcome) return false;
    const { told, isLeft } = outcome;
    metrics.told(told);
    if (told > 0) log.info({ told }, "accounts told");
    return !isLeft;
  }

  private get restMs(): number {
    return (this.options.intervalSeconds * 1000) / ROUNDS;
  }

  /** Until the next round; zero where it is due. */
  private get dueMs(): number {
    return Math.max(0, this.#dueAt - performance.now());
  }

  private tell({ applied, copies, told, waiting, broken, unreached, readAgain, held, unknown, renamed }: Round): void {
    const { log } = this.options;
    if (applied + told > 0) log.info({ applied, told }, "accounts synced");
    if (copies > 0) log.warn({ copies }, "two regions edited flows at once: the earlier edits are kept as copies");
    if (this.#told.isNews("form", String(this.carriesFlows)))
      log.info({}, this.carriesFlows ? FLOWS_AS_ROWS : FLOWS_BY_GIT);
    for (const each of readAgain)
      if (each.rows + each.lost > 0)
        log.warn(
          { ...each },
          "a table lacked rows that nobody had deleted, as after a TRUNCATE: they were read again, but for the lost, which are in no bucket",
        );
    if (held && this.#told.isNews("held", held.code))
      log.warn(
        { ...held, since: new Date(held.since).toISOString() },
        `users or rows were deleted in this region alone: too many for the others to follow before a person decides (agent release --deletes ${held.code}, or agent reject)`,
      );
    for (const { table, id, reason } of waiting)
      if (this.#told.isNews(`${table} ${id}`, reason)) log.warn({ table, id, reason }, "a row waits");
    for (const { table, id } of renamed)
      if (this.#told.isNews(`${table} ${id}`, "renamed")) log.warn({ table, id }, RENAMED);
    for (const [key, reason] of broken)
      if (this.#told.isNews(key, reason)) log.error({ key, reason }, "an object is left out");
    for (const what of unknown) if (this.#told.isNews(what, "unknown")) log.warn({}, what);
    if (this.#told.isNews("unreached", unreached.join(", ")))
      log.warn({ regions: unreached }, "not written straight to all regions: replication brings it");
  }

  private async pause(): Promise<void> {
    const { isWriter, signal } = this.options;
    await this.#rests.untilCalled(isWriter() ? Math.min(this.dueMs, (this.restMs * ROUNDS) / LOOKS) : this.restMs);
    if (this.#rests.isCalled) await rest(GATHER_MS, signal);
  }
}
