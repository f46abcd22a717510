import { Octokit } from "@octokit/rest";
import { ExitCode, UserError } from "../../model/errors";

/** Client of GitHub's API, and the repository for which the workflow runs. */
export interface GitHub {
  readonly api: Octokit;
  readonly owner: string;
  readonly repo: string;
}

/**
 * Creates a client from GitHub Actions' environment (`GITHUB_REPOSITORY`, `GITHUB_API_URL`) and the step's token
 * (`GITHUB_TOKEN`).
 *
 * @throws UserError exit 2 if a variable is missing
 */
export function gitHub(environment: NodeJS.ProcessEnv = process.env): GitHub {
  const { GITHUB_TOKEN: auth, GITHUB_REPOSITORY: repository, GITHUB_API_URL: baseUrl } = environment;
  const [owner, repo, ...rest] = repository?.split("/") ?? [];
  if (!auth) throw new UserError("GITHUB_TOKEN is not set: give the step a token in `env`", ExitCode.BadInput);
  if (!owner || !repo || rest.length > 0)
    throw new UserError("GITHUB_REPOSITORY must be owner/name, as GitHub Actions sets it", ExitCode.BadInput);
  const quiet = () => undefined;
  // Suppresses the client's error log, because the callers report errors in their own words.
  const log = { debug: quiet, info: quiet, warn: console.warn, error: quiet };
  return { api: new Octokit({ auth, log, ...(baseUrl && { baseUrl }) }), owner, repo };
}

/** Returns the URL of the current workflow run, which shows its log and artifacts. Empty outside of GitHub Actions. */
export function runUrl({ GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID }: NodeJS.ProcessEnv): string {
  return GITHUB_RUN_ID ? `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}` : "";
}
