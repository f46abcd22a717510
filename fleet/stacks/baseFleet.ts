import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { ExitCode, UserError } from "../../model/errors";
import { connectLocalCloud } from "../../sandbox/cloud/client";
import { run } from "../engine/run";

export interface BaseOptions {
  /** Folder of Pulumi.yaml, in a Git working tree. */
  readonly project: string;
  readonly signal: AbortSignal;
  report(message: string): void;
}

/**
 * A local fleet of its own as a Git revision's code deploys it, for the time of `work`: what a preview of other code is
 * compared with where nobody may ask the clouds.
 *
 * @param revision anything Git takes for a commit, for example `main` or `HEAD^1`
 * @param work given the fleet's folder
 * @throws UserError exit 2 where there is no such revision, exit 4 where its code does not come up
 */
export async function withBase<T>(
  revision: string,
  options: BaseOptions,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const { project, signal } = options;
  const git = (...args: string[]) => run("git", ["-C", project, ...args], { signal });
  const commit = await git("rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`).catch(() => {
    throw new UserError(
      `--base is ${revision}, which is not a commit of the repository in ${project}`,
      ExitCode.BadInput,
    );
  });
  const root = await git("rev-parse", "--show-toplevel");
  const folder = mkdtempSync(join(tmpdir(), "fleet-base-"));
  const tree = join(folder, "tree");
  const fleet = join(folder, "fleet");
  try {
    await git("worktree", "add", "--detach", "--quiet", tree, commit);
    await deploy(commit, { ...options, root, tree, fleet, project: join(tree, relative(root, project)) });
    return await work(fleet);
  } finally {
    await (await connectLocalCloud(join(fleet, "cloud")))?.stop();
    // Not to be interrupted: it cleans up.
    await run("git", ["-C", project, "worktree", "remove", "--force", tree]).catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function deploy(
  commit: string,
  { root, tree, fleet, project, signal, report }: BaseOptions & { root: string; tree: string; fleet: string },
): Promise<void> {
  const said = (line: string) => report(`base ${commit.slice(0, 12)}: ${line}`);
  try {
    await install(root, tree, signal, said);
    const place = ["--project", project, "--directory", fleet];
    await run(process.execPath, ["--require", "./typescript.cjs", "fleet/main.ts", "up", "--local", ...place], {
      cwd: tree,
      signal,
      onLine: said,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new UserError(`the code of ${commit} cannot be loaded: ${(error as Error).message}`, ExitCode.ResourceFailed);
  }
  // It runs the base's code, from a folder that is about to go.
  await (await connectLocalCloud(join(fleet, "cloud")))?.stop();
}

/** The installed packages serve both where both lock the same ones. */
async function install(root: string, tree: string, signal: AbortSignal, said: (line: string) => void): Promise<void> {
  const lock = (folder: string) => readFileSync(join(folder, "package-lock.json"), "utf8");
  if (lock(root) === lock(tree)) symlinkSync(join(root, "node_modules"), join(tree, "node_modules"), "dir");
  else {
    said("installing its own packages");
    await run("npm", ["ci", "--no-audit", "--no-fund"], { cwd: tree, signal });
  }
}
