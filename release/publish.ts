import type { GitHub } from "../fleet/github/client";
import { asking } from "../fleet/github/refusal";
import { ExitCode, UserError } from "../model/errors";
import { section } from "./changelog";

export interface Release {
  readonly version: string;
  /** All of CHANGELOG.md. */
  readonly changelog: string;
  /** The commit that is released: what main's push brought. */
  readonly commit: string;
}

/** What was made; neither where all was there. */
export interface Published {
  readonly tag: "created" | "kept";
  readonly release: "created" | "kept";
}

/**
 * Tags the commit with its version and writes the release, its section of the changelog as text. Made again, or cut off
 * and made again, it adds what is missing. A later commit of the same version makes nothing: the first one is the release.
 *
 * @throws UserError exit 2 where the changelog has no such section, or the tag is on a commit that is no earlier one of
 * this version; 3 and 10 where GitHub refused or did not answer
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
      `CHANGELOG.md says nothing of ${version}: \`npm run release -- patch\` writes version and changelog together`,
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

/** The commit a tag leads to, be it an annotated one or not. */
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
    `${tag} is on the commit ${tagged.slice(0, 7)}, ${taggedVersion === version ? `which ${commit.slice(0, 7)} does not come after` : `whose version is ${taggedVersion}`}: take that tag away, or release another version`,
    ExitCode.BadInput,
  );
}
