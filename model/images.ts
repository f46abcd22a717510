/** A container image that can never change under us. */
export interface Image {
  /** Repository below the registry, for example `langflow`. */
  readonly repository: string;
  /** What the image calls itself, for people and labels; the digest decides. */
  readonly version: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** A first part that is a host (distribution's reference grammar: it has a dot or is localhost). */
const REGISTRY = /^(localhost|[^/]*\.[^/]*)\//;

/** Parses `repository:version@sha256:…`; a string is returned where it can't be: what is wrong with it. */
export function parseImage(text: string): Image | string {
  const [name = "", digest, ...rest] = text.split("@");
  const [repository = "", version, ...more] = name.split(":");
  if (version?.toLowerCase() === "latest")
    return `the tag ${version} moves: name a version and its digest, repository:version@sha256:…`;
  if (digest === undefined) return "has no digest: write repository:version@sha256:…";
  if (!DIGEST.test(digest) || rest.length > 0) return "the digest must be sha256: and 64 hexadecimal digits";
  if (!/^[a-z0-9]+([._/-][a-z0-9]+)*$/.test(repository) || more.length > 0 || REGISTRY.test(repository))
    return "must start with a lower-case repository name without a registry: each region adds its own";
  if (version === undefined || !/^\w[\w.-]{0,127}$/.test(version))
    return "has no version: write repository:version@sha256:…";
  return { repository, version, digest };
}

/** The image as a pod names it: from one region's own registry, by digest alone. */
export function imageReference(registry: string, { repository, digest }: Image): string {
  return `${registry}/${repository}@${digest}`;
}

/** Characters that mean something to RE2, the regular expressions of CEL and of Go. */
const META = /[\\^$.|?*+()[\]{}]/g;

/** The regular expression (RE2) that a pod's image must match: any repository of one registry, by digest alone. */
export function imagePattern(registry: string): string {
  return `^${registry.replace(META, "\\$&")}/[a-z0-9]+([._/-]+[a-z0-9]+)*@sha256:[0-9a-f]{64}$`;
}
