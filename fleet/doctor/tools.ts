import { PulumiCommand } from "@pulumi/pulumi/automation/cmd";
import * as semver from "semver";
import { ExitCode } from "../../model/errors";
import { engines } from "../../package.json";
import { broken, type CheckResult, ok, warning } from "../checks/checkResult";
import { ensureEngine } from "../engine/ensureEngine";
import { OLDEST_CLI, recentEnough } from "../engine/pins";
import { type Engine, inOwnProcessGroup } from "../engine/processGroup";
import { run } from "../engine/run";
import { isOutdated } from "../terminal/node";

/** @param version this process's Node version, for example 20.19.0 */
export function nodeRuntime(version: string): CheckResult {
  if (!semver.satisfies(version, engines.node))
    return broken(`${version}, needed: ${engines.node}`, "install Node 22 or 24", ExitCode.BadInput);
  return isOutdated(version)
    ? warning(`${version} no longer gets security fixes`, "install Node 22 or 24")
    : ok(version);
}

/**
 * Returns the engine for the stacks. It warns if the fleet uses its own engine, because a plain `pulumi` command would
 * then fail.
 */
export async function pulumiCli(report: (message: string) => void, signal: AbortSignal): Promise<CheckResult<Engine>> {
  const onPath = await PulumiCommand.get({ skipVersionCheck: true }).catch(() => undefined);
  const engine = inOwnProcessGroup(await ensureEngine(report, signal));
  if (onPath && recentEnough(onPath.version)) return ok(String(onPath.version), engine);
  return warning(
    `${onPath ? `${onPath.version ?? "an unknown version"} on PATH, but ${OLDEST_CLI} or later is needed` : "not on PATH"}; the fleet uses its own ${engine.version}`,
    `install Pulumi ${OLDEST_CLI} or newer for \`pulumi stack init\` and \`pulumi config set\`, or put ${engine.command} on PATH`,
    engine,
  );
}

/** Checks that the AWS CLI runs: the Kubernetes provider gets a cluster's token from `aws eks get-token`. */
export async function awsCli(signal: AbortSignal): Promise<CheckResult> {
  try {
    const said = await run("aws", ["--version"], { signal });
    return ok(said.split(" ")[0] ?? said);
  } catch {
    return broken(
      "aws is not on PATH or does not run; it creates the tokens for the clusters",
      "install the AWS CLI, version 2",
      ExitCode.BadInput,
    );
  }
}
