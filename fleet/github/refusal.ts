import { ExitCode, UserError } from "../../model/errors";

/**
 * Converts an error of GitHub's API into a message for the operator. Returns other errors unchanged.
 *
 * @param needs permissions that the token needs
 */
function gitHubRefusal(error: unknown, needs: string): unknown {
  const { status, message, response } = error as { status?: number; message?: string; response?: unknown };
  if (status === 401 || status === 403)
    return new UserError(
      `GitHub rejected GITHUB_TOKEN: ${message}; the token needs ${needs}`,
      ExitCode.Unauthenticated,
    );
  // If no server answered, the client sets a status but no response.
  if (status !== undefined && (response === undefined || status >= 500))
    return new UserError(`GitHub could not be reached: ${message}`, ExitCode.Unreachable);
  return error;
}

/**
 * Runs `work` on GitHub's API. Explains the failure if GitHub rejects the token or does not answer.
 *
 * @param needs permissions that the token needs
 * @throws UserError exit 3, exit 10
 */
export async function asking<T>(needs: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw gitHubRefusal(error, needs);
  }
}
