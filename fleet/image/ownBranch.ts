/** A commit of a branch that is not on main, as GitHub's comparison lists it. */
export interface BranchCommit {
  readonly sha: string;
  readonly message: string;
  /** Logins; absent where GitHub knows no account for the address in the commit. */
  readonly author?: string;
  readonly committer?: string;
}

/** Last line of the message of each commit that `fleet image pin` makes. */
export const TRAILER = "Made-by: fleet image pin";

/** Whom GitHub names as committer of what is committed through its API or on its pages. */
const GITHUB_ITSELF = "web-flow";

/**
 * The commits that somebody else made, or changed after us: without our last line, or committed by another than their
 * author (who amends or rebases a commit leaves its author and becomes its committer).
 */
export function foreign(commits: readonly BranchCommit[]): BranchCommit[] {
  return commits.filter(({ message, author, committer }) => {
    const ours = message.trimEnd().split("\n").at(-1) === TRAILER;
    return !ours || (committer !== author && committer !== GITHUB_ITSELF);
  });
}
