import { FlowBucket } from "../../../components/foundation/FlowBucket";
import { replicateFlowBuckets } from "../../../components/foundation/FlowReplication";
import { ReplicationPause } from "../../../components/foundation/ReplicationPause";
import { expectRegions, only, record } from "../../mocks";

const ACCOUNT = "123456789012";
const PLACES = ["us-east", "eu-west", "ap-southeast"].map((region) => ({ region, awsRegion: `${region}-1` }));
const TEMPLATE = "aws:fis/experimentTemplate:ExperimentTemplate";

const build = () =>
  record(() => {
    const buckets = PLACES.map(
      ({ region, awsRegion }) =>
        new FlowBucket(region, {
          region,
          awsRegion,
          accountId: ACCOUNT,
          keyArn: `arn:aws:kms:${awsRegion}:${ACCOUNT}:key/1`,
          noncurrentVersionDays: 90,
          backupRetentionDays: 35,
        }),
    );
    replicateFlowBuckets(buckets);
    const [source, ...destinations] = buckets;
    if (!source) throw new Error("there are three");
    new ReplicationPause("us-east", {
      region: source.region,
      awsRegion: source.awsRegion,
      bucketName: source.bucketName,
      bucketArn: source.bucketArn,
      accountId: ACCOUNT,
      partition: "aws",
      destinations,
    });
  });

describe("ReplicationPause", () => {
  it("selects exactly its source bucket by tags", async () => {
    const resources = await build();
    const { targets } = only(resources, TEMPLATE).inputs;
    const wanted = Object.fromEntries(
      targets[0].resourceTags.map(({ key, value }: { key: string; value: string }) => [key, value]),
    );
    const found = resources.filter(
      ({ type, inputs }) =>
        type === "aws:s3/bucket:Bucket" &&
        Object.entries(wanted).every(([key, value]) => (inputs.tags as Record<string, unknown>)[key] === value),
    );
    expect(found.map(({ name }) => name)).toEqual(["us-east"]);
    expect(targets[0]).toMatchObject({ resourceType: "aws:s3:bucket", selectionMode: "ALL" });
  });

  it("pauses replication to all other regions simultaneously, for at most one hour", async () => {
    const resources = await build();
    const { actions, region } = only(resources, TEMPLATE).inputs;
    expect(region).toBe("us-east-1");
    const { rules } = only(resources, "aws:s3/bucketReplicationConfig:BucketReplicationConfig", "us-east").inputs;
    const paused = actions.map(({ name, parameters }: { name: string; parameters: { key: string; value: string }[] }) =>
      Object.assign({ name }, Object.fromEntries(parameters.map(({ key, value }) => [key, value]))),
    );
    expect(paused.map(({ name }: { name: string }) => name).sort()).toEqual(
      rules.map(({ id }: { id: string }) => id).sort(),
    );
    for (const { duration, region: to, destinationBuckets, name } of paused) {
      expect(duration).toBe("PT1H");
      expect(`to-${to}`).toBe(`${name}-1`);
      expect(destinationBuckets).toContain(name.replace("to-", "langflow-dr-"));
    }
    for (const action of actions)
      expect(action).toMatchObject({
        actionId: "aws:s3:bucket-pause-replication",
        target: { key: "Buckets", value: "bucket" },
      });
  });

  it("ends only when its duration is over, because no alarm in the region sees the objects that wait", async () => {
    const resources = await build();
    expect(only(resources, TEMPLATE).inputs.stopConditions).toEqual([{ source: "none" }]);
    expect(resources.filter(({ type }) => type.startsWith("aws:cloudwatch/"))).toEqual([]);
  });

  it("has a role that only FIS of this account may assume, limited to pausing this bucket's replication", async () => {
    const resources = await build();
    const roles = resources.filter(({ type }) => type === "aws:iam/role:Role").map(({ inputs }) => inputs);
    const own = roles.find(({ name }) => name === "langflow-dr-us-east-replication-pause");
    expect(JSON.parse(own?.assumeRolePolicy ?? "{}").Statement).toEqual([
      expect.objectContaining({
        Principal: { Service: "fis.amazonaws.com" },
        Condition: { StringEquals: { "aws:SourceAccount": ACCOUNT } },
      }),
    ]);
    const policies = resources
      .filter(({ type }) => type === "aws:iam/rolePolicy:RolePolicy")
      .map(({ inputs }) => inputs);
    const { Statement } = JSON.parse(policies.find(({ name }) => name === "replication-pause")?.policy ?? "{}");
    const changing = Statement.filter(({ Action }: { Action: string | string[] }) => /Put|Pause/.test(`${Action}`));
    for (const { Resource } of changing) expect(Resource).toBe(`arn:aws:s3:::langflow-dr-us-east-flows-${ACCOUNT}`);
    expect(changing.find(({ Sid }: { Sid: string }) => Sid === "PauseRules").Condition).toEqual({
      Bool: { "s3:IsReplicationPauseRequest": "true" },
    });
  });

  it("creates all resources in its own AWS region", async () => {
    const resources = (await build()).filter(({ type }) => /fis|metricAlarm/.test(type));
    expectRegions(resources, ["us-east-1"]);
  });
});
