/** A container image that is pinned by digest. */
export interface Image {
  /** Repository in the registry, for example `langflow`. */
  readonly repository: string;
  /** Human-readable version of the image, for labels; only the digest identifies the image. */
  readonly version: string;
  /** `sha256:` followed by 64 hexadecimal digits. */
  readonly digest: string;
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * Matches a first path component that is a host (distribution's reference grammar: it contains a dot or is localhost).
 */
const REGISTRY = /^(localhost|[^/]*\.[^/]*)\//;

/** Parses `repository:version@sha256:…`. Returns an error message if the text is invalid. */
export function parseImage(text: string): Image | string {
  const [name = "", digest, ...rest] = text.split("@");
  const [repository = "", version, ...more] = name.split(":");
  if (version?.toLowerCase() === "latest")
    return `the tag ${version} can change: use a version with its digest, repository:version@sha256:…`;
  if (digest === undefined) return "has no digest: write repository:version@sha256:…";
  if (!DIGEST.test(digest) || rest.length > 0) return "the digest must be sha256: and 64 hexadecimal digits";
  if (!/^[a-z0-9]+([._/-][a-z0-9]+)*$/.test(repository) || more.length > 0 || REGISTRY.test(repository))
    return "must start with a lower-case repository name without a registry: each region adds its own";
  if (version === undefined || !/^\w[\w.-]{0,127}$/.test(version))
    return "has no version: write repository:version@sha256:…";
  return { repository, version, digest };
}

/** Returns the image reference for a pod: from the region's own registry, by digest only. */
export function imageReference(registry: string, { repository, digest }: Image): string {
  return `${registry}/${repository}@${digest}`;
}

/** Metacharacters of RE2, the regular expressions of CEL and Go. */
const META = /[\\^$.|?*+()[\]{}]/g;

/**
 * Returns the regular expression (RE2) that a pod's image must match: any repository of the given registry, by digest
 * only.
 */
export function imagePattern(registry: string): string {
  return `^${registry.replace(META, "\\$&")}/[a-z0-9]+([._/-]+[a-z0-9]+)*@sha256:[0-9a-f]{64}$`;
}
