import { DatabaseError } from "pg";
import { AgentError, ExitCode } from "../process/errors";

const DISK_FULL = "53100";
/** Classes of errors that end a session, and that of an operator's command (PostgreSQL, "Error Codes"). */
const IS_AWAY = /^(08|57P|ECONN|EPIPE|ETIMEDOUT)/;
const ENDED = /Connection terminated|Client has encountered a connection error|not queryable/;

/**
 * What an import ends with that is nobody's fault here, in one sentence.
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
        `${whose} has no room left (${message}): give its server a larger disk; imported data is consistent: run the same command again`,
      );
    if (IS_AWAY.test(code) || ENDED.test(message))
      throw new AgentError(
        `lost the connection to ${whose} (${message || code}); imported data is consistent: run the same command again`,
        ExitCode.Unreachable,
      );
    throw error;
  }
}
