/** Exit codes of the agent's process. */
export const ExitCode = {
  Success: 0,
  Failure: 1,
  /** The environment or the arguments are invalid. */
  BadInput: 2,
  /** The command would lose data, or the agent does not support the schema. Nothing was written. */
  Refused: 3,
  /** A checksum does not match. Nothing was written. */
  Damaged: 4,
  /** A service that the agent needs does not respond. */
  Unreachable: 5,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** An error whose message tells the user what to do. It is shown without a stack. */
export class AgentError extends Error {
  constructor(
    message: string,
    readonly exitCode: ExitCode = ExitCode.Failure,
  ) {
    super(message);
  }
}
