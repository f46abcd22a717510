import { Command, CommanderError } from "commander";
import { AgentError, ExitCode } from "../formats/agentErrors";
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
import { makeLog } from "./process/log";
import { collectSooner } from "./process/memory";

/** Runs one command of the agent. Never throws: logs an error as one line and returns its exit code. */
async function main(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const log = makeLog(environment.AGENT_LOG_LEVEL ?? "info", environment.AGENT_REGION ?? "");
  const program = new Command("agent")
    .description("Replicates LangFlow's data between regions, records flows in Git, and backs up a region")
    .exitOverride();
  const context: Context = { environment, log, signal: stop.signal };
  program
    .command("adopt")
    .description("give LangFlow's superuser its fleet-wide id, the same in every region; safe to repeat")
    .action(() => adopt(context));
  program
    .command("sync")
    .description("run the region's agent: replication, the record of flows in Git, and the schedules' lease")
    .action(() => sync(context));
  program
    .command("release")
    .description("apply held deletes")
    .requiredOption("--deletes <code>", "code of the held deletes, from the log or /healthz")
    .action((flags) => decideDeletes(context, "release", flags));
  program
    .command("reject")
    .description("undo held deletes by this region's users")
    .requiredOption("--deletes <code>", "code of the held deletes, from the log")
    .action((flags) => decideDeletes(context, "reject", flags));
  program
    .command("hand-over")
    .description("hand over the schedules to another region; needs a witness")
    .requiredOption(
      "--to <region>",
      "name of the region, such as us-east; if it cannot take the schedules, a region that can takes them",
    )
    .action((flags) => handOver(context, flags));
  program
    .command("rekey")
    .description(
      "re-encrypt the database's secrets from the previous secret key, read from standard input, to this agent's key",
    )
    .option("--dry-run", "report the changes without making them")
    .option("--leave-unreadable", "leave secrets that neither key decrypts unchanged (default: fail)")
    .action((flags) => rekey(context, flags));
  program
    .command("backup")
    .description("back up the region to its bucket: database, files and flows")
    .action(() => backup(context));
  program
    .command("verify")
    .description("check every object of a backup against its manifest")
    .option("--backup <id>", "backup to use (default: the newest)")
    .action((flags) => verify(context, flags));
  program
    .command("restore")
    .description("verify a backup, then restore the region to it")
    .option("--backup <id>", "backup to use (default: the newest)")
    .option("--from-region <region>", "region whose backup to use (default: this region)")
    .option("--bucket <name>", "bucket with that region's backups (default: this region's bucket, which has copies)")
    .option("--overwrite", "overwrite data that is newer than the backup (default: fail)")
    .option("--wins", "override all deletes and changes since the backup, in every region")
    .option("--without-lost-files", "skip uploaded files whose backed-up version no longer exists (default: fail)")
    .option("--rehearse", "test the backup: restore its database into a temporary one, count its rows, and drop it")
    .action((flags) => restore(context, flags));
  program
    .command("move-in <stage>")
    .description(
      "run one stage of importing a packed LangFlow: begin, load, carry (after LangFlow's migrations), or since, which reports the changes in the region since the import",
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
