import * as pulumi from "@pulumi/pulumi";
import { PackageProvider } from "../../plugin/provider";

const KEY = "langflow-dr:index:EncryptionKey";
const INPUTS = { region: "eu-west", awsRegion: "eu-west-1", accountId: "123456789012", partition: "aws" };

describe("the package's provider", () => {
  const provider = new PackageProvider();

  it("rejects an output as the value of an input that names depend on, and reports the input", async () => {
    const made = provider.construct("mine", KEY, { ...INPUTS, awsRegion: pulumi.secret("eu-west-1") }, {});
    await expect(made).rejects.toThrow(/^awsRegion must be known before the deployment/);
  });

  it.each(["langflow-dr:index:Nothing", "langflow-dr:index:constructor", "other:index:EncryptionKey", ""])(
    "rejects the unknown component %p and lists the known ones",
    async (type) => {
      await expect(provider.construct("mine", type, INPUTS, {})).rejects.toThrow(/no component .*EncryptionKey/);
    },
  );
});
