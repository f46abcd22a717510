import { abortableSleep } from "./abortableSleep";
import { Trigger } from "./trigger";

export interface RoundLoopOptions {
  /** One round. Reports its own failures: an error that it throws ends the loop. */
  round(): Promise<void>;
  /**
   * Whether a round starts now. Asked at the start, after each pause and after each trigger. Default: always.
   *
   * @param isTriggered whether {@link RoundLoop.trigger} was called since the last time
   */
  isDue?(isTriggered: boolean): Promise<boolean>;
  /** Milliseconds until {@link isDue} is asked next, unless a trigger comes first. */
  pauseMs(): number;
  /** Minimum pause after a round, in milliseconds: a trigger does not end it. Default: 0. */
  spacingMs?: number;
  /** Delay after a trigger, in milliseconds, so that triggers in quick succession start one round. Default: 0. */
  debounceMs?: number;
  readonly signal: AbortSignal;
}

/** Runs rounds, one at a time, at an interval and when triggered, until the signal. Every loop of the agent is one of these. */
export class RoundLoop {
  readonly #trigger: Trigger;
  /** Whether a round runs, or the loop decides whether one is due. */
  isBusy = false;

  constructor(private readonly options: RoundLoopOptions) {
    this.#trigger = new Trigger(options.signal);
  }

  /** Asks for a round as soon as possible. */
  trigger(): void {
    this.#trigger.fire();
  }

  /** Drops a pending trigger: the round that starts now does what it asks for. */
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
