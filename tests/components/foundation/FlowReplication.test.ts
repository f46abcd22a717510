import { FlowBucket } from "../../../components/foundation/FlowBucket";
import { replicateFlowBuckets } from "../../../components/foundation/FlowReplication";
import { expectRegions, only, type Recorded, record } from "../../mocks";

const PLACES = [
  { region: "us-east", awsRegion: "us-east-1" },
  { region: "eu-west", awsRegion: "eu-west-1" },
  { region: "ap-southeast", awsRegion: "ap-southeast-1" },
];
const keyOf = (awsRegion: string) => `arn:aws:kms:${awsRegion}:123456789012:key/1`;
const bucketOf = (region: string) => `arn:aws:s3:::langflow-dr-${region}-flows-123456789012`;

const build = (places = PLACES) =>
  record(() =>
    replicateFlowBuckets(
      places.map(
        ({ region, awsRegion }) =>
          new FlowBucket(region, {
            region,
            awsRegion,
            accountId: "123456789012",
            keyArn: keyOf(awsRegion),
            noncurrentVersionDays: 90,
            backupRetentionDays: 35,
          }),
      ),
    ),
  );

const TYPE = "aws:s3/bucketReplicationConfig:BucketReplicationConfig";
const replications = (resources: Recorded[]) => resources.filter(({ type }) => type === TYPE);
const edges = (resources: Recorded[]) =>
  replications(resources)
    .flatMap(({ inputs }) =>
      inputs.rules.map(({ destination }: { destination: { bucket: string } }) => [inputs.bucket, destination.bucket]),
    )
    .map((edge) => edge.join(" > "))
    .sort();

describe("replicateFlowBuckets", () => {
  it("replicates every bucket to every other bucket, but not to itself, for three regions", async () => {
    const resources = await build();
    const names = PLACES.map(({ region }) => bucketOf(region));
    const wanted = names.flatMap((source) =>
      names.filter((name) => name !== source).map((name) => `${source.replace("arn:aws:s3:::", "")} > ${name}`),
    );
    expect(edges(resources)).toEqual(wanted.sort());
    expectRegions(resources, ["us-east-1", "eu-west-1", "ap-southeast-1"]);
    for (const { name, inputs } of replications(resources))
      expect(inputs.region).toBe(PLACES.find(({ region }) => region === name)?.awsRegion);
  });

  it("enables what S3 excludes by default: encrypted objects, changed replicas, deletions, time control", async () => {
    const { rules } = only(await build(), TYPE, "us-east").inputs;
    for (const rule of rules) {
      expect(rule).toMatchObject({
        status: "Enabled",
        filter: { prefix: "" },
        deleteMarkerReplication: { status: "Enabled" },
        sourceSelectionCriteria: {
          sseKmsEncryptedObjects: { status: "Enabled" },
          replicaModifications: { status: "Enabled" },
        },
        destination: {
          metrics: { status: "Enabled", eventThreshold: { minutes: 15 } },
          replicationTime: { status: "Enabled", time: { minutes: 15 } },
        },
      });
      expect(rule.existingObjectReplication).toBeUndefined();
    }
  });

  it("encrypts each replica with the key of its own region", async () => {
    const { rules } = only(await build(), TYPE, "us-east").inputs;
    expect(
      rules.map(({ destination }: { destination: Record<string, unknown> }) => [
        destination.bucket,
        destination.encryptionConfiguration,
      ]),
    ).toEqual([
      [bucketOf("ap-southeast"), { replicaKmsKeyId: keyOf("ap-southeast-1") }],
      [bucketOf("eu-west"), { replicaKmsKeyId: keyOf("eu-west-1") }],
    ]);
  });

  it("gives every rule a unique priority and id that do not depend on the order of the regions", async () => {
    const rules = only(await build(), TYPE, "us-east").inputs.rules;
    expect(new Set(rules.map(({ priority }: { priority: number }) => priority)).size).toBe(rules.length);
    expect(new Set(rules.map(({ id }: { id: string }) => id)).size).toBe(rules.length);
    expect(only(await build(PLACES.toReversed()), TYPE, "us-east").inputs.rules).toEqual(rules);
  });

  it("gives each source its own role, limited to the buckets and keys by ARN", async () => {
    const resources = await build();
    expect(only(resources, TYPE, "eu-west").inputs.role).toBe("arn:aws:iam::123456789012:role/eu-west");
    expect(only(resources, "aws:iam/role:Role", "eu-west").inputs.name).toBe("langflow-dr-eu-west-flow-replication");
    const policy = only(resources, "aws:iam/rolePolicy:RolePolicy", "eu-west").inputs.policy;
    expect(policy).not.toContain('"Resource":"*"');
    for (const { region, awsRegion } of PLACES) {
      expect(policy).toContain(bucketOf(region));
      expect(policy).toContain(keyOf(awsRegion));
    }
  });

  it("stays within S3's and IAM's limits for sixteen regions", async () => {
    const places = Array.from({ length: 16 }, (_, index) => ({
      region: `ap-southeast-${String(index).padStart(3, "0")}`,
      awsRegion: `ap-southeast-${index}`,
    }));
    const resources = await build(places);
    expect(edges(resources)).toHaveLength(16 * 15);
    for (const { inputs } of resources.filter(({ type }) => type === "aws:iam/rolePolicy:RolePolicy"))
      expect(inputs.policy.length).toBeLessThan(10_240);
    for (const { inputs } of resources.filter(({ type }) => type === "aws:iam/role:Role"))
      expect(inputs.name.length).toBeLessThanOrEqual(64);
  });
});
