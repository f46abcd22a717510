import { inc, type ReleaseType } from "semver";
import { ExitCode, UserError } from "../model/errors";

/** Parts of the version that a release can increase. docs/decisions/0014-releases.md maps changes to them. */
export const STEPS = ["patch", "minor", "major"] as const satisfies readonly ReleaseType[];
export type Step = (typeof STEPS)[number];

const UNRELEASED = "## [Unreleased]";

/** Returns the next version. */
export function next(version: string, step: Step): string {
  const after = inc(version, step);
  if (after === null)
    throw new UserError(
      `package.json's version ${version} is not a semantic version, such as 1.2.3`,
      ExitCode.BadInput,
    );
  return after;
}

/**
 * Returns the text of one release without its heading, or undefined if the changelog has no such section.
 *
 * @param heading text in the brackets: a version, or `Unreleased`
 */
export function section(changelog: string, heading: string): string | undefined {
  const lines = changelog.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`## [${heading}]`));
  if (start < 0) return undefined;
  const length = lines.slice(start + 1).findIndex((line) => line.startsWith("## "));
  return lines
    .slice(start + 1, length < 0 ? undefined : start + 1 + length)
    .join("\n")
    .trim();
}

/**
 * Turns the unreleased section into the section of a version and adds an empty unreleased section above it. The rest is
 * unchanged.
 *
 * @param date YYYY-MM-DD
 * @throws UserError exit 2 if there are no unreleased changes or the changelog already has the version
 */
export function released(changelog: string, version: string, date: string): string {
  const unreleased = section(changelog, "Unreleased");
  if (unreleased === undefined)
    throw new UserError(`CHANGELOG.md has no heading "${UNRELEASED}": put one at the top`, ExitCode.BadInput);
  // Headings without text below them do not count as changes.
  if (unreleased.split("\n").every((line) => line.trim() === "" || line.startsWith("#")))
    throw new UserError(
      `CHANGELOG.md has no unreleased changes: describe below "${UNRELEASED}" what changed for users`,
      ExitCode.BadInput,
    );
  if (section(changelog, version) !== undefined)
    throw new UserError(`CHANGELOG.md already has a section for ${version}`, ExitCode.BadInput);
  return changelog.replace(UNRELEASED, () => `${UNRELEASED}\n\n## [${version}] - ${date}`);
}
