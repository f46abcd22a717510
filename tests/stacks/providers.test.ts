import type * as pulumi from "@pulumi/pulumi";
import { type FleetConfig, schemas } from "../../config/schema";
import { awsAccount, awsProvider } from "../../stacks/providers";
import { only, record, settled } from "../mocks";

const FLEET: FleetConfig = schemas.fleet.parse({
  owner: "platform",
  zone: "example.com",
  hostname: "langflow.example.com",
  cloudflareAccountId: "0123456789abcdef0123456789abcdef",
  agentImage: `langflow-agent:0.1.0@sha256:${"b".repeat(64)}`,
  flowRepository: { url: "https://git.example.com/acme/flows.git" },
  image: `langflow:1.13.0@sha256:${"a".repeat(64)}`,
  buildRegion: "us-east",
  regions: [
    { name: "us-east", awsRegion: "us-east-1", cidr: "10.16.0.0/16", backupRegion: "eu-west" },
    { name: "eu-west", awsRegion: "eu-west-1", cidr: "10.17.0.0/16", backupRegion: "us-east" },
  ],
});

describe("awsProvider", () => {
  it("tags all resources with project, stack, owner and managed-by", async () => {
    const { inputs } = only(await record(() => awsProvider(FLEET, "eu-west", "eu-west-1")), "pulumi:providers:aws");
    expect(inputs.region).toBe("eu-west-1");
    expect(JSON.parse(inputs.defaultTags)).toEqual({
      tags: { project: "langflow-dr", stack: "eu-west", owner: "platform", "managed-by": "pulumi" },
    });
  });

  it("stores no credentials", async () => {
    const { inputs } = only(await record(() => awsProvider(FLEET, "eu-west", "eu-west-1")), "pulumi:providers:aws");
    expect(Object.keys(inputs).filter((key) => /secret|access|token|profile|assume/i.test(key))).toEqual([]);
  });
});

describe("awsAccount", () => {
  it("looks up account and partition with the given provider", async () => {
    let account: Record<"accountId" | "partition", pulumi.Output<string>> | undefined;
    await record(() => {
      account = awsAccount(awsProvider(FLEET, "eu-west", "eu-west-1"));
    });
    expect(account && (await settled(account.accountId))).toBe("123456789012");
    expect(account && (await settled(account.partition))).toBe("aws");
  });
});
