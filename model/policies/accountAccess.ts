import { ACCOUNTS_PREFIX, STORAGE_PREFIX } from "../../formats/bucketKeys";
import type { Statement } from "./document";

/** A flow bucket and the key that encrypts its objects. */
export interface AccountsBucket {
  /** The AWS region of the bucket and the key. */
  readonly awsRegion: string;
  readonly bucketArn: string;
  readonly keyArn: string;
}

export interface AccountAccess {
  /** The fleet's name of the agent's region. */
  readonly region: string;
  /** Bucket of the agent's region. */
  readonly own: AccountsBucket;
  /** Buckets of the other regions. */
  readonly peers: readonly AccountsBucket[];
}

/**
 * Returns the agent's permissions for replication, in addition to podAccess. The agent reads all regions' published
 * changes from its own bucket. It publishes its own changes, only below its own prefix, to its own bucket and its
 * peers' buckets. Therefore an attacker who controls one region's pod cannot publish changes in the name of a different
 * region.
 *
 * - The agent may list its whole bucket: only a principal with that permission gets "not found" for a missing object;
 *   others get "forbidden" (S3 API reference, GetObject), which does not prove absence. The permission to list does not
 *   include the permission to read.
 * - In a peer's bucket, the agent sees only objects that it put there, and deletes nothing: S3 replicates deletions in
 *   its own bucket.
 * - The agent copies uploads within its own bucket when two accounts are merged, but deletes none.
 * - The agent deletes no object versions: the lifecycle rules do (FlowBucket).
 * - KMS keys are usable only through S3 and only for these buckets. All of the buckets use bucket keys, so the
 *   encryption context is the bucket's ARN. One statement covers all keys, because a role's inline policies have a size
 *   limit, and S3 does not accept keys of other AWS regions anyway. Decrypt is included because the agent also reads
 *   its own objects.
 */
export function accountAccess({ region, own, peers }: AccountAccess): Statement[] {
  const published = ({ bucketArn }: AccountsBucket) => `${bucketArn}/${ACCOUNTS_PREFIX}/${region}/*`;
  const all = [own, ...peers];
  const ofPeers: Statement[] = [
    { Sid: "ReadPublished", Effect: "Allow", Action: "s3:GetObject", Resource: peers.map(published) },
    {
      Sid: "ListPublished",
      Effect: "Allow",
      Action: "s3:ListBucket",
      Resource: peers.map(({ bucketArn }) => bucketArn),
      Condition: { StringLike: { "s3:prefix": `${ACCOUNTS_PREFIX}/${region}/*` } },
    },
  ];
  return [
    { Sid: "ReadAccounts", Effect: "Allow", Action: "s3:GetObject", Resource: `${own.bucketArn}/${ACCOUNTS_PREFIX}/*` },
    { Sid: "SeeWhatIsGone", Effect: "Allow", Action: "s3:ListBucket", Resource: own.bucketArn },
    { Sid: "PublishAccounts", Effect: "Allow", Action: "s3:PutObject", Resource: all.map(published) },
    {
      Sid: "CopyUploads",
      Effect: "Allow",
      Action: ["s3:GetObject", "s3:PutObject"],
      Resource: `${own.bucketArn}/${STORAGE_PREFIX}/*`,
    },
    { Sid: "TidyUpAccounts", Effect: "Allow", Action: "s3:DeleteObject", Resource: published(own) },
    ...(peers.length > 0 ? ofPeers : []),
    {
      Sid: "UseKeysForAccounts",
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:GenerateDataKey"],
      Resource: all.map(({ keyArn }) => keyArn),
      Condition: {
        StringEquals: {
          "kms:ViaService": all.map(({ awsRegion }) => `s3.${awsRegion}.amazonaws.com`),
          "kms:EncryptionContext:aws:s3:arn": all.map(({ bucketArn }) => bucketArn),
        },
      },
    },
  ];
}
