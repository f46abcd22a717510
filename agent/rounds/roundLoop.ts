import { abortableSleep } from "./abortableSleep";
import { Trigger } from "./trigger";

export interface RoundLoopOptions {
  /** Runs one round. It reports its own failures: an error that it throws ends the loop. */
  round(): Promise<void>;
  /**
   * Returns whether a round starts now. Called at the start, after each pause and after each trigger. Default: always.
   *
   * @param isTriggered whether {@link RoundLoop.trigger} was called since the last call
   */
  isDue?(isTriggered: boolean): Promise<boolean>;
  /** Returns the time until the next call of {@link isDue}, in milliseconds. A trigger ends the pause early. */
  pauseMs(): number;
  /** Minimum pause after a round, in milliseconds, which a trigger does not end. Default: 0. */
  spacingMs?: number;
  /** Debounce after a trigger, in milliseconds: triggers in quick succession start one round. Default: 0. */
  debounceMs?: number;
  readonly signal: AbortSignal;
}

/**
 * Runs rounds one at a time, at an interval and when triggered, until the signal aborts. Every loop of the agent uses
 * it.
 */
export class RoundLoop {
  readonly #trigger: Trigger;
  /** Whether a round is running, or the loop is checking whether a round is due. */
  isBusy = false;

  constructor(private readonly options: RoundLoopOptions) {
    this.#trigger = new Trigger(options.signal);
  }

  /** Requests a round as soon as possible. */
  trigger(): void {
    this.#trigger.fire();
  }

  /** Drops a pending trigger, because the round that starts now does what was requested. */
  dropTrigger(): void {
    this.#trigger.take();
  }

  async run(): Promise<void> {
    const { round, isDue, pauseMs, spacingMs = 0, debounceMs = 0, signal } = this.options;
    while (!signal.aborted) {
      const isTriggered = this.#trigger.take();
      this.isBusy = true;
      const isRound = isDue ? await isDue(isTriggered) : true;
      if (isRound) await round();
      this.isBusy = false;
      if (isRound && spacingMs > 0) await abortableSleep(spacingMs, signal);
      await this.#trigger.wait(pauseMs());
      if (debounceMs > 0 && this.#trigger.isPending) await abortableSleep(debounceMs, signal);
    }
  }
}
