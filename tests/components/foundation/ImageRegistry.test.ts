import type * as pulumi from "@pulumi/pulumi";
import { ImageRegistry } from "../../../components/foundation/ImageRegistry";
import { expectRegions, only, record, refusal, settled } from "../../mocks";

const KEY = "arn:aws:kms:eu-west-1:123456789012:key/1";

async function build(repositories: string[]) {
  let registry: pulumi.Output<string> | undefined;
  const resources = await record(() => {
    registry = new ImageRegistry("eu-west", { region: "eu-west", awsRegion: "eu-west-1", repositories, keyArn: KEY })
      .registry;
  });
  return { resources, registry: registry && (await settled(registry)) };
}

describe("ImageRegistry", () => {
  it("creates a repository with immutable tags, scans on push and the region's key", async () => {
    const { resources } = await build(["langflow"]);
    expect(only(resources, "aws:ecr/repository:Repository").inputs).toMatchObject({
      name: "langflow",
      imageTagMutability: "IMMUTABLE",
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfigurations: [{ encryptionType: "KMS", kmsKey: KEY }],
      tags: { "langflow-dr:region": "eu-west" },
    });
    expectRegions(resources, ["eu-west-1"]);
  });

  it("never deletes a repository that contains images", async () => {
    const { resources } = await build(["langflow"]);
    expect(only(resources, "aws:ecr/repository:Repository").inputs).not.toHaveProperty("forceDelete");
  });

  it("expires only untagged images", async () => {
    const { resources } = await build(["langflow"]);
    const { rules } = JSON.parse(only(resources, "aws:ecr/lifecyclePolicy:LifecyclePolicy").inputs.policy);
    expect(rules.map(({ selection }: { selection: { tagStatus: string } }) => selection.tagStatus)).toEqual([
      "untagged",
    ]);
  });

  it("creates all configured repositories under one registry host", async () => {
    const { resources, registry } = await build(["langflow", "langflow-agent"]);
    const names = resources.filter(({ type }) => type === "aws:ecr/repository:Repository").map((r) => r.inputs.name);
    expect(names).toEqual(["langflow", "langflow-agent"]);
    expect(registry).toBe("123456789012.dkr.ecr.eu-west-1.amazonaws.com");
  });

  it("rejects an empty list of repositories, because the host would be unknown", async () => {
    const args = { region: "eu-west", awsRegion: "eu-west-1", repositories: [], keyArn: KEY };
    expect(await refusal(() => new ImageRegistry("eu-west", args))).toContain("has no repository");
  });
});
