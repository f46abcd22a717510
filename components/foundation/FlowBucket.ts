import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { ACCOUNTS_PREFIX, BACKUP_PREFIX } from "../../model/agent";
import { MOVE_IN_DAYS, MOVE_IN_PREFIX } from "../../model/moveIn";
import { physicalName, regionTags, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { flowBucketPolicy } from "../../model/policies/flowBucket";
import { closeBucket } from "./closedBucket";

export interface FlowBucketArgs {
  /** Our name of the region, for example us-east; part of the bucket's name. A change replaces the bucket. */
  region: string;
  /** The AWS region of the bucket. A change replaces the bucket. */
  awsRegion: string;
  /** Account of the bucket; part of its name, which must be unique in the world. A change replaces the bucket. */
  accountId: pulumi.Input<string>;
  /** The region's key. A change re-encrypts nothing: it holds for later objects. */
  keyArn: pulumi.Input<string>;
  /** Days a replaced or deleted version of an object is kept. */
  noncurrentVersionDays: number;
  /** Days a backup is kept; its last version for `noncurrentVersionDays` more, as of any deleted object. */
  backupRetentionDays: number;
  /** S3 Object Lock of all objects. Default: none. Once on, S3 keeps it on; what changes is for later objects. */
  objectLock?: ObjectLock | undefined;
}

const ObjectLockMode = { governance: "governance", compliance: "compliance" } as const;
type ObjectLockMode = (typeof ObjectLockMode)[keyof typeof ObjectLockMode];

export interface ObjectLock {
  /** governance: who may bypass it can delete versions. compliance: nobody can. */
  mode: ObjectLockMode;
  /** From an object's upload. */
  days: number;
}

/**
 * Days a deleted object of accounts is kept: what was changed is in the objects that took its place, and in the databases'
 * backups. Long enough to look into what went wrong, short since these objects are made and deleted all day.
 */
const OLD_ACCOUNTS_DAYS = 7;

/** Days after which the parts of an upload that was never finished are deleted. */
const UNFINISHED_UPLOAD_DAYS = 7;

/**
 * One region's bucket of user files, backups and accounts: versioned, encrypted with the region's key, closed to the public.
 * What hangs on the bucket is `deletedWith` it, so that no half-done deletion ever leaves objects in a bucket without
 * its policy, its public access block or its versioning.
 */
export class FlowBucket extends pulumi.ComponentResource {
  readonly region: string;
  readonly awsRegion: string;
  /** Known in a preview already. */
  readonly bucketName: pulumi.Output<string>;
  readonly bucketArn: pulumi.Output<string>;
  readonly keyArn: pulumi.Output<string>;

  constructor(name: string, args: FlowBucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("FlowBucket"), name, args, opts);

    this.region = args.region;
    this.awsRegion = args.awsRegion;
    this.keyArn = pulumi.output(args.keyArn);
    this.bucketName = pulumi.output(args.accountId).apply((account) => physicalName(args.region, `flows-${account}`));

    const bucket = new aws.s3.Bucket(
      name,
      {
        region: args.awsRegion,
        bucket: this.bucketName,
        tags: this.bucketName.apply((n) => regionTags(args.region, n)),
      },
      { parent: this, protect: true },
    );
    this.bucketArn = bucket.arn;

    const versioning = this.versioned(name, bucket);
    this.encrypted(name, bucket);
    this.closed(name, bucket);
    this.cleanedUp(name, bucket, versioning, args);
    this.locked(name, bucket, versioning, args);

    this.registerOutputs({ bucketName: this.bucketName, bucketArn: this.bucketArn });
  }

  private versioned(name: string, bucket: aws.s3.Bucket): aws.s3.BucketVersioning {
    return new aws.s3.BucketVersioning(
      name,
      { region: this.awsRegion, bucket: bucket.bucket, versioningConfiguration: { status: "Enabled" } },
      { parent: this, deletedWith: bucket },
    );
  }

  private encrypted(name: string, bucket: aws.s3.Bucket): void {
    new aws.s3.BucketServerSideEncryptionConfiguration(
      name,
      {
        region: this.awsRegion,
        bucket: bucket.bucket,
        rules: [
          {
            applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: this.keyArn },
            bucketKeyEnabled: true,
            // What is under keys that only a client holds could not be restored.
            blockedEncryptionTypes: ["SSE-C"],
          },
        ],
      },
      { parent: this, deletedWith: bucket },
    );
  }

  private closed(name: string, bucket: aws.s3.Bucket): void {
    const policy = pulumi
      .all([bucket.arn, this.keyArn])
      .apply(([bucketArn, keyArn]) => policyText(flowBucketPolicy({ bucketArn, keyArn })));
    closeBucket(name, { awsRegion: this.awsRegion, bucket, policy }, this);
  }

  /**
   * Each region's lifecycle rules delete in its own bucket: such deletes are not replicated, so a backup that expires in
   * one region stays in the others. Backups are copied as all else is: each region holds its own and its peers'. Of two
   * rules for an object S3 takes the shorter (S3 user guide, "Lifecycle configurations that conflict"), so accounts need no
   * exception elsewhere.
   */
  private cleanedUp(
    name: string,
    bucket: aws.s3.Bucket,
    versioning: aws.s3.BucketVersioning,
    { noncurrentVersionDays, backupRetentionDays }: FlowBucketArgs,
  ): void {
    new aws.s3.BucketLifecycleConfiguration(
      name,
      {
        region: this.awsRegion,
        bucket: bucket.bucket,
        transitionDefaultMinimumObjectSize: "all_storage_classes_128K",
        rules: [
          {
            id: "old-versions",
            status: "Enabled",
            filter: {},
            noncurrentVersionExpiration: { noncurrentDays: noncurrentVersionDays },
            expiration: { expiredObjectDeleteMarker: true },
          },
          {
            id: "old-backups",
            status: "Enabled",
            filter: { prefix: `${BACKUP_PREFIX}/` },
            expiration: { days: backupRetentionDays },
          },
          {
            id: "unfinished-uploads",
            status: "Enabled",
            filter: {},
            abortIncompleteMultipartUpload: { daysAfterInitiation: UNFINISHED_UPLOAD_DAYS },
          },
          {
            id: "old-accounts",
            status: "Enabled",
            filter: { prefix: `${ACCOUNTS_PREFIX}/` },
            noncurrentVersionExpiration: { noncurrentDays: Math.min(OLD_ACCOUNTS_DAYS, noncurrentVersionDays) },
          },
          {
            // Of an import that was killed; and what every import deleted, which a versioned bucket only hides.
            id: "moved-in",
            status: "Enabled",
            filter: { prefix: `${MOVE_IN_PREFIX}/` },
            expiration: { days: MOVE_IN_DAYS },
            noncurrentVersionExpiration: { noncurrentDays: MOVE_IN_DAYS },
          },
        ],
      },
      { parent: this, deletedWith: bucket, dependsOn: versioning },
    );
  }

  /**
   * Of uploads as well as of backups, as a backup has no copy of an upload: it names a version. Lifecycle rules go on, and
   * delete a locked version when its time is over. S3 takes it for buckets that exist already. Accounts are locked along, for
   * S3 locks by the bucket; to delete one without naming a version only hides it, which a lock lets pass.
   */
  private locked(
    name: string,
    bucket: aws.s3.Bucket,
    versioning: aws.s3.BucketVersioning,
    { objectLock }: FlowBucketArgs,
  ): void {
    if (!objectLock) return;
    const defaultRetention = { mode: objectLock.mode.toUpperCase(), days: objectLock.days };
    new aws.s3.BucketObjectLockConfiguration(
      name,
      { region: this.awsRegion, bucket: bucket.bucket, rule: { defaultRetention } },
      { parent: this, deletedWith: bucket, dependsOn: versioning },
    );
  }
}
