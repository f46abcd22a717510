import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Argument, Command } from "commander";
import { failureOf } from "../fleet/engine/failure";
import { gitHub } from "../fleet/github/client";
import { ExitCode, UserError } from "../model/errors";
import { STEPS, type Step } from "./changelog";
import { prepare } from "./prepare";
import { publish } from "./publish";

const ROOT = join(__dirname, "..");

const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

async function run(what: Step | "publish"): Promise<string> {
  if (what !== "publish") {
    const version = prepare(ROOT, what, new Date().toISOString().slice(0, 10));
    return `${version}: review the changes, and open a pull request; the workflow Release tags the merged commit`;
  }
  const { GITHUB_SHA: commit } = process.env;
  if (!commit) throw new UserError("GITHUB_SHA must name the commit, as GitHub Actions sets it", ExitCode.BadInput);
  const { version } = JSON.parse(read("package.json"));
  const { tag, release } = await publish(gitHub(), { version, changelog: read("CHANGELOG.md"), commit });
  return `v${version}: tag ${tag}, release ${release}`;
}

new Command("release")
  .description("write the next version into changelog and package.json, or publish the one they name")
  .exitOverride((error) => process.exit(error.exitCode === 0 ? ExitCode.Success : ExitCode.BadInput))
  .addArgument(new Argument("<what>").choices([...STEPS, "publish"]))
  .action(async (what: Step | "publish") => {
    try {
      process.stdout.write(`${await run(what)}\n`);
    } catch (error) {
      const { message, exitCode } = failureOf(error);
      process.stderr.write(`${message}\n`);
      process.exitCode = exitCode;
    }
  })
  .parseAsync();
