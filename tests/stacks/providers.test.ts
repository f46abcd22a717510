import type * as pulumi from "@pulumi/pulumi";
import { type FleetConfig, schemas } from "../../config/schema";
import { awsAccount, awsProvider } from "../../stacks/providers";
import { only, record, settled } from "../mocks";
import { FLEET as TWO_REGIONS } from "./fleet";

const FLEET: FleetConfig = schemas.fleet.parse(TWO_REGIONS);

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
