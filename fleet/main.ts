import pc from "picocolors";
import { ExitCode } from "../model/errors";
import { replaceFetchClient } from "../model/fetchClient";
import { failureOf, isUserError } from "./engine/failure";
import { interruption } from "./engine/interruption";
import { adviseOnNode } from "./terminal/node";
import { commandLine } from "./verbs/commandLine";

replaceFetchClient();
adviseOnNode();
// All gRPC servers used here run on this machine: the engine and the local fleet's providers. Without this, the gRPC
// library would route these connections through a configured proxy.
process.env.no_grpc_proxy = "127.0.0.1,localhost";
const { signal, interrupt } = interruption((message) => process.stderr.write(`\n${message}\n`));
let exitCode: ExitCode = ExitCode.Success;

// Ignores write errors, so that a reader that closes the pipe does not end an update.
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
  // Exits explicitly, because open connections would keep the process running, but only after a pipe has received all
  // output.
  .finally(() => process.stdout.write("", () => process.exit(exitCode)));
