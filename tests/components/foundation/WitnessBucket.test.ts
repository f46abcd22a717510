import { WitnessBucket } from "../../../components/foundation/WitnessBucket";
import { expectRegions, only, record } from "../../mocks";
import { expectNoPublicAccess } from "./publicAccess";

const NAME = "langflow-dr-witness-us-west-2-123456789012";

const build = () => record(() => new WitnessBucket("witness", { awsRegion: "us-west-2", accountId: "123456789012" }));

describe("WitnessBucket", () => {
  it("names the bucket after its AWS region and account, and creates everything there", async () => {
    const resources = await build();
    expect(only(resources, "aws:s3/bucket:Bucket").inputs).toMatchObject({ bucket: NAME, tags: { Name: NAME } });
    expect(resources.filter(({ type }) => type.startsWith("aws:"))).toHaveLength(7);
    expectRegions(resources, ["us-west-2"]);
  });

  it("needs no KMS key: S3 encrypts with its own and rejects client-provided keys", async () => {
    const resources = await build();
    const type = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
    expect(only(resources, type).inputs.rules).toEqual([
      { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" }, blockedEncryptionTypes: ["SSE-C"] },
    ]);
    expect(JSON.stringify(resources)).not.toContain("kms");
  });

  it("blocks public access in all four ways and has a policy with only deny statements", async () => {
    const resources = await build();
    expectNoPublicAccess(resources);
    const policy = JSON.parse(only(resources, "aws:s3/bucketPolicy:BucketPolicy").inputs.policy);
    const effects = policy.Statement.map(({ Effect }: { Effect: string }) => Effect);
    expect(effects).toEqual(["Deny", "Deny", "Deny"]);
    expect(policy.Statement[2]).toMatchObject({ Sid: "DenyUnconditionalWrites", Resource: `arn:aws:s3:::${NAME}/*` });
  });

  it("keeps old leases for a day and is never emptied when it is destroyed", async () => {
    const resources = await build();
    const { rules } = only(resources, "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs;
    expect(rules[0]).toMatchObject({ filter: {}, noncurrentVersionExpiration: { noncurrentDays: 1 } });
    expect(rules[0].expiration).toEqual({ expiredObjectDeleteMarker: true });
    expect(only(resources, "aws:s3/bucketVersioning:BucketVersioning").inputs.versioningConfiguration).toEqual({
      status: "Enabled",
    });
    expect(only(resources, "aws:s3/bucket:Bucket").inputs).not.toHaveProperty("forceDestroy");
  });
});
