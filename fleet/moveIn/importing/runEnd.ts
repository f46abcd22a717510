import { ExitCode as AgentExitCode } from "../../../agent/process/errors";
import { ExitCode, UserError } from "../../../model/errors";

/** The container that ended a run, as Kubernetes or the local fleet tells of it. */
export interface EndedContainer {
  readonly container: string;
  readonly exitCode: number;
  /** The end of what it said. */
  readonly log: string;
}

/** What the agent's stages end with where they know why; LangFlow's migrations know none of it. */
const CODES: Readonly<Record<number, ExitCode>> = {
  [AgentExitCode.BadInput]: ExitCode.BadInput,
  [AgentExitCode.Refused]: ExitCode.Refused,
  [AgentExitCode.Unreachable]: ExitCode.Unreachable,
};
/** Of what a container says last. */
const SAID_MAX = 1_000;

/**
 * Why a run did not come to its end, in the words of the container that ended it: those are whole sentences where the agent foresaw it.
 *
 * @param where for people, for example `us-east`
 */
export function endOfRun(where: string, { container, exitCode, log }: EndedContainer): UserError {
  const said = lastWords(log);
  const known = CODES[exitCode];
  if (known !== undefined && said !== "") return new UserError(said, known);
  return new UserError(
    `${container} of the run in ${where} ended with ${exitCode}: ${said || "it said nothing"}; imported data is consistent: mend that, and run the same command again`,
    ExitCode.ResourceFailed,
  );
}

/** The message of the last line, which of the agent's is JSON. */
function lastWords(log: string): string {
  const line = log.trim().split("\n").at(-1)?.trim() ?? "";
  try {
    const { message } = JSON.parse(line) as { message?: unknown };
    if (typeof message === "string") return message.slice(0, SAID_MAX);
  } catch {
    // No JSON: LangFlow's migrations, or the system.
  }
  return line.slice(0, SAID_MAX);
}
