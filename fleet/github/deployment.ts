import { ExitCode, UserError } from "../../model/errors";
import type { GitHub } from "./client";

/** The environment that deploy.yml's job runs in. */
const ENVIRONMENT = "production";

/**
 * The commit that is deployed: that of the newest deployment which ended well.
 *
 * @throws UserError exit 6 where there is none; exit 10 while one is under way, when nothing can be said
 */
export async function deployedCommit({ api, owner, repo }: GitHub): Promise<string> {
  const newestFirst = api.paginate.iterator(api.rest.repos.listDeployments, { owner, repo, environment: ENVIRONMENT });
  for await (const { data } of newestFirst)
    for (const { id, sha } of data) {
      const { data: statuses } = await api.rest.repos.listDeploymentStatuses({ owner, repo, deployment_id: id });
      // A later deployment makes it inactive, which only one that ended well can become.
      if (statuses[0]?.state === "in_progress")
        throw new UserError(`${sha} is being deployed: look again when that has ended`, ExitCode.Unreachable);
      if (statuses.some(({ state }) => state === "success")) return sha;
    }
  throw new UserError(
    `no deployment to ${ENVIRONMENT} has ended well yet: the workflow Deploy makes the first`,
    ExitCode.StackMissing,
  );
}
