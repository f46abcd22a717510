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
  it("makes a repository whose tags never move, scanned at each push, under the region's key", async () => {
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

  it("is never deleted with images in it", async () => {
    const { resources } = await build(["langflow"]);
    expect(only(resources, "aws:ecr/repository:Repository").inputs).not.toHaveProperty("forceDelete");
  });

  it("expires untagged images, and no tagged one ever", async () => {
    const { resources } = await build(["langflow"]);
    const { rules } = JSON.parse(only(resources, "aws:ecr/lifecyclePolicy:LifecyclePolicy").inputs.policy);
    expect(rules.map(({ selection }: { selection: { tagStatus: string } }) => selection.tagStatus)).toEqual([
      "untagged",
    ]);
  });

  it("makes each repository it is asked for, all behind one host", async () => {
    const { resources, registry } = await build(["langflow", "langflow-agent"]);
    const names = resources.filter(({ type }) => type === "aws:ecr/repository:Repository").map((r) => r.inputs.name);
    expect(names).toEqual(["langflow", "langflow-agent"]);
    expect(registry).toBe("123456789012.dkr.ecr.eu-west-1.amazonaws.com");
  });

  it("refuses to be empty, since then nobody could tell its host", async () => {
    const args = { region: "eu-west", awsRegion: "eu-west-1", repositories: [], keyArn: KEY };
    expect(await refusal(() => new ImageRegistry("eu-west", args))).toContain("has no repository");
  });
});
