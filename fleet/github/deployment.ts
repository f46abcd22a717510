import { ExitCode, UserError } from "../../model/errors";
import { BRANCH } from "../../model/policies/ciTrust";
import type { GitHub } from "./client";

/** Name of the only workflow that deploys. */
const WORKFLOW = "deploy.yml";
/** Events that start the workflow. */
const EVENTS: readonly string[] = ["push", "workflow_dispatch"];

/**
 * Returns the deployed commit: that of the most recently started successful run of the Deploy workflow. This function
 * reads workflow runs, which only GitHub can write. It does not read deployments, because anyone with write access to
 * the repository can create one with any commit and log URL.
 *
 * @throws UserError exit 2 if the commit is not on the branch, or a tag has the branch's name; exit 6 if no run
 * succeeded yet; exit 10 while a deployment is in progress, because the deployed commit is then unknown
 */
export async function deployedCommit(hub: GitHub): Promise<string> {
  const { api, owner, repo } = hub;
  const { data: tags } = await api.rest.git.listMatchingRefs({ owner, repo, ref: `tags/${BRANCH}` });
  // GitHub's list of a branch's runs includes those of a tag with the same name, whose commit may not have been
  // reviewed.
  if (tags.some(({ ref }) => ref === `refs/tags/${BRANCH}`))
    throw new UserError(
      `the repository has a tag named ${BRANCH}: delete it, and find out who created it`,
      ExitCode.BadInput,
    );
  for (const { status, conclusion, sha } of await attempts(hub)) {
    if (status === "in_progress")
      throw new UserError(
        `${sha} is being deployed: run this again when the deployment has finished`,
        ExitCode.Unreachable,
      );
    if (status !== "completed" || conclusion !== "success") continue;
    const { data: branch } = await api.rest.repos.getBranch({ owner, repo, branch: BRANCH });
    const basehead = `${sha}...${branch.commit.sha}`;
    const { data: since } = await api.rest.repos.compareCommitsWithBasehead({ owner, repo, basehead, per_page: 1 });
    if (since.status === "ahead" || since.status === "identical") return sha;
    throw new UserError(
      `the deployed commit ${sha} is no longer on ${BRANCH}: deploy a commit of ${BRANCH}`,
      ExitCode.BadInput,
    );
  }
  throw new UserError(
    "no run of the workflow Deploy has succeeded yet: start it, or push to main",
    ExitCode.StackMissing,
  );
}

/** One attempt of a run. A rerun adds an attempt. */
interface Attempt {
  readonly status: string | null;
  readonly conclusion: string | null;
  readonly sha: string;
  readonly began: string;
}

/** Returns the attempts of the branch's last 100 runs, most recently started first. */
async function attempts({ api, owner, repo }: GitHub): Promise<Attempt[]> {
  const { data } = await api.rest.actions.listWorkflowRuns({
    owner,
    repo,
    workflow_id: WORKFLOW,
    branch: BRANCH,
    per_page: 100,
  });
  const attemptOf = (run: (typeof data.workflow_runs)[number]): Attempt => ({
    status: run.status,
    conclusion: run.conclusion,
    sha: run.head_sha,
    began: run.run_started_at ?? run.created_at,
  });
  const found: Attempt[] = [];
  for (const run of data.workflow_runs) {
    const { id: run_id, path, head_branch, event, repository, head_repository, run_attempt = 1 } = run;
    const isOfWorkflow = path.split("@")[0] === `.github/workflows/${WORKFLOW}` && EVENTS.includes(event);
    if (!isOfWorkflow || head_branch !== BRANCH || head_repository?.id !== repository.id) continue;
    found.push(attemptOf(run));
    // What an earlier attempt deployed stays deployed, even if a later attempt fails.
    for (
      let attempt_number = run_attempt - 1;
      attempt_number > 0 && run.conclusion !== "success";
      attempt_number -= 1
    ) {
      const { data: former } = await api.rest.actions.getWorkflowRunAttempt({ owner, repo, run_id, attempt_number });
      found.push(attemptOf(former));
    }
  }
  return found.sort((one, other) => (one.began < other.began ? 1 : -1));
}
