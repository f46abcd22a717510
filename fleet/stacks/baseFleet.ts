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
 * Deploys a temporary local fleet with the code of a Git revision, runs `work`, and deletes the fleet. A preview of
 * different code is compared with it when the clouds must not be accessed.
 *
 * @param revision any name of a commit, for example `main` or `HEAD^1`
 * @param work called with the fleet's folder
 * @throws UserError exit 2 if the revision does not exist, exit 4 if its code cannot be deployed
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
    // Not interruptible, because it cleans up.
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
  // Stops the local cloud, which runs the base's code from a folder that will be deleted.
  await (await connectLocalCloud(join(fleet, "cloud")))?.stop();
}

/** Reuses the installed packages if both revisions have the same lock file. Otherwise installs the base's packages. */
async function install(root: string, tree: string, signal: AbortSignal, said: (line: string) => void): Promise<void> {
  const lock = (folder: string) => readFileSync(join(folder, "package-lock.json"), "utf8");
  if (lock(root) === lock(tree)) symlinkSync(join(root, "node_modules"), join(tree, "node_modules"), "dir");
  else {
    said("installing its own packages");
    await run("npm", ["ci", "--no-audit", "--no-fund"], { cwd: tree, signal });
  }
}
