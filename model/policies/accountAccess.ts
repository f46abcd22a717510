import { ACCOUNTS_PREFIX } from "../agent";
import { STORAGE_PREFIX } from "../langflow";
import type { Statement } from "./document";

/** A flow bucket, and the key its objects are encrypted with. */
export interface AccountsBucket {
  /** The AWS region of both. */
  readonly awsRegion: string;
  readonly bucketArn: string;
  readonly keyArn: string;
}

export interface AccountAccess {
  /** Our name of the region whose agent it is. */
  readonly region: string;
  /** The region's own bucket. */
  readonly own: AccountsBucket;
  /** Those of the other regions. */
  readonly peers: readonly AccountsBucket[];
}

/**
 * What the agent may do for the replication, beside what podAccess says: read what all regions published in its own bucket,
 * and publish its own changes, below its own prefix and no other, in its bucket and its peers'. So whoever takes over one region's pod
 * cannot speak for another region.
 *
 * - It may list its own bucket as a whole, for only to who may S3 says of an object that it is gone; to others all that is
 *   not there is forbidden (S3 API reference, GetObject), and no absence would be proven. What it may list it may not read.
 * - Of a peer's bucket it sees what it put there itself, and deletes nothing: a deletion in its own bucket is replicated.
 * - It copies uploads within its own bucket, and deletes none: those of an account that became part of another.
 * - It deletes no version: those are the lifecycle's (FlowBucket).
 * - The keys: only through S3 and for these buckets. With a bucket key, which all of them have, the context is the bucket. One
 *   statement for all, since a role's policies have little room, and S3 takes no key of another AWS region anyway.
 *   Decrypt, since it also reads what it wrote.
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
