import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { IAMClient } from "@aws-sdk/client-iam";
import { parse } from "yaml";
import type { FleetConfig, RegionStackConfig } from "../../config/schema";
import { ExitCode } from "../../model/errors";
import { PROJECT } from "../../model/names";
import { CI_ROLE_PREFIX } from "../../model/policies/ci";
import { broken, type CheckResult, ok, together, warning } from "../checks/checkResult";
import { run } from "../engine/run";
import type { Project } from "../stacks/project";
import { type Caller, principalArn } from "./account";

/** Disables Git's prompts. A Git host that asks for a user name thereby denies access. */
const NEVER_ASK = { GIT_TERMINAL_PROMPT: "0", GIT_ASKPASS: "true", SSH_ASKPASS: "true", LC_ALL: "C" };
/** Git's messages for an unreachable host, from libcurl, which is its HTTP transport. */
const NO_HOST =
  /Could not resolve|Failed to connect|Couldn't connect|Connection (refused|timed out)|Operation timed out/i;

/**
 * Checks that this machine's Git can read the flow repository, and that the config has the agents' token. A denied read
 * is only a warning, because the agents use their own token.
 */
export async function flowRepository(
  project: Project,
  { flowRepository: repository }: FleetConfig,
  signal: AbortSignal,
): Promise<CheckResult> {
  if (repository === undefined) return ok("not configured: flows are replicated, but not recorded in Git");
  const { url } = repository;
  if (url.startsWith("/"))
    return broken(
      `${url} is a local path, which pods cannot read`,
      `set ${PROJECT}:flowRepository.url to https://…`,
      ExitCode.BadInput,
    );
  const reached = await run("git", ["ls-remote", "--heads", url], { env: NEVER_ASK, signal }).then(
    () => ok(`${url} answers`),
    (error: Error) =>
      NO_HOST.test(error.message)
        ? broken(
            `${new URL(url).host} is unreachable`,
            `check the network, or correct ${PROJECT}:flowRepository.url`,
            ExitCode.Unreachable,
          )
        : warning(
            `${url} is not readable by Git on this machine`,
            "check that it exists and that the agents' token may write to it",
          ),
  );
  return together([reached, hasToken(project) ? ok("the agents have a token") : NO_TOKEN]);
}

const NO_TOKEN = warning(
  "the agents have no Git token",
  `set one: pulumi config set -s foundation --secret ${PROJECT}:gitToken`,
);

/** Reads the stack's file directly, because `Project` omits encrypted values. */
function hasToken({ directory }: Project): boolean {
  const { config } = parse(readFileSync(join(directory, "Pulumi.foundation.yaml"), "utf8")) as { config?: object };
  return config !== undefined && `${PROJECT}:gitToken` in config;
}

/** Checks that the caller will have access to the region's cluster: creating a cluster grants no access to it. */
export async function clusterAccess(
  iam: IAMClient,
  caller: Caller,
  { githubRepository }: FleetConfig,
  { cluster: { adminRoleArns, publicAccessCidrs } }: RegionStackConfig,
): Promise<CheckResult> {
  const principal = await principalArn(iam, caller);
  const ci = githubRepository !== undefined;
  const deployRole = ci && principal?.endsWith(`/${CI_ROLE_PREFIX}deploy`);
  const among = principal !== undefined && (adminRoleArns.includes(principal) || deployRole);
  const fix = `add ${principal ?? "the role you deploy with"} to ${PROJECT}:cluster.adminRoleArns`;
  return together([
    among
      ? ok("you administer the cluster")
      : warning(
          `you will have no access to the cluster${ci ? " (only CI's deploy role has)" : ""}, so your deployment would fail there`,
          fix,
        ),
    publicAccessCidrs.length > 0
      ? ok(`its API accepts connections from ${publicAccessCidrs.join(", ")}`)
      : warning(
          `its API is private: ${ci ? "you and CI's runners" : "the first `up`"} cannot reach it from outside its network`,
          `add the networks you deploy from to ${PROJECT}:cluster.publicAccessCidrs${ci ? ", or run CI inside its network (docs/ci.md, CLUSTER_RUNNER)" : ""}`,
        ),
  ]);
}
