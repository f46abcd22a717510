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

/** Nobody answers a prompt: a Git host that asks for a name has said no. */
const NEVER_ASK = { GIT_TERMINAL_PROMPT: "0", GIT_ASKPASS: "true", SSH_ASKPASS: "true", LC_ALL: "C" };
/** How Git says that the host is not there (its HTTP transport, libcurl's words). */
const NO_HOST =
  /Could not resolve|Failed to connect|Couldn't connect|Connection (refused|timed out)|Operation timed out/i;

/**
 * Whether the repository of the record answers this machine's own Git, and whether the agents were given a token. Where it
 * refuses, that says little: the agents come with theirs.
 */
export async function flowRepository(
  project: Project,
  { flowRepository: repository }: FleetConfig,
  signal: AbortSignal,
): Promise<CheckResult> {
  if (repository === undefined) return ok("none: flows are replicated, but not recorded in Git");
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
  `pulumi config set -s foundation --secret ${PROJECT}:gitToken`,
);

/** Read from the file itself: to the project an encrypted value looks like none. */
function hasToken({ directory }: Project): boolean {
  const { config } = parse(readFileSync(join(directory, "Pulumi.foundation.yaml"), "utf8")) as { config?: object };
  return config !== undefined && `${PROJECT}:gitToken` in config;
}

/** Whether whoever deploys will get into the region's cluster: making it gives no access by itself. */
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
          `you have no access to the cluster${ci ? " (CI's deploy role has)" : ""}, so your deployment would fail there`,
          fix,
        ),
    publicAccessCidrs.length > 0
      ? ok(`its API answers ${publicAccessCidrs.join(", ")}`)
      : warning(
          `its API is private: ${ci ? "you and CI's runners" : "the first `up`"} cannot reach it from outside its network`,
          `add the networks you deploy from to ${PROJECT}:cluster.publicAccessCidrs${ci ? ", or let CI run inside (docs/ci.md, CLUSTER_RUNNER)" : ""}`,
        ),
  ]);
}
