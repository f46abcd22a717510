import { ExitCode, UserError } from "../../model/errors";

/**
 * What a failed call of GitHub's API means to who gave the token; errors of another kind stay what they are.
 *
 * @param needs what the token must be allowed
 */
function gitHubRefusal(error: unknown, needs: string): unknown {
  const { status, message, response } = error as { status?: number; message?: string; response?: unknown };
  if (status === 401 || status === 403)
    return new UserError(`GitHub refused the token: ${message}; it needs ${needs}`, ExitCode.Unauthenticated);
  // Where nothing answered the client makes up a status, but no response.
  if (status !== undefined && (response === undefined || status >= 500))
    return new UserError(`GitHub could not be reached: ${message}`, ExitCode.Unreachable);
  return error;
}

/**
 * Runs `work` on GitHub's API, and tells in words where GitHub refuses or does not answer.
 *
 * @param needs what the token must be allowed
 * @throws UserError exit 3, exit 10
 */
export async function asking<T>(needs: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw gitHubRefusal(error, needs);
  }
}
