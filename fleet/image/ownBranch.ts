/** A commit of a branch that is not on main, from GitHub's comparison API. */
export interface BranchCommit {
  readonly sha: string;
  readonly message: string;
  /** Logins. Absent if no GitHub account has the commit's e-mail address. */
  readonly author?: string;
  readonly committer?: string;
}

/** Last line of the message of each commit that `fleet image pin` creates. */
export const TRAILER = "Made-by: fleet image pin";

/** Login of the committer for commits that were created through GitHub's API or web pages. */
const GITHUB_ITSELF = "web-flow";

/**
 * Returns the commits that others created, or changed after us: commits without our trailer, or with a committer other
 * than the author. Amending or rebasing a commit keeps its author but changes its committer.
 */
export function foreign(commits: readonly BranchCommit[]): BranchCommit[] {
  return commits.filter(({ message, author, committer }) => {
    const ours = message.trimEnd().split("\n").at(-1) === TRAILER;
    return !ours || (committer !== author && committer !== GITHUB_ITSELF);
  });
}
