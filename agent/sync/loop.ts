import type { Problem } from "../flows/version";
import { GitUnreachable, type Repository } from "../git/repository";
import { LangFlowUnreachable } from "../langflow/client";
import { DatabaseUnreachable } from "../langflow/store";
import type { Log } from "../log";
import type { CycleResult, Metrics } from "../metrics";
import { rest } from "../rest";
import { ToldOnce } from "../toldOnce";
import type { Outcome } from "./cycle";
import { CONFLICT_KINDS } from "./plan";
import { Raced } from "./region";

export interface LoopOptions {
  /** Makes this agent the region's one writer, where no other is; false where another is. */
  becomeWriter(): Promise<boolean>;
  /** One cycle over all workspaces. */
  cycle(): Promise<readonly Outcome[]>;
  readonly repository: Pick<Repository, "hasMoved">;
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
/** What is saved together is synced together. */
const GATHER_MS = 50;
/** A host that calls at every push must not keep the agent from anything else. */
const TRIGGER_SPACING_MS = 250;

/** Syncs all workspaces at the start, when told of a change, and at each interval. */
export class SyncLoop {
  #wake = () => {};
  #triggered = false;
  /** Milliseconds: when the loop last gave a sign of life. */
  aliveAt = Date.now();
  /** What the last cycle found, by workspace. */
  readonly outcomes = new Map<string, Outcome>();
  readonly #told = new ToldOnce();
  /** What was told of flows that are skipped or held in the last cycle. */
  readonly #listed = new Map<string, ReadonlySet<string>>();
  /** Since the last cycle that went well: a host that goes away does so in several words, in turn. */
  readonly #troubles = new Set<string>();

  constructor(private readonly options: LoopOptions) {}

  /** Syncs as soon as possible. Calls that come together are one. */
  trigger(): void {
    this.#triggered = true;
    this.#wake();
  }

  /** A sign of life from within a cycle, such as a clone's progress. */
  alive(): void {
    this.aliveAt = Date.now();
  }

  /** Runs until the signal. */
  async run(): Promise<void> {
    const { signal } = this.options;
    while (!signal.aborted) {
      this.#triggered = false;
      this.alive();
      await this.syncOnce();
      await this.pause();
    }
  }

  /**
   * Waits for the interval, a trigger, or a commit at the Git host: asking for its newest is cheap, so it is done more
   * often than all is compared.
   */
  private async pause(): Promise<void> {
    const { intervalSeconds, signal, repository } = this.options;
    // Not in step with the other regions: two that push at once lose time. Never later than the interval.
    const until = Date.now() + intervalSeconds * 1000 * (0.9 + Math.random() / 10);
    await this.rest(TRIGGER_SPACING_MS);
    while (!this.#triggered && !signal.aborted && Date.now() < until) {
      this.alive();
      await this.rest(Math.min((intervalSeconds * 1000) / LOOKS_AT_GIT, until - Date.now()), true);
      if (!this.#triggered && Date.now() < until && (await repository.hasMoved())) return;
    }
    if (this.#triggered) await this.rest(GATHER_MS);
  }

  /** @param untilTriggered whether a trigger ends it */
  private rest(milliseconds: number, untilTriggered = false): Promise<void> {
    return rest(milliseconds, this.options.signal, (end) => {
      if (untilTriggered) this.#wake = end;
    });
  }

  private async syncOnce(): Promise<void> {
    const { metrics, log, signal, becomeWriter, cycle } = this.options;
    for (let races = 0; ; races += 1) {
      const began = Date.now();
      try {
        if (!(await becomeWriter())) {
          metrics.cycles.inc({ result: "standby" });
          if (this.#told.isNews("standby", "yes")) log.info({}, "another agent writes for this region: standing by");
          return;
        }
        this.#told.forget("standby");
        const outcomes = await cycle();
        this.keep(new Set(outcomes.map(({ workspace }) => workspace)));
        for (const outcome of outcomes) this.record(outcome, began);
        metrics.duration.observe((Date.now() - began) / 1000);
        metrics.cycles.inc({ result: "success" });
        this.#troubles.clear();
        return;
      } catch (error) {
        if (signal.aborted) return;
        const result = resultOf(error);
        metrics.cycles.inc({ result });
        if (result === "raced" && races < RACES_MAX) {
          const waitMs = RACE_BACKOFF_MS * 2 ** Math.min(races, 5) * (0.5 + Math.random());
          await this.rest(waitMs);
          continue;
        }
        const message = error instanceof Error ? error.message : String(error);
        // The same trouble every few seconds is told once.
        if (!this.#troubles.has(message)) log.error({ result, ...stackOf(error, result) }, message);
        this.#troubles.add(message);
        return;
      }
    }
  }

  /** Forgets workspaces that are synced no more. */
  private keep(workspaces: ReadonlySet<string>): void {
    this.options.metrics.keep(workspaces);
    for (const workspace of this.outcomes.keys()) if (!workspaces.has(workspace)) this.outcomes.delete(workspace);
  }

  private record(outcome: Outcome, began: number): void {
    const { metrics, log } = this.options;
    const { workspace, imported, exported, conflicts, problems, held, flows, broken } = outcome;
    this.outcomes.set(workspace, outcome);
    metrics.imported.inc({ workspace }, imported);
    metrics.exported.inc({ workspace }, exported);
    metrics.flows.set({ workspace }, flows);
    // A counter that begins with its first conflicts has not risen.
    for (const kind of CONFLICT_KINDS) metrics.conflicts.inc({ workspace, kind }, 0);
    metrics.skipped.set({ workspace }, problems.length);
    for (const [gauge, kind] of [
      [metrics.held, "flow"],
      [metrics.deletesHeld, "deletes"],
      [metrics.secretsHeld, "secret"],
    ] as const)
      gauge.set({ workspace }, held.filter((each) => each.kind === kind).length);
    if (imported + exported > 0) log.info({ workspace, imported, exported, flows }, "synced");
    for (const conflict of conflicts) {
      const told = JSON.stringify(conflict);
      if (!this.#told.isNews(`${workspace} ${conflict.id} ${conflict.kind}`, `${told} ${began - (began % 60_000)}`))
        continue;
      metrics.conflicts.inc({ workspace, kind: conflict.kind });
      log.warn({ workspace, ...conflict }, "conflict settled");
    }
    const code = outcome.heldDeletes?.code;
    this.tellFlows(workspace, "skipped", problems);
    // How many flows there are beside those that wait is no news of them.
    this.tellFlows(workspace, "held", held, ({ kind, reason }) => (kind === "deletes" ? (code ?? reason) : reason));
    if (!broken) metrics.succeeded(workspace, began);
    if (this.#told.isNews(`${workspace} broken`, broken?.message ?? ""))
      log.error({ workspace, result: "langflow-unreachable" }, broken?.message);
  }

  /** A line a flow, once, and again when something about it changes. */
  private tellFlows<T extends Problem>(
    workspace: string,
    what: "skipped" | "held",
    list: readonly T[],
    about: (each: T) => string = ({ reason }) => reason,
  ): void {
    const before = this.#listed.get(`${workspace} ${what}`);
    const now = new Map(list.map((each) => [`${each.path} ${about(each)}`, each]));
    this.#listed.set(`${workspace} ${what}`, new Set(now.keys()));
    for (const [key, { path, reason }] of now)
      if (!before?.has(key)) this.options.log.warn({ workspace, path, reason }, what);
  }
}

function resultOf(error: unknown): CycleResult {
  if (error instanceof Raced) return "raced";
  if (error instanceof GitUnreachable) return "git-unreachable";
  if (error instanceof LangFlowUnreachable) return "langflow-unreachable";
  if (error instanceof DatabaseUnreachable) return "database-unreachable";
  return "failed";
}

/** What nobody foresaw is told with the place it happened at. */
function stackOf(error: unknown, result: CycleResult): { stack?: string } {
  return result === "failed" && error instanceof Error && error.stack ? { stack: error.stack } : {};
}
