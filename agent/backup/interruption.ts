import { AgentError, ExitCode } from "../../formats/agentErrors";

/**
 * Runs a command's work. If the signal has aborted, any error of the work is replaced by "interrupted": which of a
 * dozen streams and requests failed first is of no use to the reader.
 *
 * @param state the state that the interruption leaves behind, for the message
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
