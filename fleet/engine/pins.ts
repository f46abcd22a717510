import * as semver from "semver";

/** The engine we bring where the machine has none; the one every test runs on. */
export const ENGINE_VERSION = "3.274.1";

/**
 * The oldest Pulumi CLI we accept on PATH: from 3.226 on the CLI tells its failures apart by exit code (7: changes
 * where none were expected), which `fleet drift` and CI read.
 */
export const OLDEST_CLI = "3.226.0";

/** The `go` line of the engine's go.mod at ENGINE_VERSION. */
export const GO_NEEDED = "1.26.6";

/** From this version on Go fetches a newer toolchain by itself where a module asks for it (go.dev/doc/toolchain). */
const GO_FETCHES_TOOLCHAINS = "1.21.0";

/** Go's module and package of the Pulumi CLI. */
export const CLI_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";

/** The Go variable that says which version the CLI is; left unset the Automation API refuses it. */
export const CLI_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";

/** True when a CLI that calls itself `version` may drive our stacks. */
export function recentEnough(version: semver.SemVer | null): boolean {
  return version !== null && version.major === semver.major(OLDEST_CLI) && semver.gte(version, OLDEST_CLI);
}

/**
 * Whether a Go toolchain can build the engine: new enough itself, or able and allowed to fetch one that is.
 *
 * @param goVersion what `go env GOVERSION` prints, for example go1.26.8
 * @param toolchain what `go env GOTOOLCHAIN` prints: `auto`, `local`, `path`, `go1.26.8`, `go1.26.8+auto`…
 * @returns undefined when it can, otherwise what is wrong
 */
export function whyGoCannotBuild(goVersion: string, toolchain: string): string | undefined {
  const version = semver.coerce(goVersion);
  if (version === null) return `"go env GOVERSION" says "${goVersion}", which is not a version`;
  if (semver.gte(version, GO_NEEDED)) return undefined;
  const mayFetch = toolchain === "" || toolchain === "auto" || toolchain.endsWith("+auto");
  if (mayFetch && semver.gte(version, GO_FETCHES_TOOLCHAINS)) return undefined;
  return `Go ${version} on PATH is older than ${GO_NEEDED}${mayFetch ? "" : ` and GOTOOLCHAIN=${toolchain} prevents it from downloading a newer one`}`;
}
