import { ExitCode } from "../../model/errors";
import { endEngines } from "./processGroup";

/**
 * Interval in which a second interrupt is ignored. npm forwards Ctrl-C, which this process has already received from
 * the terminal.
 */
const ECHO_MS = 1_000;
/** Time that engines get to record their operations in progress once they must stop. */
const LAST_WORDS_MS = 5_000;

/** Hint shown after the first interrupt. */
export const AGAIN = "press Ctrl-C again to stop at once";

export interface Interruption {
  /** Aborted by the first interrupt. */
  readonly signal: AbortSignal;
  /** Must be called for each SIGINT and SIGTERM. */
  interrupt(): void;
}

/**
 * Handles Ctrl-C. The first interrupt asks the engine to finish its operations in progress. The second one stops the
 * engine immediately: if the engine ends by itself, the verb still shows its results; otherwise the process exits with
 * code 8.
 *
 * @param say shows a message to the user
 */
export function interruption(say: (message: string) => void): Interruption {
  const abort = new AbortController();
  let heard: number | undefined;
  return {
    signal: abort.signal,
    interrupt() {
      const now = Date.now();
      if (heard === undefined) {
        say(`interrupted: the engine finishes the operations in progress; ${AGAIN}`);
        abort.abort();
      } else if (now - heard < ECHO_MS) return;
      else stopAtOnce(say);
      heard = now;
    },
  };
}

function stopAtOnce(say: (message: string) => void): void {
  say(
    "stopped at once: resources in progress may exist without being in the state. Run `up` to find them and resume (after a drill: `drill --restore`)",
  );
  endEngines("SIGINT");
  setTimeout(() => {
    endEngines("SIGKILL");
    process.exit(ExitCode.Cancelled);
  }, LAST_WORDS_MS).unref();
}
