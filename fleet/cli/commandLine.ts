import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { ExitCode } from "../../model/errors";
import { FAULTS } from "../drill/report";
import { SILENCE } from "../stacks/silence";
import type { VerbOptions } from "./command";
import { requireFolders } from "./folders";

const ROOT = join(__dirname, "../..");

const EXIT_CODES = `
Exit codes: 0 done · 1 unforeseen · 2 bad config or command line · 3 no credentials, or refused · 4 a resource failed ·
5 an invariant broken · 6 a stack missing · 7 drift · 8 interrupted · 9 timed out · 10 a cloud unreachable · 11 refused · 12 a drill missed a target ·
13 disproved`;

/**
 * The command line: every verb with its options. A verb's module is loaded when it runs: `--help` needs none of them.
 *
 * @param signal given to the verb: aborted when the user asks for the end
 * @param ended told the verb's exit code
 */
export function commandLine(signal: AbortSignal, ended: (exitCode: ExitCode) => void): Command {
  /** A verb about stacks. */
  function verb<T extends VerbOptions>(
    name: string,
    about: string,
    load: () => (options: T) => Promise<ExitCode>,
  ): Command {
    return new Command(name)
      .description(about)
      .argument("[stacks...]", "stacks to act on, in place of all")
      .option("--local", "the local fleet instead of the clouds", false)
      .option("--json", "the result as JSON on stdout", false)
      .option("--project <dir>", "folder of Pulumi.yaml and the stack files", ROOT)
      .option("--directory <dir>", "folder of the local fleet", join(ROOT, ".fleet"))
      .action(async (stacks: string[], options: object) => {
        ended(await load()({ ...options, stacks, signal } as unknown as T));
      });
  }

  /** A verb that is about no stack. */
  function plain<T extends object>(
    name: string,
    about: string,
    load: () => (options: T & { signal: AbortSignal }) => Promise<ExitCode>,
  ): Command {
    return new Command(name)
      .description(about)
      .option("--json", "the result as JSON on stdout", false)
      .action(async (options: object) => {
        ended(await load()({ ...options, signal } as T & { signal: AbortSignal }));
      });
  }

  /** What is done with the images. */
  function imageVerbs(): Command {
    const load = () => require("../verbs/image");
    const project = new Option("--project <dir>", "folder of Pulumi.yaml and the stack files").default(ROOT);
    // Taken so that it can be refused in words.
    const local = new Option("--local").default(false).hideHelp();
    const looking = (name: string, about: string, verbOf: () => (options: object) => Promise<ExitCode>) =>
      plain(name, about, verbOf)
        .addOption(project)
        .addOption(local)
        .option("--image <image>", "repository:version@sha256:…, in place of the two of the config")
        .option("--timeout <seconds>", "how long to wait for copies that are on their way", "1800");
    return new Command("image")
      .description("sign the images, verify them in every region, move them in Pulumi.yaml")
      .addCommand(looking("verify", "whether each region's registry holds them, signed", () => load().verify))
      .addCommand(looking("sign", "sign them in each region's registry; only as a job of image.yml", () => load().sign))
      .addCommand(
        plain("pin", "move an image in Pulumi.yaml", () => load().pin)
          .addOption(project)
          .addOption(local)
          .requiredOption("--image <image>", "repository:version@sha256:…")
          .option("--pull-request", "as a pull request at GitHub, the only one for that repository", false)
          .option("--also <folders...>", "with what Git sees changed in these folders of the project", []),
      );
  }

  const yes = () => new Option("--yes", "do not ask").default(false);
  const silence = (minutes: number) =>
    new Option("--silence <minutes>", "give up when nothing is heard of the engine for so long")
      .default(minutes)
      .argParser(positive);

  const fleet = new Command("fleet")
    .description("LangFlow's stacks as one fleet: deploy, preview, find drift, look, take down")
    .addHelpText("after", EXIT_CODES)
    .configureHelp({ showGlobalOptions: true })
    .hook("preAction", (_, chosen) => requireFolders(chosen.name(), chosen.opts()))
    .addCommand(
      verb("up", "deploy the stacks in order, regions side by side", () => require("../verbs/up").up)
        .addOption(yes())
        .addOption(silence(SILENCE.changing))
        .option("--refresh", "read the clouds first, so that drift is put right as well", false)
        .option("--live", "also run what is deployed as processes of this machine; only with --local", false)
        .option("--honour-pre-stop", "with --live: let what is replaced run its preStop hook first", false),
    )
    .addCommand(
      verb(
        "deploy",
        "bring one region after the other along, each healthy before the next",
        () => require("../verbs/deploy").deploy,
      )
        .addOption(yes())
        .addOption(silence(SILENCE.changing))
        .option("--healthy-within <seconds>", "how long a region may take to be healthy", "600")
        .option("--soak <seconds>", "how long a region must stay healthy before the next one", "300"),
    )
    .addCommand(
      verb("preview", "show what `up` would change", () => require("../verbs/preview").preview)
        .addOption(silence(SILENCE.looking))
        .option("--markdown <file>", "also write the changes as one pull-request comment; empty where there are none")
        .option("--base <revision>", "what this Git revision would have deployed is there already; only with --local"),
    )
    .addCommand(
      verb("drift", "compare the code with the clouds: exit 0 none, 7 drift", () => require("../verbs/drift").drift)
        .addOption(silence(SILENCE.looking))
        .option("--issue", "also open, change or close the one issue about it at GitHub", false),
    )
    .addCommand(
      plain(
        "doctor",
        "look whether the fleet could be deployed from here",
        () => require("../verbs/doctor").doctor,
      ).option("--project <dir>", "folder of Pulumi.yaml and the stack files", ROOT),
    )
    .addCommand(
      plain("init", "write the config of a new deployment by asking", () => require("../verbs/init").init)
        .addOption(yes())
        .option("--answers <file>", "take the answers from this YAML or JSON file instead of asking")
        .option("--overwrite", "replace also values that somebody chose", false)
        .option("--project <dir>", "folder of Pulumi.yaml and the stack files", ROOT),
    )
    .addCommand(
      verb("status", "what is deployed, where, and whether it answers", () => require("../verbs/status").status),
    )
    .addCommand(
      verb("drill", "take a region away under traffic, measure, put it back", () => require("../verbs/drill").drill)
        .option("--region <region>", "the region")
        .option("--fault <fault>", FAULTS.join(", "), "region")
        .option("--steady <seconds>", "undisturbed traffic before the fault", "20")
        .option("--abort-above <percent>", "break off when so many of the other regions' requests fail", "20")
        .option("--limit <seconds>", "break off after so long: 900 locally, 3600 on the clouds")
        .option("--reports <dir>", "folder of the reports, in place of the config's")
        .option("--confirm <region>", "the region once more, in place of typing it; for the clouds")
        .option("--restore", "put back what a drill that died left taken away, and nothing else", false),
    )
    .addCommand(
      verb(
        "prove",
        "look at the deployed fleet for all that could not be known before; regions in place of all",
        () => require("../verbs/prove").prove,
      )
        .option("--disturb", "also evict a pod of each region under requests", false)
        .option("--resume <file>", "go on from this report (.json) of the same deployment")
        .option(
          "--reports <dir>",
          "folder of the reports, in place of `proofs` beside Pulumi.yaml or in the local fleet",
        ),
    )
    .addCommand(
      verb(
        "render",
        "write what each stack would apply as files, secrets redacted",
        () => require("../verbs/render").render,
      ).requiredOption("--dir <dir>", "folder to write into"),
    )
    .addCommand(
      verb(
        "destroy",
        "take the stacks down in reverse order; refuses protected data",
        () => require("../verbs/destroy").destroy,
      )
        .addOption(yes())
        .addOption(silence(SILENCE.changing))
        .option("--keep-data", "destroy what is not protected and keep the data", false)
        .option("--with-data", "throw the whole local fleet away, data and all; only with --local", false),
    )
    .addCommand(
      plain(
        "drill-issue",
        "open the issue that a drill is due, or add a report to it",
        () => require("../verbs/drillIssue").drillIssue,
      ).option("--reports <dir>", "add the newest report of this folder, and close the issue if it passed"),
    )
    .addCommand(
      plain("comment", "put a preview under its pull request at GitHub", () => require("../verbs/comment").comment)
        .requiredOption("--file <file>", "what `preview --markdown` wrote")
        .requiredOption("--head-owner <owner>", "owner of the repository the pull request's branch is in")
        .requiredOption("--head-branch <branch>", "the pull request's branch")
        .requiredOption("--head-commit <commit>", "the commit the preview is of")
        .requiredOption("--whole <url>", "where the whole text is to be had, should it be too long"),
    )
    .addCommand(imageVerbs())
    .addCommand(
      plain("deployed", "the commit last deployed, as GitHub knows it", () => require("../verbs/deployed").deployed),
    );
  return withExitCode(fleet);
}

/** A command line that cannot be read ends with our own exit code, whichever verb it names. */
function withExitCode(command: Command): Command {
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? ExitCode.Success : ExitCode.BadInput));
  command.commands.forEach(withExitCode);
  return command;
}

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0)) throw new InvalidArgumentError("must be a number above 0.");
  return value;
}
