import { FlowBucket, type FlowBucketArgs } from "../../../components/foundation/FlowBucket";
import { expectRegions, only, record } from "../../mocks";
import { expectNoPublicAccess } from "./publicAccess";

const KEY = "arn:aws:kms:us-east-1:123456789012:key/1";
const NAME = "langflow-dr-us-east-flows-123456789012";

const build = (region = "us-east", changes: Partial<FlowBucketArgs> = {}) =>
  record(
    () =>
      new FlowBucket(region, {
        region,
        awsRegion: "us-east-1",
        accountId: "123456789012",
        keyArn: KEY,
        noncurrentVersionDays: 90,
        backupRetentionDays: 35,
        ...changes,
      }),
  );

describe("FlowBucket", () => {
  it("names the bucket after region and account, and creates everything in the configured AWS region", async () => {
    const resources = await build();
    expect(only(resources, "aws:s3/bucket:Bucket").inputs).toMatchObject({ bucket: NAME, tags: { Name: NAME } });
    expectRegions(resources, ["us-east-1"]);
  });

  it("has a valid S3 name even for the longest region name", async () => {
    const { bucket } = only(await build("a".repeat(16)), "aws:s3/bucket:Bucket").inputs;
    expect(bucket).toMatch(/^[a-z0-9-]{3,63}$/);
  });

  it("is versioned", async () => {
    const { inputs } = only(await build(), "aws:s3/bucketVersioning:BucketVersioning");
    expect(inputs).toMatchObject({ bucket: NAME, versioningConfiguration: { status: "Enabled" } });
  });

  it("encrypts with the region's key through a bucket key and rejects client-provided keys", async () => {
    const type = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
    expect(only(await build(), type).inputs.rules).toEqual([
      {
        applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: KEY },
        bucketKeyEnabled: true,
        blockedEncryptionTypes: ["SSE-C"],
      },
    ]);
  });

  it("blocks public access in all four ways and disables ACLs", async () => {
    const resources = await build();
    expectNoPublicAccess(resources);
    expect(only(resources, "aws:s3/bucketOwnershipControls:BucketOwnershipControls").inputs.rule).toEqual({
      objectOwnership: "BucketOwnerEnforced",
    });
    expect(resources.filter(({ type }) => /acl|website|cors/i.test(type))).toEqual([]);
  });

  it("has a policy with only deny statements, for the bucket and its objects", async () => {
    const policy = JSON.parse(only(await build(), "aws:s3/bucketPolicy:BucketPolicy").inputs.policy);
    expect(new Set(policy.Statement.map(({ Effect }: { Effect: string }) => Effect))).toEqual(new Set(["Deny"]));
    expect(policy.Statement[0].Resource).toEqual([`arn:aws:s3:::${NAME}`, `arn:aws:s3:::${NAME}/*`]);
  });

  it("does not enable Object Lock by default", async () => {
    expect((await build()).filter(({ type }) => /ObjectLock/.test(type))).toEqual([]);
  });

  it.each(["governance", "compliance"] as const)(
    "retains each object for the configured days with Object Lock in %s mode",
    async (mode) => {
      const resources = await build("us-east", { objectLock: { mode, days: 14 } });
      const lock = only(resources, "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration");
      expect(lock.inputs).toMatchObject({
        bucket: NAME,
        rule: { defaultRetention: { mode: mode.toUpperCase(), days: 14 } },
      });
      expectRegions(resources, ["us-east-1"]);
    },
  );

  it("is never emptied when it is destroyed", async () => {
    expect(only(await build(), "aws:s3/bucket:Bucket").inputs).not.toHaveProperty("forceDestroy");
  });

  it("deletes noncurrent versions of objects below accounts/ after a week, or earlier if the bucket's retention is shorter", async () => {
    const type = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration";
    const accounts = async (noncurrentVersionDays: number) =>
      only(await build("us-east", { noncurrentVersionDays }), type).inputs.rules.find(
        ({ id }: { id: string }) => id === "old-accounts",
      );
    expect(await accounts(90)).toEqual({
      id: "old-accounts",
      status: "Enabled",
      filter: { prefix: "accounts/" },
      noncurrentVersionExpiration: { noncurrentDays: 7 },
    });
    expect((await accounts(3)).noncurrentVersionExpiration).toEqual({ noncurrentDays: 3 });
  });

  it("expires old versions and incomplete uploads, but current objects only in backups and imports", async () => {
    const { rules } = only(await build(), "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs;
    expect(rules).toEqual([
      {
        id: "old-versions",
        status: "Enabled",
        filter: {},
        noncurrentVersionExpiration: { noncurrentDays: 90 },
        expiration: { expiredObjectDeleteMarker: true },
      },
      { id: "old-backups", status: "Enabled", filter: { prefix: "backups/" }, expiration: { days: 35 } },
      {
        id: "unfinished-uploads",
        status: "Enabled",
        filter: {},
        abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
      },
      expect.objectContaining({ id: "old-accounts" }),
      {
        id: "moved-in",
        status: "Enabled",
        filter: { prefix: "move-in/" },
        expiration: { days: 1 },
        noncurrentVersionExpiration: { noncurrentDays: 1 },
      },
    ]);
  });
});
