import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { typeToken, witnessBucketName } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { witnessBucketPolicy } from "../../model/policies/witness";
import { closeBucket } from "./closedBucket";

export interface WitnessBucketArgs {
  /**
   * The AWS region of the bucket, outside the fleet's regions; part of the bucket's name. A change creates a new
   * bucket.
   */
  awsRegion: string;
  /**
   * AWS account of the bucket; part of the bucket's name, which must be globally unique. A change creates a new bucket.
   */
  accountId: pulumi.Input<string>;
}

/**
 * Retention of old leases, in days: they show which region held the schedules when a failover is investigated the next
 * day.
 */
const OLD_LEASE_DAYS = 1;

/** Days after which the parts of an incomplete upload are deleted. */
const UNFINISHED_UPLOAD_DAYS = 7;

/**
 * The witness: a bucket that stores which region fires schedules, and which waiting runs a region took over. It is in an
 * AWS region outside the fleet, so that it survives the loss of any region. S3's own keys encrypt it instead of a KMS
 * key: its two objects contain only regions' names, runs' ids and some numbers, and a KMS key would be one more dependency that can stop all
 * schedules.
 */
export class WitnessBucket extends pulumi.ComponentResource {
  readonly awsRegion: string;
  /** Name of the bucket; known during a preview. */
  readonly bucketName: pulumi.Output<string>;
  readonly bucketArn: pulumi.Output<string>;

  constructor(name: string, args: WitnessBucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("WitnessBucket"), name, args, opts);

    this.awsRegion = args.awsRegion;
    this.bucketName = pulumi.output(args.accountId).apply((account) => witnessBucketName(args.awsRegion, account));
    const bucket = new aws.s3.Bucket(
      name,
      {
        region: args.awsRegion,
        bucket: this.bucketName,
        tags: this.bucketName.apply((Name) => ({ Name })),
      },
      { parent: this, protect: true },
    );
    this.bucketArn = bucket.arn;

    this.encrypted(name, bucket);
    const policy = bucket.arn.apply((arn) => policyText(witnessBucketPolicy(arn)));
    closeBucket(name, { awsRegion: this.awsRegion, bucket, policy }, this);
    this.cleanedUp(name, bucket);

    this.registerOutputs({ bucketName: this.bucketName, bucketArn: this.bucketArn });
  }

  private encrypted(name: string, bucket: aws.s3.Bucket): void {
    new aws.s3.BucketServerSideEncryptionConfiguration(
      name,
      {
        region: this.awsRegion,
        bucket: bucket.bucket,
        rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" }, blockedEncryptionTypes: ["SSE-C"] }],
      },
      { parent: this, deletedWith: bucket },
    );
  }

  private cleanedUp(name: string, bucket: aws.s3.Bucket): void {
    const { awsRegion: region } = this;
    const versioning = new aws.s3.BucketVersioning(
      name,
      { region, bucket: bucket.bucket, versioningConfiguration: { status: "Enabled" } },
      { parent: this, deletedWith: bucket },
    );
    new aws.s3.BucketLifecycleConfiguration(
      name,
      {
        region,
        bucket: bucket.bucket,
        transitionDefaultMinimumObjectSize: "all_storage_classes_128K",
        rules: [
          {
            id: "old-leases",
            status: "Enabled",
            filter: {},
            noncurrentVersionExpiration: { noncurrentDays: OLD_LEASE_DAYS },
            expiration: { expiredObjectDeleteMarker: true },
          },
          {
            id: "unfinished-uploads",
            status: "Enabled",
            filter: {},
            abortIncompleteMultipartUpload: { daysAfterInitiation: UNFINISHED_UPLOAD_DAYS },
          },
        ],
      },
      { parent: this, deletedWith: bucket, dependsOn: versioning },
    );
  }
}
