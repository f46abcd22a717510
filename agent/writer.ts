import type { FlowStore } from "./langflow/store";
import type { Log } from "./log";
import { rest } from "./rest";
import { RoundTrouble } from "./roundTrouble";
import { ToldOnce } from "./toldOnce";

export interface WriterOptions {
  readonly store: Pick<FlowStore, "becomeWriter">;
  readonly intervalSeconds: number;
  readonly log: Pick<Log, "info" | "error">;
  readonly signal: AbortSignal;
}

/** Becomes the region's one writer, and notices when it is no longer: the other loops do nothing without that. */
export class Writer {
  isWriter = false;
  /** Since when, in milliseconds of the process's steady clock. A database that is put back ends the session by which it is so. */
  since = Number.POSITIVE_INFINITY;
  /** Milliseconds: when the loop last gave a sign of life. */
  aliveAt = Date.now();
  readonly #told = new ToldOnce();
  readonly #trouble: RoundTrouble<"failed">;

  constructor(private readonly options: WriterOptions) {
    this.#trouble = new RoundTrouble("the region's database", "failed", options.log);
  }

  /** Runs until the signal. */
  async run(): Promise<void> {
    const { signal, intervalSeconds } = this.options;
    while (!signal.aborted) {
      this.aliveAt = Date.now();
      await this.once();
      await rest(intervalSeconds * 1000, signal);
    }
  }

  /** Asks the database whether this agent is, or becomes, the writer. */
  async once(): Promise<void> {
    const { store, log, signal } = this.options;
    try {
      const isWriter = await store.becomeWriter();
      if (isWriter && !this.isWriter) this.since = performance.now();
      this.isWriter = isWriter;
      this.#trouble.isOver();
    } catch (error) {
      this.isWriter = false;
      if (!signal.aborted) this.#trouble.say(error);
      return;
    }
    const standby = this.isWriter ? "" : "another agent writes for this region: standing by";
    if (this.#told.isNews("standby", standby)) log.info({}, standby);
  }
}
