import { inc, type ReleaseType } from "semver";
import { ExitCode, UserError } from "../model/errors";

/** How far a release moves the version: docs/decisions/0014-releases.md says which change asks for which. */
export const STEPS = ["patch", "minor", "major"] as const satisfies readonly ReleaseType[];
export type Step = (typeof STEPS)[number];

const UNRELEASED = "## [Unreleased]";

/** The version after this one. */
export function next(version: string, step: Step): string {
  const after = inc(version, step);
  if (after === null) throw new UserError(`package.json's version ${version} is no version`, ExitCode.BadInput);
  return after;
}

/**
 * The text of one release, without its heading; undefined where the changelog has none of that version.
 *
 * @param heading what stands in the brackets: a version, or `Unreleased`
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
 * Makes what is unreleased the section of a version, under an empty one for what comes next. All else stays.
 *
 * @param date YYYY-MM-DD
 * @throws UserError exit 2 where nothing is unreleased, or the version is there already
 */
export function released(changelog: string, version: string, date: string): string {
  const unreleased = section(changelog, "Unreleased");
  if (unreleased === undefined)
    throw new UserError(`CHANGELOG.md has no heading "${UNRELEASED}": put one at the top`, ExitCode.BadInput);
  // Headings of kinds of change alone say nothing.
  if (unreleased.split("\n").every((line) => line.trim() === "" || line.startsWith("#")))
    throw new UserError("nothing is unreleased: write into CHANGELOG.md what changed for its users", ExitCode.BadInput);
  if (section(changelog, version) !== undefined)
    throw new UserError(`CHANGELOG.md has a section of ${version} already`, ExitCode.BadInput);
  return changelog.replace(UNRELEASED, () => `${UNRELEASED}\n\n## [${version}] - ${date}`);
}
