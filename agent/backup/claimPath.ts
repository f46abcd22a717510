import { AgentError, ExitCode } from "../process/errors";

/**
 * A file on its way into its folder of the claim. A restore that was killed leaves one behind; no backup takes it, and
 * the next restore takes its place.
 */
export const PASSING_NAME = ".agent-restore";

/**
 * An archive entry's name as a path below the claim: segments without `.`, `..` or an empty one. An empty list is the
 * claim itself.
 *
 * @throws AgentError (Damaged) for a name that leads out, or is none
 */
export function claimPath(name: string): string[] {
  const segments = name.split("/").filter((segment) => segment !== "" && segment !== ".");
  if (name === "" || name.startsWith("/") || name.includes("\0") || segments.includes(".."))
    throw new AgentError(`the archive holds ${JSON.stringify(name)}, which leads out of the claim`, ExitCode.Damaged);
  return segments;
}
