import { CloudWatchClient, type GetMetricDataInput, type MetricDataResult } from "@aws-sdk/client-cloudwatch";
import { Registry } from "prom-client";
import { type Answer, CloudWatch } from "../../../agent/cloudWatch/cloudWatch";
import { CloudWatchLoop } from "../../../agent/cloudWatch/loop";
import { CloudWatchMetrics } from "../../../agent/cloudWatch/metrics";
import { idOf, type Question, questionsOf } from "../../../agent/cloudWatch/questions";
import { parseConfig } from "../../../agent/process/config";
import { syncEnvironment } from "../../../model/agent";

const EAST = { region: "us-east", awsRegion: "us-east-1", bucketName: "flows-east" };
const WEST = { region: "eu-west", awsRegion: "eu-west-1", bucketName: "flows-west" };
const NAMES = parseConfig("sync", {
  ...syncEnvironment(EAST, {
    repository: { url: "https://git.example.com/flows.git", branch: "main" },
    intervalSeconds: 10,
    deletes: { share: 0.2, number: 10 },
    regionDeletes: { users: 5, rows: 20, share: 0.1 },
    allowedSecrets: [],
    peers: [WEST],
    schedules: { region: "us-east" },
    databaseIdentifier: "database-east",
  }),
  LANGFLOW_SECRET_KEY: "secret",
  LANGFLOW_DATABASE_URL: "postgresql://user@host/langflow",
}).AGENT_CLOUDWATCH;
if (!NAMES) throw new Error("the environment names nothing to ask about");
const QUESTIONS = questionsOf(NAMES, "us-east");
const NOW = Date.parse("2026-11-28T12:00:00Z");
const MINUTE = 60_000;

const place = (gauge: Question["gauge"], from?: string): string =>
  idOf(QUESTIONS.findIndex((each) => each.gauge === gauge && (from === undefined || each.labels.from === from)));

/** Returns values by their age in minutes, in CloudWatch's format. */
const result = (id: string, ages: Record<number, number>, StatusCode = "Complete"): MetricDataResult => ({
  Id: id,
  StatusCode: StatusCode as "Complete",
  Timestamps: Object.keys(ages).map((age) => new Date(NOW - Number(age) * MINUTE)),
  Values: Object.values(ages),
});

/** Creates a CloudWatch that returns these pages of results. */
function answering(...pages: MetricDataResult[][]) {
  const asked: GetMetricDataInput[] = [];
  const client = new CloudWatchClient({ region: "us-east-1" });
  jest.spyOn(client, "send").mockImplementation(async ({ input }: { input: object }) => {
    asked.push(input as GetMetricDataInput);
    const MetricDataResults = pages[asked.length - 1] ?? [];
    return { MetricDataResults, ...(asked.length < pages.length && { NextToken: `${asked.length}` }) };
  });
  const cloudWatch = new CloudWatch(client, QUESTIONS, new AbortController().signal, () => NOW);
  return { asked, cloudWatch };
}

const value = (answers: readonly Answer[], gauge: Question["gauge"], from?: string) =>
  answers.find(({ question }) => question.gauge === gauge && (from === undefined || question.labels.from === from))
    ?.value;

describe("the CloudWatch queries", () => {
  it("cover the database, replication to this region, and replication failures in both directions, by resource name", () => {
    const said = QUESTIONS.map(({ gauge, labels, dimensions, statistic }) => [gauge, labels, dimensions, statistic]);
    const intoEast = { SourceBucket: "flows-west", DestinationBucket: "flows-east", RuleId: "to-us-east" };
    const intoWest = { SourceBucket: "flows-east", DestinationBucket: "flows-west", RuleId: "to-eu-west" };
    const [toEast, toWest] = [
      { from: "eu-west", to: "us-east" },
      { from: "us-east", to: "eu-west" },
    ];
    const database = [{ database: "database-east" }, { DBInstanceIdentifier: "database-east" }] as const;
    expect(said).toEqual([
      ["replication_failed_operations", toWest, intoWest, "Sum"],
      ["replication_latency_seconds", toEast, intoEast, "Maximum"],
      ["replication_pending_operations", toEast, intoEast, "Maximum"],
      ["replication_failed_operations", toEast, intoEast, "Sum"],
      ["database_free_storage_bytes", ...database, "Minimum"],
      ["database_connections", ...database, "Maximum"],
      ["database_cpu_ratio", ...database, "Average"],
    ]);
  });

  it("are sent in a single request, for the last hour", async () => {
    const { asked, cloudWatch } = answering([]);
    await cloudWatch.ask();
    expect(asked).toHaveLength(1);
    expect(asked[0]?.MetricDataQueries).toHaveLength(QUESTIONS.length);
    expect([asked[0]?.StartTime, asked[0]?.EndTime]).toEqual([new Date(NOW - 60 * MINUTE), new Date(NOW)]);
  });
});

describe("the CloudWatch results", () => {
  it("contain the newest value in the gauge's unit, and the sum of the last hour for failures", async () => {
    const { cloudWatch } = answering([
      result(place("replication_latency_seconds"), { 10: 3, 5: 40 }),
      result(place("database_cpu_ratio"), { 5: 25 }),
      result(place("replication_failed_operations", "eu-west"), { 5: 1, 50: 2 }),
    ]);
    const answers = await cloudWatch.ask();
    expect(value(answers, "replication_latency_seconds")).toBe(40);
    expect(value(answers, "database_cpu_ratio")).toBeCloseTo(0.25);
    expect(value(answers, "replication_failed_operations", "eu-west")).toBe(3);
  });

  it("are combined across pages, even if an earlier page has only a part of the values", async () => {
    const [failed, free] = [place("replication_failed_operations", "eu-west"), place("database_free_storage_bytes")];
    const { cloudWatch } = answering(
      [result(failed, { 5: 1 }, "PartialData"), result(free, { 5: 7 })],
      [result(failed, { 50: 2 })],
    );
    const answers = await cloudWatch.ask();
    expect(value(answers, "replication_failed_operations", "eu-west")).toBe(3);
    expect(value(answers, "database_free_storage_bytes")).toBe(7);
  });

  it("are unknown if they are missing, outdated or failed, but a missing number of failures is zero", async () => {
    const { cloudWatch } = answering([
      result(place("database_connections"), {}),
      result(place("database_free_storage_bytes"), { 20: 5 }),
      result(place("replication_failed_operations", "eu-west"), {}),
      result(place("replication_failed_operations", "us-east"), {}, "InternalError"),
    ]);
    const answers = await cloudWatch.ask();
    expect(value(answers, "database_connections")).toBeUndefined();
    expect(value(answers, "database_free_storage_bytes")).toBeUndefined();
    expect(value(answers, "replication_latency_seconds")).toBeUndefined();
    expect(value(answers, "replication_failed_operations", "eu-west")).toBe(0);
    expect(value(answers, "replication_failed_operations", "us-east")).toBeUndefined();
  });
});

describe("the CloudWatch metrics", () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it("keep their values for 15 minutes while CloudWatch is unreachable; the outage is logged once", async () => {
    const registry = new Registry();
    const warn = jest.fn();
    const stop = new AbortController();
    const question = QUESTIONS.find(({ gauge }) => gauge === "database_connections");
    if (!question) throw new Error("no question");
    let refuses = false;
    const cloudWatch = {
      async ask(): Promise<Answer[]> {
        if (refuses) throw new Error("CloudWatch rejected the request: AccessDenied: no");
        return [{ question, value: 12 }];
      },
    };
    const metrics = new CloudWatchMetrics(registry);
    const run = new CloudWatchLoop({ cloudWatch, metrics, log: { warn }, signal: stop.signal }).run();
    const told = async () => (await registry.metrics()).match(/^[^#\n].*/gm) ?? [];
    const pass = (minutes: number) => jest.advanceTimersByTimeAsync(minutes * MINUTE);
    const known = ['langflow_dr_database_connections{database="database-east"} 12'];
    await pass(1);
    expect(await told()).toEqual(known);
    refuses = true;
    await pass(10);
    expect(await told()).toEqual(known);
    await pass(10);
    expect(await told()).toEqual([]);
    expect(warn.mock.calls).toEqual([
      [{}, "cannot read the metrics of S3 and RDS: CloudWatch rejected the request: AccessDenied: no"],
    ]);
    refuses = false;
    await pass(5);
    expect(await told()).toEqual(known);
    stop.abort();
    await run;
  });
});
