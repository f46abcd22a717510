import * as pulumi from "@pulumi/pulumi";
import type { FoundationOutputs } from "../../stacks/outputs";
import {
  foundationAlertingSecret,
  foundationBoundary,
  foundationOutputs,
  foundationWitness,
  type RegionForEdge,
  regionOutputs,
  webhookOrigin,
} from "../../stacks/references";
import { record } from "../mocks";

const usEast: RegionForEdge = {
  originHostname: "us-east.elb.amazonaws.com",
  clusterName: "langflow-dr-us-east-cluster",
  databaseIdentifier: "langflow-dr-us-east-flows",
  image: "registry/langflow@sha256:abc",
};

const part = (awsRegion: string) => ({
  keyArn: `arn:aws:kms:${awsRegion}:123456789012:key/1`,
  registry: `123456789012.dkr.ecr.${awsRegion}.amazonaws.com`,
  bucketName: "flows",
  bucketArn: "arn:aws:s3:::flows",
  certificateArn: `arn:aws:acm:${awsRegion}:123456789012:certificate/1`,
  secretArns: { secretKey: "1", superuserPassword: "2", apiKey: "3", providerKeys: "4", webhookSecret: "5" },
});

const foundation: FoundationOutputs = {
  regions: { "us-east": part("us-east-1"), "eu-west": part("eu-west-1") },
  boundaryArn: "arn:aws:iam::123456789012:policy/langflow-dr-boundary",
  providerKeyNames: ["OPENAI_API_KEY"],
};

const stacks = {
  foundation: { ...foundation },
  "us-east": { ...usEast, agentImage: "registry/langflow-agent@sha256:def" },
  hooked: { ...usEast, webhookHostname: "hook.elb.amazonaws.com" },
  bare: {},
};

/** Returns an output's result: its value, that it is unknown, or the error message that stops the program. */
async function see<T>(
  read: () => pulumi.Output<T>,
  preview: boolean,
  deployed: Record<string, Record<string, unknown>> = stacks,
): Promise<unknown> {
  let seen: unknown;
  const look = async () => {
    const { promise, isKnown, isSecret, allResources } = read() as unknown as {
      promise(): Promise<unknown>;
      isKnown: Promise<boolean>;
      isSecret: Promise<boolean>;
      allResources(): Promise<unknown>;
    };
    const [value, known] = await Promise.all([promise(), isKnown, isSecret, allResources()]);
    return { value, known };
  };
  const stopped = (error: Error) => ({ stopped: pulumi.RunError.isInstance(error) ? error.message : error });
  await record(
    async () => {
      seen = await look().catch(stopped);
    },
    { preview, stacks: deployed },
  );
  return seen;
}

const unknown = { known: false, value: undefined };

describe.each([true, false])("references to other stacks (preview: %s)", (preview) => {
  it("return a region's own part of the foundation, the key of its backups, and the shared outputs", async () => {
    expect(await see(() => foundationOutputs("us-east", "eu-west"), preview)).toEqual({
      known: true,
      value: {
        ...part("us-east-1"),
        backupKeyArn: "arn:aws:kms:eu-west-1:123456789012:key/1",
        peers: {
          "eu-west": {
            bucketName: "flows",
            bucketArn: "arn:aws:s3:::flows",
            keyArn: "arn:aws:kms:eu-west-1:123456789012:key/1",
          },
        },
        boundaryArn: "arn:aws:iam::123456789012:policy/langflow-dr-boundary",
        providerKeyNames: ["OPENAI_API_KEY"],
      },
    });
  });

  it("return a region's known outputs for the edge, and no others", async () => {
    expect(await see(() => regionOutputs("us-east"), preview)).toEqual({ known: true, value: usEast });
  });

  it("return the host name of a region's webhook load balancer if it has one", async () => {
    const origin = (region: string) => () => webhookOrigin(region, regionOutputs(region));
    expect(await see(origin("hooked"), preview)).toEqual({ known: true, value: "hook.elb.amazonaws.com" });
    const stopped = { stopped: expect.stringContaining("pulumi up -s us-east") };
    expect(await see(origin("us-east"), preview)).toEqual(preview ? unknown : stopped);
  });

  it("return the alerting secret if it has all required names, and otherwise report the missing names", async () => {
    const secret = (names: string[], needed: string[]) => {
      const regions = Object.fromEntries(
        Object.entries(foundation.regions).map(([name, own]) => [name, { ...own, secretArns: { alerting: "arn" } }]),
      );
      const told = { ...stacks, foundation: { ...foundation, regions, alertingSecretNames: names } };
      const look = () => foundationAlertingSecret(foundationOutputs("us-east", "eu-west"), needed);
      return see(look, preview, told);
    };
    expect(await secret(["CHAT_URL", "MAIL"], ["CHAT_URL"])).toEqual({ known: true, value: "arn" });
    const stopped = {
      stopped: expect.stringMatching(/lacks the alerting secrets MAIL, PAGER .*alertingSecrets\.NAME/),
    };
    expect(await secret(["CHAT_URL"], ["CHAT_URL", "MAIL", "PAGER"])).toEqual(preview ? unknown : stopped);
  });

  it("return the witness if the foundation has one", async () => {
    const witness = (backup: string) => () => foundationWitness(foundationOutputs("us-east", backup));
    const place = { awsRegion: "us-west-2", bucketName: "witness", bucketArn: "arn:aws:s3:::witness" };
    const witnessed = { ...stacks, foundation: { ...foundation, witness: place } };
    expect(await see(witness("eu-west"), preview, witnessed)).toEqual({ known: true, value: place });
    const stopped = { stopped: expect.stringContaining("foundation has no witness yet: deploy it first") };
    expect(await see(witness("eu-west"), preview)).toEqual(preview ? unknown : stopped);
  });

  it("return the permissions boundary; without one they are unknown in a preview, and ask to deploy the foundation first in an update", async () => {
    const boundary = () => foundationBoundary(foundationOutputs("us-east", "eu-west"));
    expect(await see(boundary, preview)).toEqual({ known: true, value: foundation.boundaryArn });
    const former = { ...stacks, foundation: { ...foundation, boundaryArn: undefined } };
    const stopped = { stopped: expect.stringContaining("has no permissions boundary yet: deploy it first") };
    expect(await see(boundary, preview, former)).toEqual(preview ? unknown : stopped);
  });

  it("accept a region's older state, because the edge must be deployable while the region is down", async () => {
    expect(stacks.hooked).not.toHaveProperty("agentImage");
    expect(await see(() => regionOutputs("hooked").originHostname, preview)).toMatchObject({ known: true });
  });

  it("use the full name of the other stack, in the same organization and project", async () => {
    const resources = await record(() => regionOutputs("us-east"), { preview, stacks });
    expect(resources.map(({ type, name, inputs }) => [type, name, inputs.name])).toEqual([
      ["pulumi:pulumi:StackReference", "us-east", "organization/langflow-dr/us-east"],
    ]);
  });
});

describe("references to outputs that do not exist yet", () => {
  it("are unknown in a preview, without a reference that the engine would reject", async () => {
    expect(await see(() => foundationOutputs("us-east", "eu-west", new Set(["foundation"])), true)).toEqual(unknown);
    expect(await see(() => regionOutputs("eu-west", new Set(["eu-west"])), true)).toEqual(unknown);
    expect(await see(() => regionOutputs("eu-west", new Set(["eu-west"])).originHostname, true)).toEqual(unknown);
    const undeployed = () => regionOutputs("eu-west", new Set(["eu-west"]));
    expect(await record(undeployed, { preview: true })).toEqual([]);
  });

  it("are unknown in a preview if the stack is deployed but has no outputs for the region yet", async () => {
    expect(await see(() => foundationOutputs("ap-southeast", "us-east"), true)).toEqual(unknown);
    expect(await see(() => foundationOutputs("ap-southeast", "us-east").bucketArn, true)).toEqual(unknown);
    expect(await see(() => regionOutputs("bare"), true)).toEqual(unknown);
  });

  it("fail an update with a message that names the stack to deploy first", async () => {
    const deployFirst = (stack: string) => ({ stopped: expect.stringContaining(`pulumi up -s ${stack}`) });
    expect(await see(() => foundationOutputs("us-east", "eu-west", new Set(["foundation"])), false)).toEqual(
      deployFirst("foundation"),
    );
    expect(await see(() => foundationOutputs("ap-southeast", "us-east"), false)).toEqual(deployFirst("foundation"));
    expect(await see(() => regionOutputs("eu-west", new Set(["eu-west"])), false)).toEqual(deployFirst("eu-west"));
    expect(await see(() => regionOutputs("bare"), false)).toEqual(deployFirst("bare"));
  });
});
