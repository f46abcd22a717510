import { EncryptionKey } from "../../../components/foundation/EncryptionKey";
import { expectRegions, only, record } from "../../mocks";

const build = () =>
  record(
    () =>
      new EncryptionKey("us-east", {
        region: "us-east",
        awsRegion: "us-east-1",
        accountId: "123456789012",
        partition: "aws",
      }),
  );

describe("EncryptionKey", () => {
  it("creates a rotating key with a deletion window of 30 days, in the configured AWS region", async () => {
    const resources = await build();
    const key = only(resources, "aws:kms/key:Key");
    expect(key.inputs).toMatchObject({ enableKeyRotation: true, deletionWindowInDays: 30 });
    expect(key.inputs.multiRegion).toBeUndefined();
    expectRegions(resources, ["us-east-1"]);
  });

  it("gives the key an alias that contains the region", async () => {
    const alias = only(await build(), "aws:kms/alias:Alias");
    expect(alias.inputs).toMatchObject({ name: "alias/langflow-dr-us-east-key" });
  });

  it("sets a key policy for this account and AWS region", async () => {
    const policy = JSON.parse(only(await build(), "aws:kms/key:Key").inputs.policy);
    expect(policy.Version).toBe("2012-10-17");
    expect(policy.Statement[0].Principal).toEqual({ AWS: "arn:aws:iam::123456789012:root" });
    expect(JSON.stringify(policy)).toContain("s3.us-east-1.amazonaws.com");
  });
});
