/** What the agent's process ends with. */
export const ExitCode = {
  Success: 0,
  Failure: 1,
  /** The environment or the arguments do not hold. */
  BadInput: 2,
  /** Doing it would lose something, or the schema is not understood; nothing was written. */
  Refused: 3,
  /** A checksum does not hold; nothing was written. */
  Damaged: 4,
  /** Something the agent needs does not answer. */
  Unreachable: 5,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** LangFlow's database does not answer, or the agent does not understand its schema. */
export class DatabaseUnreachable extends Error {}

/** An error that tells its reader what to do: shown as its message alone, without a stack. */
export class AgentError extends Error {
  constructor(
    message: string,
    readonly exitCode: ExitCode = ExitCode.Failure,
  ) {
    super(message);
  }
}
