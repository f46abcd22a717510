import { ExitCode, UserError } from "../../model/errors";
import type { Recording } from "./changes";

/** Time limits, in minutes, for an engine without output. */
export interface Silence {
  /** Limit for commands that only read. A read takes seconds. */
  readonly looking: number;
  /**
   * Limit for commands that change resources. Deleting a database with a final snapshot or creating a cluster takes up
   * to an hour without output.
   */
  readonly changing: number;
}

export const SILENCE: Silence = { looking: 10, changing: 90 };

const MINUTE_MS = 60_000;
const LOOK_MS = 1_000;

/**
 * Abort reason if the engine was silent for too long. The engine must stop at once, because it waits for an operation
 * that does not end.
 */
export class Unanswered extends UserError {}

/**
 * Runs the engine and stops it after a time without output, which means that a service accepts calls but does not
 * answer.
 *
 * @param minutes time limit without output
 * @param signal aborts if the user interrupts
 * @param work called with the signal that stops the engine
 * @throws Unanswered exit 10
 */
export async function whileHeard<T>(
  recording: Recording,
  minutes: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const interrupt = () => end.abort(signal.reason);
  if (signal.aborted) interrupt();
  signal.addEventListener("abort", interrupt);
  recording.heard = Date.now();
  let unanswered: Unanswered | undefined;
  const clock = setInterval(() => {
    if (end.signal.aborted || Date.now() - recording.heard < minutes * MINUTE_MS) return;
    unanswered = new Unanswered(inWords(recording, minutes), ExitCode.Unreachable);
    end.abort(unanswered);
  }, LOOK_MS);
  try {
    return await work(end.signal);
  } catch (error) {
    throw unanswered ?? error;
  } finally {
    clearInterval(clock);
    signal.removeEventListener("abort", interrupt);
  }
}

const SHOWN = 3;

function inWords({ atWork }: Recording, minutes: number): string {
  const shown = atWork.slice(0, SHOWN).join(", ");
  const rest = atWork.length > SHOWN ? ` and ${atWork.length - SHOWN} more` : "";
  return `no answer for ${minutes} minutes${shown && `: ${shown}${rest} did not finish`}; the engine was stopped. Run \`up\` to resume`;
}
