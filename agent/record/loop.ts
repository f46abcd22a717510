import type { Problem } from "../../formats/flows/version";
import { GitUnreachable, type Repository } from "../git/repository";
import { LangFlowUnreachable } from "../langflow/client";
import { DatabaseUnreachable } from "../postgres/databaseUnreachable";
import type { Log } from "../process/log";
import { abortableSleep } from "../rounds/abortableSleep";
import { FailureReporter } from "../rounds/failureReporter";
import { LogDeduplicator } from "../rounds/logDeduplicator";
import { RoundLoop } from "../rounds/roundLoop";
import type { Cycle } from "./cycle";
import type { CycleResult, RecordMetrics } from "./metrics";
import { CONFLICT_KINDS, type Outcome } from "./outcome";
import { NotRecorder, Raced } from "./parts";

export interface LoopOptions {
  /** Whether this agent is the fleet's recorder now. */
  isRecorder(): boolean;
  /** Runs one cycle; returns undefined if nothing may be recorded yet. */
  cycle(): Promise<Cycle | undefined>;
  readonly repository: Pick<Repository, "hasMoved" | "mend">;
  readonly intervalSeconds: number;
  readonly metrics: RecordMetrics;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Maximum number of retries of a cycle that lost a race against another push. */
const RACES_MAX = 8;
const RACE_BACKOFF_MS = 100;
/** Number of polls of the Git host for a new commit, per interval. */
const GIT_POLLS_PER_INTERVAL = 5;
/** Minimum pause between cycles, in milliseconds, so that webhooks do not keep the agent from its other work. */
const TRIGGER_SPACING_MS = 250;

/** Runs a cycle at the start, at each interval, after a webhook call, and when the Git host has a new commit. */
export class RecordLoop {
  readonly #loop: RoundLoop;
  #isRecorder = false;
  /** When the next cycle is due, in milliseconds since 1970. */
  #dueAt = Number.NEGATIVE_INFINITY;
  /** When the loop last signaled that it is alive, in milliseconds since 1970. */
  aliveAt = Date.now();
  /** The outcomes of the last cycle, one per user's folder. */
  outcomes: readonly Outcome[] = [];
  readonly #logged = new LogDeduplicator();
  /** Flows that were skipped or held in the last cycle. */
  readonly #listed = new LogDeduplicator();
  /** Logs each failure once until a success, because an unreachable host causes several different failures in turn. */
  readonly #failures: FailureReporter<CycleResult>;

  constructor(private readonly options: LoopOptions) {
    const { log, signal } = options;
    this.#failures = new FailureReporter({ resultOf, isOncePerSuccess: true, log });
    this.#loop = new RoundLoop({
      isDue: (isTriggered) => this.isDue(isTriggered),
      round: () => this.round(),
      pauseMs: () => Math.max(0, Math.min(this.intervalMs / GIT_POLLS_PER_INTERVAL, this.#dueAt - Date.now())),
      spacingMs: TRIGGER_SPACING_MS,
      signal,
    });
  }

  /** Starts a cycle as soon as possible. Triggers in quick succession start one cycle. */
  trigger(): void {
    this.#loop.trigger();
  }

  /** Signals from within a cycle that the agent is alive, for example while a clone progresses. */
  alive(): void {
    this.aliveAt = Date.now();
  }

  /** Runs until the signal aborts. */
  run(): Promise<void> {
    return this.#loop.run();
  }

  private get intervalMs(): number {
    return this.options.intervalSeconds * 1000;
  }

  /**
   * Returns whether a cycle is due: at each interval, after a trigger, and when the Git host has a new commit. Polling
   * for a new commit is cheap.
   */
  private async isDue(isTriggered: boolean): Promise<boolean> {
    this.alive();
    if (isTriggered || Date.now() >= this.#dueAt) return true;
    return this.#isRecorder && (await this.options.repository.hasMoved()) && !this.options.signal.aborted;
  }

  private async round(): Promise<void> {
    this.#loop.dropTrigger();
    this.alive();
    await this.once();
    this.alive();
    this.#dueAt = Date.now() + this.intervalMs;
  }

  private async once(): Promise<void> {
    const { metrics, log, signal, isRecorder, cycle } = this.options;
    let isMended = false;
    for (let races = 0; ; races += 1) {
      const began = Date.now();
      try {
        this.stand(isRecorder());
        const done = this.#isRecorder ? await cycle() : undefined;
        if (!done) return void metrics.cycles.inc({ result: "standby" });
        this.outcomes = done.outcomes;
        metrics.keep(new Set(done.outcomes.map(({ workspace }) => workspace)));
        for (const outcome of done.outcomes) this.record(outcome);
        if (!done.trouble) for (const { workspace } of done.outcomes) metrics.succeeded(workspace, began);
        this.list();
        metrics.pending(done.pending);
        if (done.remark !== undefined && this.#logged.changed("remark", done.remark)) log.warn({}, done.remark);
        if (done.trouble) throw done.trouble;
        metrics.duration.observe((Date.now() - began) / 1000);
        metrics.cycles.inc({ result: "success" });
        this.#failures.succeeded();
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof NotRecorder) {
          this.stand(false);
          return void metrics.cycles.inc({ result: "standby" });
        }
        const result = resultOf(error);
        // A damaged clone can fail in any way, even as if the host were unreachable, so check the clone once per
        // failure.
        const isOfGit = (result === "failed" || result === "git-unreachable") && !this.#failures.isRepeated(error);
        if (isOfGit && !isMended && (await this.options.repository.mend().catch(() => false))) {
          isMended = true;
          continue;
        }
        metrics.cycles.inc({ result });
        if (result === "raced" && races < RACES_MAX) {
          await abortableSleep(RACE_BACKOFF_MS * 2 ** Math.min(races, 5) * (0.5 + Math.random()), signal);
          continue;
        }
        return void this.#failures.report(error);
      }
    }
  }

  private stand(isRecorder: boolean): void {
    const { metrics, log } = this.options;
    this.#isRecorder = isRecorder;
    metrics.standing(isRecorder);
    const message = isRecorder ? "this region is the recorder" : "this region is not the recorder: standing by";
    if (this.#logged.changed("standing", message)) log.info({}, message);
    if (isRecorder) return;
    this.outcomes = [];
    this.#listed.clear();
  }

  private record({ workspace, imported, exported, conflicts, problems, held, flows }: Outcome): void {
    const { metrics, log } = this.options;
    metrics.imported.inc({ workspace }, imported);
    metrics.exported.inc({ workspace }, exported);
    metrics.flows.set({ workspace }, flows);
    // Start each counter at 0, because Prometheus shows no increase for a counter that starts with its first conflict.
    for (const kind of CONFLICT_KINDS) metrics.conflicts.inc({ workspace, kind }, 0);
    metrics.skipped.set({ workspace }, problems.length);
    for (const [gauge, kind] of [
      [metrics.held, "flow"],
      [metrics.deletesHeld, "deletes"],
      [metrics.secretsHeld, "secret"],
    ] as const)
      gauge.set({ workspace }, held.filter((each) => each.kind === kind).length);
    if (imported + exported > 0) log.info({ workspace, imported, exported, flows }, "recorded");
    for (const conflict of conflicts) {
      metrics.conflicts.inc({ workspace, kind: conflict.kind });
      log.warn({ workspace, ...conflict }, "conflict resolved");
    }
  }

  /** Logs each skipped or held flow once, and again when its reason changes. */
  private list(): void {
    const listed = new Set<string>();
    const list = (workspace: string, { path, reason }: Problem, what: "skipped" | "held", about = reason) => {
      const key = `${workspace} ${what} ${path} ${about}`;
      listed.add(key);
      if (this.#listed.changed(key, what)) this.options.log.warn({ workspace, path, reason }, what);
    };
    for (const { workspace, problems, held, heldDeletes } of this.outcomes) {
      for (const each of problems) list(workspace, each, "skipped");
      // Compare held deletes by their code: their reason contains the number of all flows, which may change.
      for (const each of held) list(workspace, each, "held", each.kind === "deletes" ? heldDeletes?.code : undefined);
    }
    this.#listed.forgetAllBut(listed);
  }
}

function resultOf(error: unknown): CycleResult {
  if (error instanceof Raced) return "raced";
  if (error instanceof GitUnreachable) return "git-unreachable";
  if (error instanceof LangFlowUnreachable) return "langflow-unreachable";
  if (error instanceof DatabaseUnreachable) return "database-unreachable";
  return "failed";
}
