import { ExitCode } from "../../model/errors";
import type { CloudResource } from "../../sandbox/cloud/client";
import { LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

const LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup";
const GROUPS = [
  "/aws/eks/langflow-dr-us-east-cluster/cluster",
  "/aws/rds/instance/langflow-dr-us-east-database/postgresql",
  "/aws/rds/instance/langflow-dr-us-east-database/upgrade",
  "/langflow-dr/us-east/traffic",
];

describe("a region that is destroyed and created again under the same name", () => {
  const local = new LocalFleet();
  const groups = async () =>
    ((await local.cloud("GET", `/resources?type=${LOG_GROUP}`)) as CloudResource[])
      .filter(({ id }) => id.includes("us-east"))
      .sort((one, other) => one.id.localeCompare(other.id));
  const inFull = async () =>
    (await groups()).map(({ id, inputs }) => [id, inputs.retentionInDays, typeof inputs.kmsKeyId]);
  const notes = (json: { stacks: { notes: string[] }[] }) => json.stacks.flatMap((each) => each.notes).join("\n");

  beforeAll(async () => {
    local.edit("Pulumi.us-east.yaml", (file) => {
      file.config = { ...file.config, "langflow-dr:deletionProtection": false };
    });
    expect((await local.deploy("foundation", "us-east")).exitCode).toBe(ExitCode.Success);
  });
  afterAll(() => local.remove());

  it("keeps its log groups with their key and retention, and the output names the log groups", async () => {
    const before = await inFull();
    expect(before.map(([id]) => id)).toEqual(GROUPS);
    const { exitCode, json } = await local.run(["destroy", "us-east", "--yes"]);
    expect(exitCode).toBe(ExitCode.Success);
    expect(await inFull()).toEqual(before);
    for (const group of GROUPS) expect(notes(json)).toContain(`aws.cloudwatch.LogGroup ${group} is not deleted`);
  });

  it("adopts the existing log groups in the same `up`", async () => {
    const up = await local.run(["up", "us-east"]);
    expect([up.json.stacks[0].failure, up.exitCode]).toEqual([undefined, ExitCode.Success]);
    for (const group of GROUPS) expect(notes(up.json)).toContain(`the log group ${group} already existed`);
    expect(listed(up).filter((line) => line.includes(LOG_GROUP))).toEqual([]);
    expect(listed(await local.run(["drift", "us-east"]))).toEqual([]);
  });

  it("restores the key and the retention of log groups that EKS and RDS recreated meanwhile", async () => {
    await local.run(["destroy", "us-east", "--yes"]);
    for (const { key } of await groups())
      await local.cloud("PATCH", `/resources/${key}`, { kmsKeyId: null, retentionInDays: 0, tags: null });
    const up = await local.run(["up", "us-east"]);
    expect([up.json.stacks[0].failure, up.exitCode]).toEqual([undefined, ExitCode.Success]);
    expect(await inFull()).toEqual(GROUPS.map((id) => [id, expect.any(Number), "string"]));
    expect((await inFull()).every(([, days]) => Number(days) > 0)).toBe(true);
    expect(listed(await local.run(["drift", "us-east"]))).toEqual([]);
  });
});
