import * as fs from "node:fs/promises";
import * as path from "node:path";
import { ExitCode, UserError } from "../../model/errors";
import { cliIn } from "./cache";
import { CLI_PACKAGE, CLI_VERSION_VARIABLE, GO_NEEDED, OLDEST_CLI, whyGoCannotBuild } from "./pins";
import { run } from "./run";

/** Interval at which the progress message with the elapsed time is repeated. */
const TICK_MS = 2_000;

/** Keeps the user's Go workspace and flags from affecting the scratch module. */
const GO_ENV = { GOWORK: "off", GOFLAGS: "" };

/**
 * Builds the CLI from its Go module into `folder`, as `<folder>/bin/pulumi`. Go verifies every module against its
 * checksum database (unless the user's GOSUMDB disables this). Takes 5 minutes on two cores with a cold cache, 10 s
 * with a warm one.
 *
 * Uses a scratch module, because `go install module@version` rejects modules with replace directives.
 *
 * @param unavailable why the official download failed; included in the message if the build fails too
 * @throws UserError with possible fixes if no suitable Go is available
 * @throws UserError with `ExitCode.Cancelled`
 */
export async function buildFromSource(
  version: string,
  folder: string,
  unavailable: string,
  report: (message: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  await expectGo(version, unavailable, signal);
  const scratch = path.join(folder, "scratch");
  await fs.mkdir(scratch);
  const go = (args: string[], onLine: (line: string) => void): Promise<string> =>
    run("go", args, { cwd: scratch, env: GO_ENV, signal, onLine });
  try {
    await inPhase("fetching Go modules", "modules", report, async (count) => {
      await go(["mod", "init", "engine"], () => undefined);
      await go(["get", `${CLI_PACKAGE}@v${version}`], (line) => line.startsWith("go: downloading ") && count());
    });
    await inPhase("compiling, 4 minutes the first time", "packages", report, async (count) => {
      const flags = ["-v", "-buildvcs=false", "-ldflags", `-s -w -X ${CLI_VERSION_VARIABLE}=v${version}`];
      await go(["build", ...flags, "-o", cliIn(folder), CLI_PACKAGE], (line) => line !== "" && count());
    });
  } finally {
    await fs.rm(scratch, { recursive: true, force: true });
  }
}

async function expectGo(version: string, unavailable: string, signal?: AbortSignal): Promise<void> {
  let problem: string | undefined;
  try {
    const [goVersion = "", toolchain = ""] = (await run("go", ["env", "GOVERSION", "GOTOOLCHAIN"], { signal })).split(
      "\n",
    );
    problem = whyGoCannotBuild(goVersion, toolchain);
  } catch (error) {
    if (error instanceof UserError) throw error;
    problem = (error as NodeJS.ErrnoException).code === "ENOENT" ? "Go is not on PATH" : (error as Error).message;
  }
  if (problem !== undefined)
    throw new UserError(
      [
        `no Pulumi engine: none on PATH, ${unavailable}, and ${problem}. Do one of these:`,
        `  - install the Pulumi CLI ${OLDEST_CLI} or later (https://www.pulumi.com/docs/install) and add it to PATH`,
        "  - allow this machine to reach get.pulumi.com, then run the command again",
        `  - install Go ${GO_NEEDED} or later (https://go.dev/dl): the engine ${version} is then built from its Go module`,
      ].join("\n"),
      ExitCode.Unreachable,
    );
}

/** Runs a phase and reports its name, its count and its elapsed time. */
async function inPhase(
  name: string,
  unit: string,
  report: (message: string) => void,
  work: (count: () => void) => Promise<void>,
): Promise<void> {
  const start = Date.now();
  let counted = 0;
  const tell = (): void => {
    const seconds = Math.round((Date.now() - start) / 1000);
    report(`${name} (${counted === 0 ? "" : `${counted} ${unit}, `}${seconds} s)`);
  };
  tell();
  const ticker = setInterval(tell, TICK_MS);
  try {
    await work(() => {
      counted += 1;
    });
  } finally {
    clearInterval(ticker);
  }
}
