import { Deadline } from "../terminal/deadline";
import { cancelled, run } from "./run";

/** URL that the official installer fetches first (`PulumiCommand.install`). */
const INSTALLER = "https://get.pulumi.com/install.sh";
/** Time after which the site counts as unreachable and the next source is tried. */
const REACHABLE_WITHIN_MS = 10_000;
/** Time limit for a download of 100 MB over a slow connection. */
const INSTALLED_WITHIN_MS = 10 * 60_000;

/**
 * Runs in its own process, because the Automation API's installer accepts no signal, while a process group can be
 * killed.
 */
const PROGRAM = `
const { PulumiCommand } = require(process.argv[1]);
const { SemVer } = require(process.argv[2]);
PulumiCommand.install({ version: new SemVer(process.argv[3]), root: process.argv[4] }).catch((error) => {
  console.error(error.message);
  process.exit(1);
});`;

/**
 * Installs the official CLI into `folder`.
 *
 * @throws Error with the reason if the site is unreachable (detected within 10 s) or the download fails
 * @throws UserError with `ExitCode.Cancelled`
 */
export async function installOfficial(version: string, folder: string, signal?: AbortSignal): Promise<void> {
  await expectReachable(signal);
  const deadline = new Deadline(signal, INSTALLED_WITHIN_MS);
  const args = [
    "-e",
    PROGRAM,
    require.resolve("@pulumi/pulumi/automation/cmd"),
    require.resolve("semver"),
    version,
    folder,
  ];
  try {
    await run(process.execPath, args, { signal: deadline.signal });
  } catch (error) {
    if (deadline.isLate) throw new Error(`the download took longer than ${INSTALLED_WITHIN_MS / 60_000} min`);
    throw error;
  } finally {
    deadline.close();
  }
}

async function expectReachable(signal?: AbortSignal): Promise<void> {
  const deadline = new Deadline(signal, REACHABLE_WITHIN_MS);
  try {
    const answer = await fetch(INSTALLER, { method: "HEAD", signal: deadline.signal });
    if (!answer.ok) throw new Error(`the server returned status ${answer.status}`);
  } catch (error) {
    if (signal?.aborted) throw cancelled();
    const why = deadline.isLate ? `no answer in ${REACHABLE_WITHIN_MS / 1000} s` : reason(error);
    throw new Error(`${new URL(INSTALLER).host} cannot be reached (${why})`);
  } finally {
    deadline.close();
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
