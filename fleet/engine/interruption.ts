import { ExitCode } from "../../model/errors";
import { endEngines } from "./processGroup";

/** npm passes Ctrl-C on to us, who heard it from the terminal already: what comes so soon is the same one. */
const ECHO_MS = 1_000;
/** How long engines have to write down what was under way, once they are to stop at once. */
const LAST_WORDS_MS = 5_000;

/** What the user may do after the first interrupt. */
export const AGAIN = "press Ctrl-C again to stop at once";

export interface Interruption {
  /** Aborted by the first interrupt. */
  readonly signal: AbortSignal;
  /** To be called for each SIGINT and SIGTERM. */
  interrupt(): void;
}

/**
 * What Ctrl-C does. The first asks the engine to finish what it has begun. The second stops it at once: the verb still
 * shows what it has done where the engine ends by itself, and the process ends with exit code 8 where it does not.
 *
 * @param say tells the user what happens
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
