/**
 * Something is wrong with what was asked for or with the world around, not with this code: its message says what is wrong,
 * where, and how to mend it, and is shown without a stack trace.
 */
export class UserError extends Error {
  /** Marks the class across module copies, where `instanceof` would not hold. */
  readonly isUserError = true;

  /**
   * @param message what is wrong, where, and the way out
   * @param exitCode one of {@link ExitCode}
   */
  constructor(
    message: string,
    readonly exitCode: ExitCode = ExitCode.Failure,
  ) {
    super(message);
    this.name = "UserError";
  }
}

/**
 * What the process tells its caller. Numbers up to 9 mean what they mean in the Pulumi CLI (3.226 and later), so a
 * script may treat `pulumi` and `fleet` alike; 10 and above are ours.
 */
export enum ExitCode {
  Success = 0,
  /** Something nobody foresaw: please report it. */
  Failure = 1,
  /** The configuration or the command line is wrong; nothing was touched. */
  BadInput = 2,
  /** A cloud refused our credentials. */
  Unauthenticated = 3,
  /** A resource could not be created, changed or deleted; the state says how far it went. */
  ResourceFailed = 4,
  /** An invariant of the disaster recovery does not hold (`invariants/`). */
  InvariantBroken = 5,
  /** The stack is not deployed yet. */
  StackMissing = 6,
  /** The world differs from the code: drift, or changes where none were expected. */
  Drift = 7,
  /** Interrupted by the user; the state is usable. */
  Cancelled = 8,
  /** Waited for longer than allowed. */
  TimedOut = 9,
  /** A cloud, or the local one, could not be reached, so nothing can be said about it. */
  Unreachable = 10,
  /** Asked and answered no, or protected. */
  Refused = 11,
  /** A drill ran to its end, and a target was missed; the report says which. */
  TargetMissed = 12,
  /**
   * Something that a deployed fleet is taken to do, it does not (`prove`), it is not `ready` for a loss, a flow that is to move
   * does not do in its LangFlow what it did (`move-in rehearse`), or a region lacks what was imported (`move-in import`); the report says what.
   */
  Disproved = 13,
}
