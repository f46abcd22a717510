import { Command } from "commander";
import { ExitCode } from "../../model/errors";
import { version } from "../../package.json";
import { exitCodes } from "../cli/exitCodes";
import { requireFolders } from "../cli/folders";
import type { Run, Verb } from "../cli/verb";
import { comment } from "./comment/verb";
import { deploy } from "./deploy/verb";
import { deployed } from "./deployed/verb";
import { destroy } from "./destroy/verb";
import { doctor } from "./doctor/verb";
import { drift } from "./drift/verb";
import { drill } from "./drill/verb";
import { drillIssue } from "./drillIssue/verb";
import { image } from "./image/verb";
import { init } from "./init/verb";
import { moveIn } from "./moveIn/verb";
import { preview } from "./preview/verb";
import { prove } from "./prove/verb";
import { ready } from "./ready/verb";
import { rehearse } from "./rehearse/verb";
import { render } from "./render/verb";
import { status } from "./status/verb";
import { up } from "./up/verb";

/** All verbs by group, in the order of `--help`, docs/cli.md and the README. */
const GROUPS: Readonly<Record<string, readonly Verb[]>> = {
  "Set up": [init, doctor, moveIn],
  Deploy: [preview, up, deploy, render, destroy],
  Check: [status, drift, ready, prove, drill, rehearse],
  Automate: [image, comment, deployed, drillIssue],
};

/** Lists every exit code for the help. */
function exitCodeLines(): string {
  const lines = exitCodes().map(([code, meaning]) => `  ${String(code).padEnd(4)}${meaning}`);
  return ["", "Exit codes:", ...lines, "", "All verbs, options and examples: docs/cli.md"].join("\n");
}

/** Builds the command line from all verbs. */
export function commandLine(run: Run): Command {
  const fleet = new Command("fleet")
    .description("deploy, check and drill LangFlow in several AWS regions")
    .version(version, "--version", "print the version of this program")
    .addHelpText("after", exitCodeLines)
    .configureHelp({ showGlobalOptions: true })
    .hook("preAction", (_, chosen) => requireFolders(chosen.name(), chosen.opts()));
  for (const [group, verbs] of Object.entries(GROUPS))
    for (const verb of verbs) fleet.addCommand(verb.command(run).helpGroup(`${group}:`));
  return refusing(fleet, fleet.name());
}

/**
 * Makes parse errors of all verbs end with our exit code and one line on stderr.
 *
 * @param words the full command, for example `fleet image verify`
 */
function refusing(command: Command, words: string): Command {
  command
    .exitOverride((error) => process.exit(error.exitCode === 0 ? ExitCode.Success : ExitCode.BadInput))
    .configureOutput({
      outputError: (said, write) => write(`${said.trim().replaceAll(/\s*\n\s*/g, " ")}; see \`${words} --help\`\n`),
    });
  for (const each of command.commands) refusing(each, `${words} ${each.name()}`);
  return command;
}
