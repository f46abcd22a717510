import { AgentError, ExitCode } from "../../formats/agentErrors";

/**
 * Name of the temporary file that a restore writes before renaming it. A killed restore leaves one behind; backups skip
 * it, and the next restore replaces it.
 */
export const PASSING_NAME = ".agent-restore";

/**
 * Parses an archive entry's name into path segments below the claim, without `.`, `..` or empty segments. An empty list
 * is the claim itself.
 *
 * @throws AgentError (Damaged) if the name is empty or leads out of the claim
 */
export function claimPath(name: string): string[] {
  const segments = name.split("/").filter((segment) => segment !== "" && segment !== ".");
  if (name === "" || name.startsWith("/") || name.includes("\0") || segments.includes(".."))
    throw new AgentError(
      `the archive contains ${JSON.stringify(name)}, a path outside the PersistentVolumeClaim`,
      ExitCode.Damaged,
    );
  return segments;
}
