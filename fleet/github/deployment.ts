import { ExitCode, UserError } from "../../model/errors";
import type { GitHub } from "./client";

/** The environment that jobs with the deploy role run in, and the one workflow among theirs that deploys. */
const ENVIRONMENT = "production";
const WORKFLOW = ".github/workflows/deploy.yml";

/**
 * The commit that is deployed: that of the newest run of the workflow Deploy that ended well.
 *
 * @throws UserError exit 6 where there is none; exit 10 while one is under way, when nothing can be said
 */
export async function deployedCommit({ api, owner, repo }: GitHub): Promise<string> {
  const newestFirst = api.paginate.iterator(api.rest.repos.listDeployments, { owner, repo, environment: ENVIRONMENT });
  for await (const { data } of newestFirst)
    for (const { id, sha } of data) {
      const { data: statuses } = await api.rest.repos.listDeploymentStatuses({ owner, repo, deployment_id: id });
      // A drill has the same role, so the same environment, and deploys nothing.
      const [, run] = /\/actions\/runs\/(\d+)/.exec(statuses[0]?.log_url || statuses[0]?.target_url || "") ?? [];
      if (run === undefined) continue;
      const { data: made } = await api.rest.actions.getWorkflowRun({ owner, repo, run_id: Number(run) });
      if (made.path.split("@")[0] !== WORKFLOW) continue;
      if (statuses[0]?.state === "in_progress")
        throw new UserError(`${sha} is being deployed: look again when that has ended`, ExitCode.Unreachable);
      // A later deployment makes it inactive, which only one that ended well can become.
      if (statuses.some(({ state }) => state === "success")) return sha;
    }
  throw new UserError(
    "no run of the workflow Deploy has ended well yet: start it, or push to main",
    ExitCode.StackMissing,
  );
}
