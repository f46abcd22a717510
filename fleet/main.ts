import pc from "picocolors";
import { ExitCode } from "../model/errors";
import { commandLine } from "./commandLine";
import { failureOf, isUserError } from "./failure";

const abort = new AbortController();
let exitCode: ExitCode = ExitCode.Success;

/** The first Ctrl-C (npm passes it on a second time) asks the engine to finish what it has begun. */
function interrupt(): void {
  if (abort.signal.aborted) return;
  process.stderr.write("\ninterrupted: letting the engine finish what it has begun\n");
  abort.abort();
}
process.on("SIGINT", interrupt);
process.on("SIGTERM", interrupt);

commandLine(abort.signal, (code) => {
  exitCode = code;
})
  .parseAsync()
  .catch((error: unknown) => {
    const failure = failureOf(error, undefined, abort.signal);
    process.stderr.write(`${pc.red(failure.message)}\n`);
    if (!isUserError(error) && failure.exitCode === ExitCode.Failure && error instanceof Error)
      process.stderr.write(`${error.stack}\n`);
    exitCode = failure.exitCode;
  })
  // Open connections must not keep the process, nor its end cut off what a pipe has not taken yet.
  .finally(() => process.stdout.write("", () => process.exit(exitCode)));
