import { Command, CommanderError } from "commander";
import { adopt } from "./commands/adopt";
import { backup } from "./commands/backup";
import { decideDeletes } from "./commands/decideDeletes";
import { handOver } from "./commands/handOver";
import { moveIn } from "./commands/moveIn";
import { rekey } from "./commands/rekey";
import { restore } from "./commands/restore";
import { sync } from "./commands/sync";
import { verify } from "./commands/verify";
import type { Context } from "./process/context";
import { AgentError, ExitCode } from "./process/errors";
import { makeLog } from "./process/log";
import { collectSooner } from "./process/memory";

/** Runs one command of the agent. Never throws: logs an error as one line and returns its exit code. */
async function main(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const log = makeLog(environment.AGENT_LOG_LEVEL ?? "info", environment.AGENT_REGION ?? "");
  const program = new Command("agent")
    .description(
      "Keeps what users make in LangFlow the same in every region, records flows in Git, and backs a region up",
    )
    .exitOverride();
  const context: Context = { environment, log, signal: stop.signal };
  program
    .command("adopt")
    .description("give LangFlow's superuser the id it has in every region; harmless the second time")
    .action(() => adopt(context));
  program
    .command("sync")
    .description("run the region's agent: replication, the record of flows in Git, the schedules' lease")
    .action(() => sync(context));
  program
    .command("release")
    .description("let deletes go on that wait for a person")
    .requiredOption("--deletes <code>", "the code that the log, and /healthz, name them by")
    .action((flags) => decideDeletes(context, "release", flags));
  program
    .command("reject")
    .description("undo deletes of this region's users that wait for a person")
    .requiredOption("--deletes <code>", "the code that the log names them by")
    .action((flags) => decideDeletes(context, "reject", flags));
  program
    .command("hand-over")
    .description("give the schedules to another region, where a witness says who holds them")
    .requiredOption("--to <region>", "our name of the region; where it cannot take them, whoever can does")
    .action((flags) => handOver(context, flags));
  program
    .command("rekey")
    .description(
      "re-encrypt under this agent's secret key what is under the one before, which is read from standard input",
    )
    .option("--dry-run", "say what would be done")
    .option("--leave-unreadable", "also where something is under neither key, which is left as it is")
    .action((flags) => rekey(context, flags));
  program
    .command("backup")
    .description("back the region up into its bucket: database, files, flows")
    .action(() => backup(context));
  program
    .command("verify")
    .description("check every object of a backup against its manifest")
    .option("--backup <id>", "the backup; by default the newest")
    .action((flags) => verify(context, flags));
  program
    .command("restore")
    .description("put the region back to a backup, which is checked first")
    .option("--backup <id>", "the backup; by default the newest")
    .option("--from-region <region>", "whose backup; by default this region's own")
    .option("--bucket <name>", "where that region's backups lie; by default this region's bucket, which holds copies")
    .option("--overwrite", "also over data that is newer than the backup")
    .option("--wins", "in every region, over all that was deleted and changed since the backup")
    .option("--without-lost-files", "also where uploaded files are no longer there as they were backed up")
    .option(
      "--rehearse",
      "put nothing back: its database alone into an empty one beside LangFlow's, counted and dropped",
    )
    .action((flags) => restore(context, flags));
  program
    .command("move-in <stage>")
    .description(
      "take in a LangFlow that was packed: begin, load, carry, LangFlow's migrations between them; since: what was made in the region after that",
    )
    .action((stage) => moveIn(context, stage));
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

collectSooner();
void main(process.argv, process.env).then((code) => process.exit(code));
