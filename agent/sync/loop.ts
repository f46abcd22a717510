import { setTimeout as sleep } from "node:timers/promises";
import { GitUnreachable, type Repository } from "../git/repository";
import { LangFlowRefusal, LangFlowUnreachable } from "../langflow/client";
import { ChangedMeanwhile } from "../langflow/workspace";
import type { Log } from "../log";
import type { CycleResult, Metrics } from "../metrics";
import { cycle, type Outcome, Raced, type Sides } from "./cycle";

export interface LoopOptions {
  readonly workspaces: readonly Sides[];
  readonly repository: Repository;
  readonly intervalSeconds: number;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Tries again after a lost race, then waits for the next interval: the other region needs its turn too. */
const RACES_MAX = 8;
const RACE_BACKOFF_MS = 100;
/** Looks at the Git host's newest commit in an interval. */
const LOOKS_AT_GIT = 5;
/** A host that calls at every push must not keep the agent from anything else. */
const TRIGGER_SPACING_MS = 500;

/** Syncs every workspace at the start, at each interval, and when told to. */
export class SyncLoop {
  #wake: (() => void) | undefined;
  #triggered = false;
  /** Milliseconds: when the loop last gave a sign of life. */
  aliveAt = Date.now();
  readonly #told = new Map<string, string>();

  constructor(private readonly options: LoopOptions) {}

  /** Syncs as soon as possible. Calls that come together are one. */
  trigger(): void {
    this.#triggered = true;
    this.#wake?.();
  }

  /** Runs until the signal. */
  async run(): Promise<void> {
    const { workspaces, signal } = this.options;
    while (!signal.aborted) {
      this.#triggered = false;
      for (const sides of workspaces) {
        this.aliveAt = Date.now();
        if (!signal.aborted) await this.syncOnce(sides);
      }
      await this.pause();
    }
  }

  /**
   * Waits for the interval, a trigger, or a commit at the Git host: asking for its newest is cheap, so it is done more
   * often than LangFlow is asked for all its flows, and an edit reaches the other regions within about one interval.
   */
  private async pause(): Promise<void> {
    const { intervalSeconds, signal, repository } = this.options;
    // Not in step with the other regions: two that push at once lose time. Never later than the interval.
    const until = Date.now() + intervalSeconds * 1000 * (0.9 + Math.random() / 10);
    await sleep(TRIGGER_SPACING_MS, undefined, { signal }).catch(() => {});
    while (!this.#triggered && !signal.aborted && Date.now() < until) {
      this.aliveAt = Date.now();
      await this.idle(Math.min((intervalSeconds * 1000) / LOOKS_AT_GIT, until - Date.now()));
      if (!this.#triggered && Date.now() < until && (await repository.hasMoved())) return;
    }
  }

  /** Sleeps until a trigger or the end. */
  private async idle(milliseconds: number): Promise<void> {
    const wake = new AbortController();
    this.#wake = () => wake.abort();
    await sleep(milliseconds, undefined, { signal: AbortSignal.any([this.options.signal, wake.signal]) }).catch(
      () => {},
    );
    this.#wake = undefined;
  }

  private async syncOnce(sides: Sides): Promise<void> {
    const { metrics, log, signal } = this.options;
    const workspace = sides.name;
    for (let races = 0; ; races += 1) {
      const began = Date.now();
      try {
        const outcome = await cycle(sides);
        metrics.succeeded(workspace, began);
        metrics.duration.observe({ workspace }, (Date.now() - began) / 1000);
        metrics.cycles.inc({ workspace, result: "success" });
        this.record(workspace, outcome);
        this.tellOnce(workspace, "");
        return;
      } catch (error) {
        if (signal.aborted) return;
        const result = resultOf(error);
        metrics.cycles.inc({ workspace, result });
        if (result === "raced" && races < RACES_MAX) {
          const wait = RACE_BACKOFF_MS * 2 ** Math.min(races, 5) * (0.5 + Math.random());
          await sleep(wait, undefined, { signal }).catch(() => {});
          continue;
        }
        const message = error instanceof Error ? error.message : String(error);
        // The same trouble every few seconds is told once.
        if (this.tellOnce(workspace, message)) log.error({ workspace, result, ...stackOf(error, result) }, message);
        return;
      }
    }
  }

  private record(workspace: string, { imported, exported, conflicts, problems, held, flows }: Outcome): void {
    const { metrics, log } = this.options;
    metrics.imported.inc({ workspace }, imported);
    metrics.exported.inc({ workspace }, exported);
    metrics.flows.set({ workspace }, flows);
    metrics.skipped.set({ workspace }, problems.length);
    metrics.held.set({ workspace }, held.length);
    if (imported + exported > 0) log.info({ workspace, imported, exported, flows }, "synced");
    for (const conflict of conflicts) {
      metrics.conflicts.inc({ workspace, kind: conflict.kind });
      log.warn({ workspace, ...conflict }, "conflict settled");
    }
    for (const [kind, list] of Object.entries({ skipped: problems, held })) {
      const told = JSON.stringify(list);
      if (list.length > 0 && this.tellOnce(`${workspace} ${kind}`, told))
        for (const problem of list) log.warn({ workspace, ...problem }, kind);
      if (list.length === 0) this.tellOnce(`${workspace} ${kind}`, "");
    }
  }

  /** Whether this is news. */
  private tellOnce(about: string, message: string): boolean {
    const news = this.#told.get(about) !== message;
    this.#told.set(about, message);
    return news && message !== "";
  }
}

function resultOf(error: unknown): CycleResult {
  if (error instanceof Raced || error instanceof ChangedMeanwhile) return "raced";
  if (error instanceof GitUnreachable) return "git-unreachable";
  if (error instanceof LangFlowUnreachable || error instanceof LangFlowRefusal) return "langflow-unreachable";
  return "failed";
}

const stackOf = (error: unknown, result: CycleResult): { stack?: string } =>
  result === "failed" && error instanceof Error && error.stack ? { stack: error.stack } : {};
