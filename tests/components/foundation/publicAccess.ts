import { only, type Recorded } from "../../mocks";

/** Expects that S3 blocks public access to the only bucket in all four ways. */
export function expectNoPublicAccess(resources: Recorded[]): void {
  expect(only(resources, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs).toMatchObject({
    blockPublicAcls: true,
    blockPublicPolicy: true,
    ignorePublicAcls: true,
    restrictPublicBuckets: true,
  });
}
