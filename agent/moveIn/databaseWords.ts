import { DatabaseError } from "pg";
import { AgentError, ExitCode } from "../../formats/agentErrors";

const DISK_FULL = "53100";
/** Matches error codes that end a session, including termination by an operator (PostgreSQL, "Error Codes"). */
const IS_AWAY = /^(08|57P|ECONN|EPIPE|ETIMEDOUT)/;
const ENDED = /Connection terminated|Client has encountered a connection error|not queryable/;

/**
 * Runs an import's work, and replaces errors of the environment (disk full, connection lost) with a one-sentence
 * explanation.
 *
 * @param whose for example "the database of us-east"
 */
export async function inWords<T>(whose: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code = "", message } = error as Error & { code?: string };
    if (error instanceof DatabaseError && code === DISK_FULL)
      throw new AgentError(
        `${whose} has no free disk space (${message}): give its server a larger disk. Imported data is consistent: run the same command again`,
      );
    if (IS_AWAY.test(code) || ENDED.test(message))
      throw new AgentError(
        `lost the connection to ${whose} (${message || code}). Imported data is consistent: run the same command again`,
        ExitCode.Unreachable,
      );
    throw error;
  }
}
