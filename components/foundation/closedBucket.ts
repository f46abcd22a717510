import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

export interface ClosedBucketArgs {
  /** The AWS region of the bucket. */
  awsRegion: string;
  bucket: aws.s3.Bucket;
  /** The bucket's policy. */
  policy: pulumi.Input<string>;
}

/**
 * Closes a bucket to the public in every way there is, and gives it its policy. One after the other: S3 refuses two
 * changes to a bucket's access at the same time (OperationAborted).
 *
 * @param parent the component that the bucket belongs to
 */
export function closeBucket(
  name: string,
  { awsRegion: region, bucket, policy }: ClosedBucketArgs,
  parent: pulumi.ComponentResource,
): void {
  const ownership = new aws.s3.BucketOwnershipControls(
    name,
    { region, bucket: bucket.bucket, rule: { objectOwnership: "BucketOwnerEnforced" } },
    { parent, deletedWith: bucket },
  );
  const block = new aws.s3.BucketPublicAccessBlock(
    name,
    {
      region,
      bucket: bucket.bucket,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    },
    { parent, deletedWith: bucket, dependsOn: ownership },
  );
  new aws.s3.BucketPolicy(
    name,
    { region, bucket: bucket.bucket, policy },
    { parent, deletedWith: bucket, dependsOn: block },
  );
}
