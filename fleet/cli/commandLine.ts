import { Command } from "commander";
import { ExitCode } from "../../model/errors";
import { version } from "../../package.json";
import { comment } from "../verbs/comment";
import { deploy } from "../verbs/deploy";
import { deployed } from "../verbs/deployed";
import { destroy } from "../verbs/destroy";
import { doctor } from "../verbs/doctor";
import { drift } from "../verbs/drift";
import { drill } from "../verbs/drill";
import { drillIssue } from "../verbs/drillIssue";
import { image } from "../verbs/image";
import { init } from "../verbs/init";
import { moveIn } from "../verbs/moveIn";
import { preview } from "../verbs/preview";
import { prove } from "../verbs/prove";
import { ready } from "../verbs/ready";
import { rehearse } from "../verbs/rehearse";
import { render } from "../verbs/render";
import { status } from "../verbs/status";
import { up } from "../verbs/up";
import { requireFolders } from "./folders";
import type { Run, Verb } from "./verb";

/** In the order of the help. */
const VERBS: readonly Verb[] = [
  up,
  deploy,
  preview,
  drift,
  doctor,
  init,
  moveIn,
  status,
  drill,
  prove,
  ready,
  rehearse,
  render,
  destroy,
  drillIssue,
  comment,
  image,
  deployed,
];

const EXIT_CODES = `
Exit codes: 0 done · 1 unforeseen · 2 bad config or command line · 3 no credentials, or refused · 4 a resource failed ·
5 an invariant broken · 6 a stack missing · 7 drift · 8 interrupted · 9 timed out · 10 a cloud unreachable · 11 refused · 12 a drill missed a target ·
13 disproved, or not ready`;

/** The command line, made of all verbs. */
export function commandLine(run: Run): Command {
  const fleet = new Command("fleet")
    .description("LangFlow's stacks as one fleet: deploy, preview, find drift, look, take down")
    .version(version, "--version", "the version of this fleet's program")
    .addHelpText("after", EXIT_CODES)
    .configureHelp({ showGlobalOptions: true })
    .hook("preAction", (_, chosen) => requireFolders(chosen.name(), chosen.opts()));
  for (const verb of VERBS) fleet.addCommand(verb.command(run));
  return refusing(fleet, fleet.name());
}

/**
 * A line that cannot be read ends with our own exit code and one line on stderr, whichever verb it names.
 *
 * @param words what the command is called by
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
