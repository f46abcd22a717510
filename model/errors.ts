/**
 * An error in the input or the environment instead of in this code. The message states what is wrong, where, and how to
 * fix it, and is shown without a stack trace.
 */
export class UserError extends Error {
  /** Identifies the class across copies of this module, for which `instanceof` fails. */
  readonly isUserError = true;

  /**
   * @param message what is wrong, where, and how to fix it
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
 * Exit codes of the process. Codes up to 9 have the same meaning as in the Pulumi CLI (3.226 and later), so that
 * scripts can treat `pulumi` and `fleet` alike; codes from 10 on are specific to `fleet`.
 */
export enum ExitCode {
  Success = 0,
  /** Unexpected error; please report it. */
  Failure = 1,
  /** The configuration or the command line is invalid; nothing was changed. */
  BadInput = 2,
  /** A cloud rejected the credentials. */
  Unauthenticated = 3,
  /** A resource could not be created, changed or deleted; the state records what was done. */
  ResourceFailed = 4,
  /** A disaster recovery invariant is violated (`invariants/`). */
  InvariantBroken = 5,
  /** The stack is not deployed yet. */
  StackMissing = 6,
  /** The deployed resources differ from the code: drift, or unexpected changes. */
  Drift = 7,
  /** Interrupted by the user; the state is usable. */
  Cancelled = 8,
  /** A wait exceeded its timeout. */
  TimedOut = 9,
  /** A cloud, or the local cloud, is unreachable, so its state is unknown. */
  Unreachable = 10,
  /** The user declined, or the resource is protected. */
  Refused = 11,
  /** A drill completed but missed a target; the report names the target. */
  TargetMissed = 12,
  /**
   * A check failed, and the report has the details: the deployed fleet does not behave as expected (`prove`), is not
   * `ready` for the loss of a region, a flow behaves differently than in its original LangFlow (`move-in rehearse`, `move-in
   * try`), or a region lacks imported data (`move-in import`, `move-in cut-over`).
   */
  Disproved = 13,
}
