/** Name of the project: prefix of every physical name, namespace of the config, and first part of every type token. */
export const PROJECT = "langflow-dr";

/**
 * Name prefix of the bucket that stores the stacks' state, and alias of the key that encrypts its secrets. An
 * administrator creates both before the first `up`, because no stack can own the storage of its own state. The CI roles
 * identify them by these names.
 */
export const STATE_BUCKET_PREFIX = `${PROJECT}-state-`;
export const STATE_KEY_ALIAS = `alias/${PROJECT}-state`;

/** Maximum length of an IAM role's name (IAM API reference, CreateRole). */
export const IAM_ROLE_NAME_MAX = 64;
/** Maximum length of an S3 bucket's name (S3 user guide, bucket naming rules). */
const BUCKET_NAME_MAX = 63;
/** Maximum length of an RDS instance's identifier (RDS API reference, CreateDBInstance). */
export const DB_IDENTIFIER_MAX = 63;

/**
 * Maximum length of a certificate's common name (ACM API reference, RequestCertificate; RFC 5280, `ub-common-name`).
 */
export const CERTIFICATE_NAME_MAX = 64;

/**
 * Returns the physical name of a resource whose name must be unique in an account or globally; it contains the region.
 *
 * @param region the fleet's name for the region, for example us-east
 * @param noun kind of resource, for example flows
 * @param max the cloud's limit in characters
 * @throws Error if the name is too long: a bug, because the config limits the length of region names
 */
export function physicalName(region: string, noun: string, max: number = BUCKET_NAME_MAX): string {
  const name = `${PROJECT}-${region}-${noun}`;
  if (name.length > max) throw new Error(`${name} has ${name.length} characters; at most ${max} are allowed`);
  return name;
}

/** Returns the name of the witness's bucket, in an AWS region outside the fleet. */
export function witnessBucketName(awsRegion: string, accountId: string): string {
  return physicalName("witness", `${awsRegion}-${accountId}`);
}

/** Returns the id of the S3 rule that replicates a flow bucket to a region's bucket. */
export function replicationRuleId(toRegion: string): string {
  return `to-${toRegion}`;
}

/** Returns the type token of one of our components. */
export function typeToken(component: string): string {
  return `${PROJECT}:index:${component}`;
}

/** Returns the tags of a resource in addition to the provider's default tags (project, stack, owner). */
export function regionTags(region: string, name: string): Record<string, string> {
  return { Name: name, [`${PROJECT}:region`]: region };
}
