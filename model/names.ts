/** The project: prefix of every physical name, namespace of the config, first part of every type token. */
export const PROJECT = "langflow-dr";

/**
 * Start of the name of the bucket that keeps the stacks' state, and alias of the key that encrypts its secrets. Both
 * are made by hand before the first `up` (no stack can own what it is kept in); the CI roles find them by these names.
 */
export const STATE_BUCKET_PREFIX = `${PROJECT}-state-`;
export const STATE_KEY_ALIAS = `alias/${PROJECT}-state`;

/** Longest name of an IAM role (IAM API reference, CreateRole). */
export const IAM_ROLE_NAME_MAX = 64;
/** Longest name of an S3 bucket (S3 user guide, bucket naming rules). */
const BUCKET_NAME_MAX = 63;
/** Longest name of an RDS instance (RDS API reference, CreateDBInstance). */
export const DB_IDENTIFIER_MAX = 63;

/** Longest name a certificate is asked for: its common name (ACM API reference, RequestCertificate; RFC 5280, `ub-common-name`). */
export const CERTIFICATE_NAME_MAX = 64;

/**
 * The physical name of something that is unique in an account or in the world: it carries the region.
 *
 * @param region our name of the region, for example us-east
 * @param noun what it is, for example flows
 * @param max the cloud's limit in characters
 * @throws Error when the name is too long: a bug, since the config bounds the length of a region's name
 */
export function physicalName(region: string, noun: string, max: number = BUCKET_NAME_MAX): string {
  const name = `${PROJECT}-${region}-${noun}`;
  if (name.length > max) throw new Error(`${name} has ${name.length} characters, ${max} are allowed`);
  return name;
}

/** The witness's bucket, in an AWS region that no region of ours is in. */
export function witnessBucketName(awsRegion: string, accountId: string): string {
  return physicalName("witness", `${awsRegion}-${accountId}`);
}

/** The id of the rule by which S3 copies a flow bucket to a region's. */
export function replicationRuleId(toRegion: string): string {
  return `to-${toRegion}`;
}

/** The type token of one of our components. */
export function typeToken(component: string): string {
  return `${PROJECT}:index:${component}`;
}

/** The tags a resource carries beside the provider's default tags (project, stack, owner). */
export function regionTags(region: string, name: string): Record<string, string> {
  return { Name: name, [`${PROJECT}:region`]: region };
}
