import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, UserError } from "../model/errors";
import { next, released, type Step } from "./changelog";

/**
 * Prepares a release: updates the changelog section and the version in package.json, the lock file and the template. Commits nothing,
 * because a person reviews the changes and opens the pull request.
 *
 * @param directory root of the repository
 * @param date YYYY-MM-DD
 * @returns the new version
 * @throws UserError exit 2, before anything is written, if the working tree is dirty or there are no unreleased changes
 */
export function prepare(directory: string, step: Step, date: string): string {
  const changed = execFileSync("git", ["status", "--porcelain"], { cwd: directory, encoding: "utf8" }).trimEnd();
  if (changed !== "")
    throw new UserError(
      `the working tree has uncommitted changes: commit or stash them before a release:\n${changed}`,
      ExitCode.BadInput,
    );
  const read = (file: string) => readFileSync(join(directory, file), "utf8");
  const manifest = JSON.parse(read("package.json"));
  const lock = JSON.parse(read("package-lock.json"));
  const version = next(manifest.version, step);
  const changelog = released(read("CHANGELOG.md"), version, date);

  const before = manifest.version;
  manifest.version = version;
  lock.version = version;
  lock.packages[""].version = version;
  writeFileSync(join(directory, "CHANGELOG.md"), changelog);
  writeFileSync(join(directory, "package.json"), asNpmWrites(manifest));
  writeFileSync(join(directory, "package-lock.json"), asNpmWrites(lock));
  template(directory, before, version);
  return version;
}

/** Writes the version into the template of a fleet's repository. */
function template(directory: string, before: string, version: string): void {
  const file = join(directory, "template/package.json");
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  manifest.dependencies["langflow-dr"] = version;
  manifest.devDependencies["@langflow-dr/local"] = version;
  writeFileSync(file, asNpmWrites(manifest));
  const workflow = join(directory, "template/.github/workflows/fleet.yml");
  writeFileSync(workflow, readFileSync(workflow, "utf8").replaceAll(`.yml@v${before} `, `.yml@v${version} `));
}

const asNpmWrites = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
