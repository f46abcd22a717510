import { AgentError, ExitCode } from "../process/errors";

/**
 * Does the work of a command. Once that was told to stop, whatever the work ends with is the interruption: which of a
 * dozen streams and requests fell first says nothing to anybody.
 *
 * @param state what the interruption leaves behind, for the message
 */
export async function interruptible<Result>(
  signal: AbortSignal | undefined,
  state: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw signal?.aborted ? new AgentError(`interrupted: ${state}`, ExitCode.Failure) : error;
  }
}
