import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { ACCOUNTS_PREFIX, BACKUP_PREFIX, MOVE_IN_PREFIX } from "../../formats/bucketKeys";
import { MOVE_IN_DAYS } from "../../model/moveIn";
import { physicalName, regionTags, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { flowBucketPolicy } from "../../model/policies/flowBucket";
import { closeBucket } from "./closedBucket";

export interface FlowBucketArgs {
  /** The fleet's name for the region, for example us-east; part of the bucket's name. A change replaces the bucket. */
  region: string;
  /** The AWS region of the bucket. A change replaces the bucket. */
  awsRegion: string;
  /**
   * AWS account of the bucket; part of the bucket's name, which must be globally unique. A change replaces the bucket.
   */
  accountId: pulumi.Input<string>;
  /** ARN of the region's KMS key. A change affects only new objects; existing objects keep their key. */
  keyArn: pulumi.Input<string>;
  /** Retention of noncurrent versions of an object, in days. */
  noncurrentVersionDays: number;
  /**
   * Retention of backups, in days. As with any deleted object, the last version is kept for another
   * `noncurrentVersionDays` days.
   */
  backupRetentionDays: number;
  /**
   * S3 Object Lock of all objects. Default: none. Object Lock cannot be disabled again; a change affects only new
   * objects.
   */
  objectLock?: ObjectLock | undefined;
}

const ObjectLockMode = { governance: "governance", compliance: "compliance" } as const;
type ObjectLockMode = (typeof ObjectLockMode)[keyof typeof ObjectLockMode];

export interface ObjectLock {
  /** governance: principals with bypass permission can delete versions. compliance: versions cannot be deleted. */
  mode: ObjectLockMode;
  /** Retention from an object's upload, in days. */
  days: number;
}

/**
 * Retention of deleted account objects, in days. The objects that replaced them contain all changes, and so do the
 * backups of the databases. Seven days suffice to investigate a problem; a longer retention would be expensive, because
 * the agents create and delete these objects all day.
 */
const OLD_ACCOUNTS_DAYS = 7;

/** Days after which the parts of an incomplete upload are deleted. */
const UNFINISHED_UPLOAD_DAYS = 7;

/**
 * Bucket of one region for user files, backups and accounts: versioned, encrypted with the region's key, and not
 * public. The bucket's settings are resources with `deletedWith` set to the bucket, so that an interrupted deletion
 * never leaves objects in a bucket without its policy, its public access block or its versioning.
 */
export class FlowBucket extends pulumi.ComponentResource {
  readonly region: string;
  readonly awsRegion: string;
  /** Name of the bucket; known during a preview. */
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
            // Objects encrypted with keys that only a client holds could not be restored.
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
   * Adds the lifecycle rules. They delete only in this region's bucket: S3 does not replicate lifecycle deletions, so a
   * backup that expires in one region remains in the others. Backups are replicated like all objects: each bucket holds
   * its own region's backups and the other regions'. If two rules match an object, S3 applies the shorter retention (S3
   * user guide, "Lifecycle configurations that conflict"), so the other rules need no exception for accounts.
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
            // Deletes packages that a killed import left behind, and the noncurrent versions of packages that completed
            // imports deleted.
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
   * Enables Object Lock for the whole bucket. Uploads are locked as well as backups, because a backup references
   * versions of uploads instead of copying them. Lifecycle rules continue to apply, and delete a locked version after
   * its retention. S3 can enable Object Lock on existing buckets. Account objects are also locked, because S3 locks
   * whole buckets; deleting one without a version id only adds a delete marker, which a lock permits.
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
