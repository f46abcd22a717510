import { CloudWatchClient, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { CloudWatch } from "../../agent/cloudWatch/cloudWatch";
import { questionsOf } from "../../agent/cloudWatch/questions";
import { Scratch, type ScratchS3 } from "./scratch";

jest.setTimeout(120_000);

const RULE = { source: "flows-west", destination: "flows-east", rule: "to-us-east" };
const NAMES = {
  database: "database-east",
  replications: [{ from: "eu-west", to: "us-east", ...RULE }],
};
const QUESTIONS = questionsOf(NAMES, "us-east");

describe("CloudWatch, emulated by moto,", () => {
  let scratch: Scratch;
  let moto: ScratchS3;

  beforeAll(async () => {
    scratch = await Scratch.make();
    moto = await scratch.s3();
    // moto starts with the first bucket.
    await moto.bucket("flows-east");
  });
  afterAll(() => scratch?.end());

  it("answers the agent's queries for exactly the named resources, and the agent reports an unreachable CloudWatch as such", async () => {
    const credentials = { accessKeyId: "live", secretAccessKey: "live" };
    const client = new CloudWatchClient({
      endpoint: moto.environment.AWS_ENDPOINT_URL,
      region: "us-east-1",
      credentials,
      maxAttempts: 1,
    });
    const signal = new AbortController().signal;
    const cloudWatch = new CloudWatch(client, QUESTIONS, signal);
    const told = async () =>
      Object.fromEntries((await cloudWatch.ask()).map(({ question, value }) => [question.gauge, value]));
    expect(Object.values(await told()).filter((value) => value !== undefined)).toEqual([0]);

    for (const { namespace, metric, dimensions } of QUESTIONS)
      for (const [rule, value] of [
        ["", 20],
        ["x", 5],
      ] as const)
        await client.send(
          new PutMetricDataCommand({
            Namespace: namespace,
            MetricData: [
              {
                MetricName: metric,
                Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value: `${Value}${rule}` })),
                Timestamp: new Date(Date.now() - 120_000),
                Value: value,
              },
            ],
          }),
        );
    expect(await told()).toEqual({
      replication_latency_seconds: 20,
      replication_pending_operations: 20,
      replication_failed_operations: 20,
      database_free_storage_bytes: 20,
      database_connections: 20,
      database_cpu_ratio: 0.2,
    });
    await scratch.end();
    await expect(cloudWatch.ask()).rejects.toThrow(/^CloudWatch does not answer/);
    client.destroy();
  });
});
