import { Command, CommanderError } from "commander";
import { parseConfig } from "./config";
import { AgentError, ExitCode } from "./errors";
import { makeLog } from "./log";

/** Runs one command of the agent. Never throws: what went wrong is one line of the log and the exit code. */
async function main(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const log = makeLog(environment.AGENT_LOG_LEVEL ?? "info", environment.AGENT_REGION ?? "");
  const program = new Command("agent")
    .description("Keeps LangFlow's flows the same in every region, and backs a region up")
    .exitOverride();
  program
    .command("sync")
    .description("bring LangFlow and Git to the same flows: now, at each interval, when the webhook is called")
    .action(async () => {
      const { sync } = await import("./sync/main");
      await sync(parseConfig("sync", environment), environment, log, stop.signal);
    });
  try {
    await program.parseAsync(argv);
    return ExitCode.Success;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Success : ExitCode.BadInput;
    const known = error instanceof AgentError;
    const message = error instanceof Error ? error.message : String(error);
    log.error(known ? {} : { stack: (error as Error)?.stack }, message);
    return known ? error.exitCode : ExitCode.Failure;
  }
}

void main(process.argv, process.env).then((code) => process.exit(code));
