import { ExitCode as AgentExitCode } from "../../../formats/agentErrors";
import { ExitCode, UserError } from "../../../model/errors";

/** The container that ended a run, as reported by Kubernetes or the local fleet. */
export interface EndedContainer {
  readonly container: string;
  readonly exitCode: number;
  /** Last lines of the container's log. */
  readonly log: string;
}

/** Exit codes with which the agent reports a known cause. LangFlow's migrations use none of them. */
const CODES: Readonly<Record<number, ExitCode>> = {
  [AgentExitCode.BadInput]: ExitCode.BadInput,
  [AgentExitCode.Refused]: ExitCode.Refused,
  [AgentExitCode.Unreachable]: ExitCode.Unreachable,
};
/** Maximum number of characters of a container's last line. */
const SAID_MAX = 1_000;

/**
 * Returns the reason why a run failed, in the words of the container that failed. For foreseen errors, the agent prints
 * whole sentences.
 *
 * @param where place of the run for people, for example `us-east`
 */
export function endOfRun(where: string, { container, exitCode, log }: EndedContainer): UserError {
  const said = lastWords(log);
  const known = CODES[exitCode];
  if (known !== undefined && said !== "") return new UserError(said, known);
  return new UserError(
    `${container} of the run in ${where} ended with exit code ${exitCode}: ${said || "no output"}; imported data is consistent. Fix the cause, and run the same command again`,
    ExitCode.ResourceFailed,
  );
}

/** Returns the message in the last line of a log. The agent's log lines are JSON. */
function lastWords(log: string): string {
  const line = log.trim().split("\n").at(-1)?.trim() ?? "";
  try {
    const { message } = JSON.parse(line) as { message?: unknown };
    if (typeof message === "string") return message.slice(0, SAID_MAX);
  } catch {
    // Not JSON: the line is from LangFlow's migrations or the system.
  }
  return line.slice(0, SAID_MAX);
}
