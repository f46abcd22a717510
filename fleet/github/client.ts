import { Octokit } from "@octokit/rest";
import { ExitCode, UserError } from "../../model/errors";

/** The repository at GitHub that a workflow runs for, and a client of its API. */
export interface GitHub {
  readonly api: Octokit;
  readonly owner: string;
  readonly repo: string;
}

/**
 * From the environment that GitHub Actions sets (`GITHUB_REPOSITORY`, `GITHUB_API_URL`) and the token a step is given
 * (`GITHUB_TOKEN`).
 *
 * @throws UserError exit 2 where one is missing
 */
export function gitHub(environment: NodeJS.ProcessEnv = process.env): GitHub {
  const { GITHUB_TOKEN: auth, GITHUB_REPOSITORY: repository, GITHUB_API_URL: baseUrl } = environment;
  const [owner, repo, ...rest] = repository?.split("/") ?? [];
  if (!auth) throw new UserError("GITHUB_TOKEN is not set: give the step a token in `env`", ExitCode.BadInput);
  if (!owner || !repo || rest.length > 0)
    throw new UserError("GITHUB_REPOSITORY must be owner/name, as GitHub Actions sets it", ExitCode.BadInput);
  const quiet = () => undefined;
  // A refusal is told by who asked, in words.
  const log = { debug: quiet, info: quiet, warn: console.warn, error: quiet };
  return { api: new Octokit({ auth, log, ...(baseUrl && { baseUrl }) }), owner, repo };
}

/** The page of the workflow run this process is part of: its log and artifacts. Empty outside GitHub Actions. */
export function runUrl({ GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID }: NodeJS.ProcessEnv): string {
  return GITHUB_RUN_ID ? `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}` : "";
}
