import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { typeToken, witnessBucketName } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { witnessBucketPolicy } from "../../model/policies/witness";
import { closeBucket } from "./closedBucket";

export interface WitnessBucketArgs {
  /** The AWS region of the bucket, none of the fleet's; part of its name. A change makes another bucket. */
  awsRegion: string;
  /** Account of the bucket; part of its name, which must be unique in the world. A change makes another bucket. */
  accountId: pulumi.Input<string>;
}

/** Days an older lease is kept: who held the schedules when, for whoever looks into a failover the day after. */
const OLD_LEASE_DAYS = 1;

/** Days after which the parts of an upload that was never finished are deleted. */
const UNFINISHED_UPLOAD_DAYS = 7;

/**
 * The bucket that says which region holds the schedules: one object, the lease, in an AWS region that no region falls
 * with. Encrypted by S3's own keys, not by one of ours: the lease holds a region's name and some numbers, and a key would be
 * one thing more without which no schedule runs.
 */
export class WitnessBucket extends pulumi.ComponentResource {
  readonly awsRegion: string;
  /** Known in a preview already. */
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
