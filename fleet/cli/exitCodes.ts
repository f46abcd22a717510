import { ExitCode } from "../../model/errors";

/** Meaning of each exit code in one line, for `--help` and docs/cli.md. */
export const EXIT_CODES: Readonly<Record<ExitCode, string>> = {
  [ExitCode.Success]: "done; for `drift`: no difference",
  [ExitCode.Failure]: "unexpected error: a bug, please report it",
  [ExitCode.BadInput]: "invalid configuration or command line; nothing was changed",
  [ExitCode.Unauthenticated]: "no credentials found, or a cloud rejected them",
  [ExitCode.ResourceFailed]: "a resource could not be created, changed or deleted",
  [ExitCode.InvariantBroken]: "a disaster-recovery invariant would break",
  [ExitCode.StackMissing]: "a stack is not deployed",
  [ExitCode.Drift]: "drift: deployed resources differ from the code",
  [ExitCode.Cancelled]: "interrupted; the state is usable",
  [ExitCode.TimedOut]: "timed out",
  [ExitCode.Unreachable]: "a cloud (or its local emulation) is unreachable, or a stack's state is unreadable",
  [ExitCode.Refused]:
    "refused: a resource is protected, another run is active, a precondition fails, you declined, or there is no terminal to confirm",
  [ExitCode.TargetMissed]: "a drill missed a target; the report names it",
  [ExitCode.Disproved]:
    "a check failed (`prove`, `ready`, a rehearsal, or the comparison of `move-in import`, `try` or `cut-over`); the report says what to do",
};

/** Returns the exit codes with their meanings, in ascending order. */
export const exitCodes = (): [code: number, meaning: string][] =>
  Object.entries(EXIT_CODES)
    .map(([code, meaning]): [number, string] => [Number(code), meaning])
    .sort(([one], [other]) => one - other);
