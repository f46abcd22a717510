/** What holds data that nothing else could bring back. */
export const DATA: readonly string[] = [
  "aws:kms/key:Key",
  "aws:s3/bucket:Bucket",
  "aws:secretsmanager/secret:Secret",
  "aws:ecr/repository:Repository",
  "aws:rds/instance:Instance",
  "aws:efs/fileSystem:FileSystem",
];

/** What, made anew, is another secret: whatever was encrypted or signed with the old one is lost. */
const SECRETS: readonly string[] = [
  "random:index/randomBytes:RandomBytes",
  "random:index/randomPassword:RandomPassword",
];

/** Whether a resource that is replaced or deleted takes something with it that cannot be made again. */
export function isIrreplaceable(type: string): boolean {
  return DATA.includes(type) || SECRETS.includes(type);
}
