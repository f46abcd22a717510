import type { Problem } from "../flows/version";
import { GitUnreachable, type Repository } from "../git/repository";
import { LangFlowUnreachable } from "../langflow/client";
import { DatabaseUnreachable } from "../langflow/store";
import type { Log } from "../log";
import type { CycleResult, Metrics } from "../metrics";
import { Rests, rest } from "../rest";
import { ToldOnce } from "../toldOnce";
import type { Cycle } from "./cycle";
import { CONFLICT_KINDS, type Outcome } from "./outcome";
import { NotRecorder, Raced } from "./parts";

export interface LoopOptions {
  /** Whether this agent is the fleet's recorder now. */
  isRecorder(): boolean;
  /** One cycle; undefined where nothing may be recorded yet. */
  cycle(): Promise<Cycle | undefined>;
  readonly repository: Pick<Repository, "hasMoved" | "mend">;
  readonly intervalSeconds: number;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** A lost race is tried again this often, then in the next interval. */
const RACES_MAX = 8;
const RACE_BACKOFF_MS = 100;
/** Requests for the Git host's newest commit in an interval. */
const GIT_POLLS = 5;
/** A host that calls at every push must not keep the agent from anything else. */
const TRIGGER_SPACING_MS = 250;

/** Records at the start, at each interval, when a webhook calls, and when the Git host has a new commit. */
export class RecordLoop {
  readonly #rests: Rests;
  #isRecorder = false;
  /** Milliseconds: when the loop last gave a sign of life. */
  aliveAt = Date.now();
  /** What the last cycle found, an outcome a user's folder. */
  outcomes: readonly Outcome[] = [];
  readonly #told = new ToldOnce();
  /** Flows that were skipped or held in the last cycle, each with what was logged of it. */
  #listed: ReadonlySet<string> = new Set();
  /** Logged since the last cycle that went well: a host that goes away reports that in several ways, in turn. */
  readonly #troubles = new Set<string>();

  constructor(private readonly options: LoopOptions) {
    this.#rests = new Rests(options.signal);
  }

  /** Starts a cycle as soon as possible. Calls that come together are one. */
  trigger(): void {
    this.#rests.call();
  }

  /** A sign of life from within a cycle, such as a clone's progress. */
  alive(): void {
    this.aliveAt = Date.now();
  }

  /** Runs until the signal. */
  async run(): Promise<void> {
    const { signal } = this.options;
    while (!signal.aborted) {
      this.#rests.isCalled = false;
      this.alive();
      await this.once();
      await this.pause();
    }
  }

  /** Waits for the interval, a trigger, or a commit at the Git host, which is asked more often since that costs little. */
  private async pause(): Promise<void> {
    const { intervalSeconds, signal, repository } = this.options;
    const until = Date.now() + intervalSeconds * 1000;
    await rest(TRIGGER_SPACING_MS, signal);
    while (!this.#rests.isCalled && !signal.aborted && Date.now() < until) {
      this.alive();
      await this.#rests.untilCalled(Math.min((intervalSeconds * 1000) / GIT_POLLS, until - Date.now()));
      const asks = this.#isRecorder && !this.#rests.isCalled && Date.now() < until;
      if (asks && (await repository.hasMoved())) return;
    }
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
        if (done.remark !== undefined && this.#told.isNews("remark", done.remark)) log.warn({}, done.remark);
        if (done.trouble) throw done.trouble;
        metrics.duration.observe((Date.now() - began) / 1000);
        metrics.cycles.inc({ result: "success" });
        this.#troubles.clear();
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof NotRecorder) {
          this.stand(false);
          return void metrics.cycles.inc({ result: "standby" });
        }
        const result = resultOf(error);
        const message = error instanceof Error ? error.message : String(error);
        // A damaged clone fails in any way, also as if the host were away: git looks at it once for each trouble.
        const isOfGit = (result === "failed" || result === "git-unreachable") && !this.#troubles.has(message);
        if (isOfGit && !isMended && (await this.options.repository.mend().catch(() => false))) {
          isMended = true;
          continue;
        }
        metrics.cycles.inc({ result });
        if (result === "raced" && races < RACES_MAX) {
          await rest(RACE_BACKOFF_MS * 2 ** Math.min(races, 5) * (0.5 + Math.random()), signal);
          continue;
        }
        // The same trouble every few seconds is logged once.
        if (!this.#troubles.has(message)) log.error({ result, ...stackOf(error, result) }, message);
        this.#troubles.add(message);
        return;
      }
    }
  }

  private stand(isRecorder: boolean): void {
    const { metrics, log } = this.options;
    this.#isRecorder = isRecorder;
    metrics.standing(isRecorder);
    const news = isRecorder ? "this region is the recorder" : "this region is not the recorder: standing by";
    if (this.#told.isNews("standing", news)) log.info({}, news);
    if (isRecorder) return;
    this.outcomes = [];
    this.#listed = new Set();
  }

  private record({ workspace, imported, exported, conflicts, problems, held, flows }: Outcome): void {
    const { metrics, log } = this.options;
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
    if (imported + exported > 0) log.info({ workspace, imported, exported, flows }, "recorded");
    for (const conflict of conflicts) {
      metrics.conflicts.inc({ workspace, kind: conflict.kind });
      log.warn({ workspace, ...conflict }, "conflict settled");
    }
  }

  /** A line a flow that is skipped or held, once, and again when something about it changes. */
  private list(): void {
    const listed = new Set<string>();
    const tell = (workspace: string, { path, reason }: Problem, what: "skipped" | "held", about = reason) => {
      const key = `${workspace} ${what} ${path} ${about}`;
      listed.add(key);
      if (!this.#listed.has(key)) this.options.log.warn({ workspace, path, reason }, what);
    };
    for (const { workspace, problems, held, heldDeletes } of this.outcomes) {
      for (const each of problems) tell(workspace, each, "skipped");
      // How many flows there are besides those that wait makes no difference to them.
      for (const each of held) tell(workspace, each, "held", each.kind === "deletes" ? heldDeletes?.code : undefined);
    }
    this.#listed = listed;
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
