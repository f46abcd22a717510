import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

export interface ClosedBucketArgs {
  /** The AWS region of the bucket. */
  awsRegion: string;
  bucket: aws.s3.Bucket;
  /** The bucket's policy document. */
  policy: pulumi.Input<string>;
}

/**
 * Blocks all public access to a bucket and attaches its policy. The resources are created one after another, because S3
 * rejects concurrent changes to a bucket's access settings (OperationAborted).
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
