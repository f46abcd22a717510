import { ExitCode, UserError } from "../../model/errors";
import type { GitHub } from "./client";

/** The one workflow that deploys, and the one branch that it deploys. */
const WORKFLOW = "deploy.yml";
const BRANCH = "main";
/** What starts a run of it there. */
const EVENTS: readonly string[] = ["push", "workflow_dispatch"];

/**
 * The commit that is deployed: that of the run of the workflow Deploy that began last of those that ended well. GitHub alone
 * writes runs; whoever may write to the repository can write a deployment, with any commit and any address of a log.
 *
 * @throws UserError exit 2 where that commit is not on the branch; exit 6 where there is none; exit 10 while one is under way, when
 *   nothing can be said
 */
export async function deployedCommit({ api, owner, repo }: GitHub): Promise<string> {
  const { data } = await api.rest.actions.listWorkflowRuns({
    owner,
    repo,
    workflow_id: WORKFLOW,
    branch: BRANCH,
    per_page: 100,
  });
  const began = ({ run_started_at, created_at }: (typeof data.workflow_runs)[number]) => run_started_at ?? created_at;
  const runs = data.workflow_runs
    .filter(
      ({ path, head_branch, event, repository, head_repository }) =>
        path.split("@")[0] === `.github/workflows/${WORKFLOW}` &&
        head_branch === BRANCH &&
        EVENTS.includes(event) &&
        head_repository?.id === repository.id,
    )
    // A run that is started again keeps its place in the list.
    .sort((one, other) => (began(one) < began(other) ? 1 : -1));
  for (const { status, conclusion, head_sha: sha } of runs) {
    if (status === "in_progress")
      throw new UserError(`${sha} is being deployed: look again when that has ended`, ExitCode.Unreachable);
    if (status !== "completed" || conclusion !== "success") continue;
    const { data: since } = await api.rest.repos.compareCommitsWithBasehead({
      owner,
      repo,
      basehead: `${sha}...${BRANCH}`,
      per_page: 1,
    });
    if (since.status === "ahead" || since.status === "identical") return sha;
    throw new UserError(
      `${sha} was deployed and is not on ${BRANCH} any more: deploy a commit that is`,
      ExitCode.BadInput,
    );
  }
  throw new UserError(
    "no run of the workflow Deploy has ended well yet: start it, or push to main",
    ExitCode.StackMissing,
  );
}
