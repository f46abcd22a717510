import * as semver from "semver";

/** Engine version that is installed if the machine has no suitable one, and that all tests use. */
export const ENGINE_VERSION = "3.274.1";

/**
 * Oldest Pulumi CLI accepted on PATH. Since 3.226, the CLI distinguishes failures by exit code (7: unexpected changes),
 * which `fleet drift` and CI rely on.
 */
export const OLDEST_CLI = "3.226.0";

/** Go version in the engine's go.mod at ENGINE_VERSION. */
export const GO_NEEDED = "1.26.6";

/** First Go version that downloads a newer toolchain if a module requires one (go.dev/doc/toolchain). */
const GO_FETCHES_TOOLCHAINS = "1.21.0";

/** Go package of the Pulumi CLI. */
export const CLI_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";

/** Go variable that contains the CLI's version. If it is unset, the Automation API rejects the CLI. */
export const CLI_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";

/** Returns whether a CLI of this version can run our stacks. */
export function recentEnough(version: semver.SemVer | null): boolean {
  return version !== null && version.major === semver.major(OLDEST_CLI) && semver.gte(version, OLDEST_CLI);
}

/**
 * Returns why a Go toolchain cannot build the engine. It can if it is new enough, or can and may download a newer one.
 *
 * @param goVersion output of `go env GOVERSION`, for example go1.26.8
 * @param toolchain output of `go env GOTOOLCHAIN`: `auto`, `local`, `path`, `go1.26.8`, `go1.26.8+auto`…
 * @returns undefined if the toolchain can build the engine
 */
export function whyGoCannotBuild(goVersion: string, toolchain: string): string | undefined {
  const version = semver.coerce(goVersion);
  if (version === null) return `"go env GOVERSION" prints "${goVersion}", which is not a version`;
  if (semver.gte(version, GO_NEEDED)) return undefined;
  const mayFetch = toolchain === "" || toolchain === "auto" || toolchain.endsWith("+auto");
  if (mayFetch && semver.gte(version, GO_FETCHES_TOOLCHAINS)) return undefined;
  return `Go ${version} on PATH is older than ${GO_NEEDED}${mayFetch ? "" : ` and GOTOOLCHAIN=${toolchain} prevents it from downloading a newer one`}`;
}
