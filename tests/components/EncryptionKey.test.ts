import { EncryptionKey } from "../../components/EncryptionKey";
import { expectRegions, only, record } from "../mocks";

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
  it("makes a rotating key that outlives a hasty delete by 30 days, in the named region", async () => {
    const resources = await build();
    const key = only(resources, "aws:kms/key:Key");
    expect(key.inputs).toMatchObject({ enableKeyRotation: true, deletionWindowInDays: 30 });
    expect(key.inputs.multiRegion).toBeUndefined();
    expectRegions(resources, ["us-east-1"]);
  });

  it("lets only named services of this account use the key, and logs only for this region's groups", async () => {
    const policy = JSON.parse(only(await build(), "aws:kms/key:Key").inputs.policy);
    const services = policy.Statement.find(({ Sid }: { Sid: string }) => Sid === "ServicesUse");
    expect(services.Condition.StringEquals["kms:CallerAccount"]).toBe("123456789012");
    expect(services.Condition.StringEquals["kms:ViaService"]).toContain("s3.us-east-1.amazonaws.com");
    expect(
      services.Condition.StringEquals["kms:ViaService"].every((service: string) => service.includes("us-east-1")),
    ).toBe(true);
    const logs = policy.Statement.find(({ Sid }: { Sid: string }) => Sid === "LogsUse");
    expect(logs.Condition.ArnLike["kms:EncryptionContext:aws:logs:arn"]).toBe("arn:aws:logs:us-east-1:123456789012:*");
  });
});
