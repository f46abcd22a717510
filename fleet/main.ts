import pc from "picocolors";
import { ExitCode } from "../model/errors";
import { failureOf, isUserError } from "./engine/failure";
import { interruption } from "./engine/interruption";
import { adviseOnNode } from "./terminal/node";
import { commandLine } from "./verbs/commandLine";

adviseOnNode();
// All that speaks gRPC here is on this machine, the engine and providers of the local fleet; the library would ask a proxy for them too.
process.env.no_grpc_proxy = "127.0.0.1,localhost";
const { signal, interrupt } = interruption((message) => process.stderr.write(`\n${message}\n`));
let exitCode: ExitCode = ExitCode.Success;

// Who reads along may leave: that ends no update, and nobody is told of it.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
process.on("SIGINT", interrupt);
process.on("SIGTERM", interrupt);

commandLine({
  signal,
  ended(code) {
    exitCode = code;
  },
})
  .parseAsync()
  .catch((error: unknown) => {
    const failure = failureOf(error, undefined, signal);
    process.stderr.write(`${pc.red(failure.message)}\n`);
    if (!isUserError(error) && failure.exitCode === ExitCode.Failure && error instanceof Error)
      process.stderr.write(`${error.stack}\n`);
    exitCode = failure.exitCode;
  })
  // Open connections must not keep the process, nor its end cut off what a pipe has not taken yet.
  .finally(() => process.stdout.write("", () => process.exit(exitCode)));
