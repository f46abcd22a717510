import { ExitCode, UserError } from "../../model/errors";
import type { Recording } from "./changes";

/** Minutes in which an engine may say nothing. */
export interface Silence {
  /** While it only looks: no read takes longer than seconds. */
  readonly looking: number;
  /** While it changes: a database with its last snapshot, or a cluster, takes up to an hour, in which nothing is said. */
  readonly changing: number;
}

export const SILENCE: Silence = { looking: 10, changing: 90 };

const MINUTE_MS = 60_000;
const LOOK_MS = 1_000;

/** Why a run was given up: the engine is to end at once, since what it waits for does not end. */
export class Unanswered extends UserError {}

/**
 * Runs the engine, and ends it when nothing has been heard of it for too long: somebody takes its calls and does not
 * answer.
 *
 * @param minutes how long is too long
 * @param signal the user's own wish for the end
 * @param work is given the signal that the engine is to end by
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
