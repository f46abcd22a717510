import type { GitHub } from "../fleet/github/client";
import { asking } from "../fleet/github/refusal";
import { ExitCode, UserError } from "../model/errors";
import { section } from "./changelog";

export interface Release {
  readonly version: string;
  /** Full text of CHANGELOG.md. */
  readonly changelog: string;
  /** Commit to release, from the push to main. */
  readonly commit: string;
}

/** Result of a publication. Both values are "kept" if the tag and the release already existed. */
export interface Published {
  readonly tag: "created" | "kept";
  readonly release: "created" | "kept";
}

/**
 * Tags the commit with its version and creates the release with its changelog section as text. The operation is
 * idempotent:
 * after an interruption, a retry adds the missing parts. A later commit with the same version publishes nothing,
 * because the
 * first commit is the release.
 *
 * @throws UserError exit 2 if the changelog has no such section, or if the tag is not on this commit or an earlier
 * commit of
 * the same version; 3 and 10 if GitHub refused or did not answer
 */
export async function publish(gitHub: GitHub, release: Release): Promise<Published> {
  return asking("contents: write", () => published(gitHub, release));
}

async function published(gitHub: GitHub, { version, changelog, commit }: Release): Promise<Published> {
  const { api, owner, repo } = gitHub;
  const repository = { owner, repo };
  const body = section(changelog, version);
  if (!body)
    throw new UserError(
      `CHANGELOG.md has no section for ${version}: run \`npm run release -- patch\`, which writes the version and its section`,
      ExitCode.BadInput,
    );
  const tag = `v${version}`;
  const tagged = await taggedCommit(gitHub, tag);
  if (tagged === undefined) await api.rest.git.createRef({ ...repository, ref: `refs/tags/${tag}`, sha: commit });
  else if (tagged !== commit) await refuseOther(gitHub, { tag, tagged, version, commit });

  const all = await api.paginate(api.rest.repos.listReleases, { ...repository, per_page: 100 });
  const released = all.some(({ tag_name }) => tag_name === tag);
  if (!released) await api.rest.repos.createRelease({ ...repository, tag_name: tag, name: tag, body });
  return { tag: tagged === undefined ? "created" : "kept", release: released ? "kept" : "created" };
}

/** Returns the commit of a lightweight or annotated tag. */
async function taggedCommit({ api, owner, repo }: GitHub, tag: string): Promise<string | undefined> {
  const { data } = await api.rest.git.listMatchingRefs({ owner, repo, ref: `tags/${tag}` });
  const found = data.find(({ ref }) => ref === `refs/tags/${tag}`);
  if (!found) return undefined;
  const { type, sha } = found.object;
  if (type === "commit") return sha;
  return (await api.rest.git.getTag({ owner, repo, tag_sha: sha })).data.object.sha;
}

async function refuseOther(
  { api, owner, repo }: GitHub,
  { tag, tagged, version, commit }: { tag: string; tagged: string; version: string; commit: string },
): Promise<void> {
  const { data } = await api.rest.repos.compareCommitsWithBasehead({ owner, repo, basehead: `${tagged}...${commit}` });
  const file = (await api.rest.repos.getContent({ owner, repo, path: "package.json", ref: tagged })).data;
  const content = "content" in file ? Buffer.from(file.content, "base64").toString("utf8") : "{}";
  const taggedVersion = JSON.parse(content).version;
  if (data.status === "ahead" && taggedVersion === version) return;
  throw new UserError(
    `the tag ${tag} exists on the commit ${tagged.slice(0, 7)}, ${taggedVersion === version ? `which is not an ancestor of ${commit.slice(0, 7)}` : `whose version is ${taggedVersion}`}: delete the tag, or release another version`,
    ExitCode.BadInput,
  );
}
