import { ExitCode, UserError } from "../../model/errors";
import type { Image } from "../../model/images";
import type { GitHub } from "../github/client";
import { asking } from "../github/refusal";
import { code, markdownTable } from "../report/markdown";
import { sentences } from "../report/report";
import { foreign, TRAILER } from "./ownBranch";
import { type Pinned, pinned } from "./pin";
import { imageText } from "./targets";

const PROJECT_FILE = "Pulumi.yaml";

const NEEDS =
  "contents: write and pull-requests: write, and a repository (Settings, Actions, General) that lets Actions create pull requests";

/** A file of the commit, in addition to Pulumi.yaml. */
export interface File {
  /** Path relative to the repository's root. */
  readonly path: string;
  readonly content: string;
}

export interface Proposal {
  readonly image: Image;
  readonly files: readonly File[];
  /** URL of the run that built the image. Empty outside of a workflow. */
  readonly runUrl: string;
}

/** Result of a proposal. `unchanged`: main or the open pull request already contains the change. */
export interface Proposed {
  readonly outcome: "opened" | "updated" | "unchanged";
  readonly url?: string;
}

/**
 * Proposes an image as one pull request from the branch `image/<repository>`. Each call adds a commit and rewrites the
 * pull request's title and body. Starts from main's Pulumi.yaml, not from a possibly older checkout.
 *
 * The branch is only fast-forwarded (`force` is off, and each commit has the branch's last commit as a parent), so
 * concurrent pushes are never lost.
 *
 * @throws UserError exit 11 if the branch contains commits by others; 3 and 10 if GitHub rejects the token or does not
 * answer
 */
export async function propose(gitHub: GitHub, proposal: Proposal): Promise<Proposed> {
  return asking(NEEDS, () => proposed(gitHub, proposal));
}

async function proposed(gitHub: GitHub, { image, files, runUrl }: Proposal): Promise<Proposed> {
  const { api, owner, repo } = gitHub;
  const repository = { owner, repo };
  const defaultBranch = (await api.rest.repos.get(repository)).data.default_branch;
  const main = await headOf(gitHub, defaultBranch);
  if (!main) throw new UserError(`${owner}/${repo} has no branch ${defaultBranch}`, ExitCode.BadInput);
  const change = pinned(await projectFile(gitHub, main.commit), image);

  const tree = await api.rest.git.createTree({
    ...repository,
    base_tree: main.tree,
    tree: [{ path: PROJECT_FILE, content: change.text }, ...files].map((file) => ({
      ...file,
      mode: "100644" as const,
      type: "blob" as const,
    })),
  });
  if (tree.data.sha === main.tree) return { outcome: "unchanged" };

  const branch = `image/${image.repository}`;
  const before = await headOf(gitHub, branch);
  if (before) await refuseForeign(gitHub, defaultBranch, branch);
  const title = `Image ${image.repository}:${image.version}`;
  const moved = before?.tree !== tree.data.sha;
  if (moved) {
    const { data } = await api.rest.git.createCommit({
      ...repository,
      message: `${title}\n\n${TRAILER}`,
      tree: tree.data.sha,
      // With main as the second parent, the pull request shows only this change, however old the branch is.
      parents: before ? [before.commit, main.commit] : [main.commit],
    });
    await move(gitHub, branch, data.sha, before !== undefined);
  }

  const body = bodyOf(change, image, runUrl);
  const [open] = (
    await api.rest.pulls.list({ ...repository, state: "open", head: `${owner}:${branch}`, base: defaultBranch })
  ).data;
  if (!open) {
    const made = await api.rest.pulls.create({ ...repository, title, head: branch, base: defaultBranch, body });
    return { outcome: "opened", url: made.data.html_url };
  }
  if (!moved) return { outcome: "unchanged", url: open.html_url };
  await api.rest.pulls.update({ ...repository, pull_number: open.number, title, body });
  return { outcome: "updated", url: open.html_url };
}

/** Lists matching refs instead of fetching the branch, because a missing branch is not an error here. */
async function headOf({ api, owner, repo }: GitHub, branch: string) {
  const { data } = await api.rest.git.listMatchingRefs({ owner, repo, ref: `heads/${branch}` });
  const commit = data.find(({ ref }) => ref === `refs/heads/${branch}`)?.object.sha;
  if (commit === undefined) return undefined;
  const { tree } = (await api.rest.git.getCommit({ owner, repo, commit_sha: commit })).data;
  return { commit, tree: tree.sha };
}

async function projectFile({ api, owner, repo }: GitHub, commit: string): Promise<string> {
  const { data } = await api.rest.repos.getContent({ owner, repo, path: PROJECT_FILE, ref: commit });
  if (Array.isArray(data) || data.type !== "file" || !("content" in data))
    throw new UserError(`${owner}/${repo} has no file ${PROJECT_FILE}`, ExitCode.BadInput);
  return Buffer.from(data.content, "base64").toString("utf8");
}

async function refuseForeign({ api, owner, repo }: GitHub, defaultBranch: string, branch: string): Promise<void> {
  const commits = [];
  for (let page = 1, total = 1; commits.length < total; page++) {
    const range = { owner, repo, basehead: `${defaultBranch}...${branch}`, per_page: 100, page };
    const { data } = await api.rest.repos.compareCommitsWithBasehead(range);
    if (data.commits.length === 0) break;
    total = data.total_commits;
    commits.push(...data.commits);
  }
  const others = foreign(
    commits.map(({ sha, commit, author, committer }) => ({
      sha,
      message: commit.message,
      author: author?.login,
      committer: committer?.login,
    })),
  );
  if (others.length > 0)
    throw new UserError(
      `the branch ${branch} has commits by other authors: ${others.map(({ sha, committer, author }) => `${sha.slice(0, 7)} by ${committer ?? author ?? "unknown"}`).join(", ")}; merge or delete the branch, then run this again`,
      ExitCode.Refused,
    );
}

async function move({ api, owner, repo }: GitHub, branch: string, sha: string, exists: boolean): Promise<void> {
  try {
    if (exists) await api.rest.git.updateRef({ owner, repo, ref: `heads/${branch}`, sha, force: false });
    else await api.rest.git.createRef({ owner, repo, ref: `refs/heads/${branch}`, sha });
  } catch (error) {
    if ((error as { status?: number }).status !== 422) throw error;
    throw new UserError(`${branch} received a push in the meantime: run this again`, ExitCode.Refused);
  }
}

function bodyOf({ key, from }: Pinned, image: Image, runUrl: string): string {
  const row = (name: string, each: Image) => [name, sentences(code(each.version)), sentences(code(each.digest))];
  return [
    `Updates \`${key}\` for every region. After the merge, the next deployment rolls its pods region by region.`,
    markdownTable({ head: ["image", "version", "digest"], rows: [row("from", from), row("to", image)] }),
    ...(runUrl ? [`Built, signed, and verified in every region's registry by [this run](${runUrl}).`] : []),
    `To verify: \`npm run fleet -- image verify --image ${imageText(image)}\``,
  ].join("\n\n");
}
