import { parseConfig } from "../../config/parse";
import { region } from "../../stacks/region";
import { expectRegions, only, openText, type Recorded, record } from "../mocks";

const values = {
  owner: "platform",
  zone: "example.com",
  hostname: "flow.example.com",
  cloudflareAccountId: "0123456789abcdef0123456789abcdef",
  githubRepository: "example-org/langflow-dr",
  image: `langflow:1.13.0@sha256:${"a".repeat(64)}`,
  buildRegion: "us-east",
  regions: [
    { name: "us-east", awsRegion: "us-east-1", cidr: "10.16.0.0/16", backupRegion: "eu-west" },
    { name: "eu-west", awsRegion: "eu-west-1", cidr: "10.17.0.0/16", backupRegion: "us-east" },
  ],
};

const part = (awsRegion: string) => ({
  keyArn: `arn:aws:kms:${awsRegion}:123456789012:key/1`,
  registry: `123456789012.dkr.ecr.${awsRegion}.amazonaws.com`,
  bucketName: `flows-${awsRegion}`,
  bucketArn: `arn:aws:s3:::flows-${awsRegion}`,
  certificateArn: `arn:aws:acm:${awsRegion}:123456789012:certificate/1`,
  secretArns: Object.fromEntries(
    ["secretKey", "superuserPassword", "apiKey", "providerKeys"].map((name) => [
      name,
      `arn:aws:secretsmanager:${awsRegion}:123456789012:secret:${name}-AbCdEf`,
    ]),
  ),
});
const foundation = {
  regions: { "us-east": part("us-east-1"), "eu-west": part("eu-west-1") },
  providerKeyNames: [],
  deployRoleArn: "arn:aws:iam::123456789012:role/langflow-dr-ci-deploy",
};

function program(changes: object) {
  const parsed = parseConfig("us-east", { ...values, ...changes });
  if (!("config" in parsed) || parsed.config.kind !== "region") throw new Error(JSON.stringify(parsed));
  return region(parsed.config.fleet, parsed.config.region, parsed.config.own);
}

const run = (
  changes: object = {},
  options: { preview?: boolean; stacks?: Record<string, Record<string, unknown>> } = {},
) => record(() => program(changes), { stacks: { foundation }, ...options });

const REPLICATION = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication";

describe("the stack of a region", () => {
  let resources: Recorded[];
  beforeAll(async () => {
    resources = await run();
  });

  it("makes everything in its own AWS region, but the copy of the database's backups", () => {
    const here = resources.filter(({ type }) => type !== REPLICATION);
    expect(here.length).toBeGreaterThan(100);
    expectRegions(here, ["us-east-1"]);
    expect(only(resources, REPLICATION).inputs).toMatchObject({
      region: "eu-west-1",
      kmsKeyId: "arn:aws:kms:eu-west-1:123456789012:key/1",
    });
  });

  it("runs the image of its own registry, by digest", () => {
    const { spec } = only(resources, "kubernetes:apps/v1:Deployment").inputs;
    const images = spec.template.spec.containers.map(({ image }: { image: string }) => image);
    expect(images).toEqual([`123456789012.dkr.ecr.us-east-1.amazonaws.com/langflow@sha256:${"a".repeat(64)}`]);
  });

  it("reads no stack but the foundation", () => {
    const references = resources.filter(({ type }) => type === "pulumi:pulumi:StackReference");
    expect(references.map(({ name }) => name)).toEqual(["foundation"]);
  });

  it("has no plain secret in any input", () => {
    const text = openText(resources);
    expect(text).not.toMatch(/postgresql:\/\/[^"]*:[^"]*@/);
  });

  it("is the same whichever topology steers users to it", async () => {
    const names = (made: Recorded[]) => made.map(({ type, name }) => `${type} ${name}`).toSorted();
    expect(names(await run({ topology: "active-standby" }))).toEqual(names(resources));
  });

  it("previews wholly while the foundation has nothing for it yet", async () => {
    const fresh = { regions: {}, providerKeyNames: [] };
    const previewed = await run({}, { preview: true, stacks: { foundation: fresh } });
    expect(previewed.some(({ type }) => type === "aws:eks/cluster:Cluster")).toBe(true);
  });
});
