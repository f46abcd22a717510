/** Types of resources that hold irreplaceable data. */
export const DATA: readonly string[] = [
  "aws:kms/key:Key",
  "aws:s3/bucket:Bucket",
  "aws:secretsmanager/secret:Secret",
  "aws:ecr/repository:Repository",
  "aws:rds/instance:Instance",
  "aws:efs/fileSystem:FileSystem",
];

/**
 * Types of resources whose recreation generates a different secret, which makes everything encrypted or signed with the
 * old one useless.
 */
const SECRETS: readonly string[] = [
  "random:index/randomBytes:RandomBytes",
  "random:index/randomPassword:RandomPassword",
];

/** Returns whether replacing or deleting a resource loses something that cannot be recreated. */
export function isIrreplaceable(type: string): boolean {
  return DATA.includes(type) || SECRETS.includes(type);
}
