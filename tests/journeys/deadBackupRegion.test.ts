import { ExitCode } from "../../model/errors";
import type { CloudResource } from "../../sandbox/cloud/client";
import { type Answer, LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

const COPY = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication";
const AUTOSCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler";
const WORDS =
  "eu-west-1 does not answer: aws.rds.InstanceAutomatedBackupsReplication us-east in that region was not checked or changed";

describe("a region whose backup region is down", () => {
  const local = new LocalFleet();
  const die = () => local.cloud("POST", "/faults", { region: "eu-west-1", kind: "outage" });
  const revive = () => local.cloud("DELETE", "/faults");
  const only = ({ json }: Answer) => json.stacks[0];
  const copies = async () => ((await local.cloud("GET", `/resources?type=${COPY}`)) as CloudResource[]).length;

  beforeAll(async () => {
    expect((await local.run(["up", "foundation"])).exitCode).toBe(ExitCode.Success);
    await die();
  });
  afterAll(() => local.remove());

  it("is deployed except for the copy of its backups, which is reported with exit code 10", async () => {
    const up = await local.run(["up", "us-east"]);
    expect([only(up).failure, only(up).outcome, up.exitCode]).toEqual([undefined, "done", ExitCode.Unreachable]);
    expect(only(up).notes).toEqual([expect.stringContaining(WORDS)]);
    expect(only(up).leftOut).toEqual([expect.stringContaining(`${COPY}::us-east`)]);
    expect(await copies()).toBe(0);
    expect(listed(await local.run(["preview", "us-east"]))).toEqual([`us-east create ${COPY} us-east`]);
  });

  it("gets the copy with the next `up` after the backup region's return", async () => {
    await revive();
    const up = await local.run(["up", "us-east"]);
    expect(up.exitCode).toBe(ExitCode.Success);
    expect(listed(up)).toEqual([`us-east create ${COPY} us-east`]);
    expect(await copies()).toBe(1);
  });

  it("is deployed without a note if nothing changes in the backup region", async () => {
    await die();
    local.edit("Pulumi.us-east.yaml", ({ config }) => {
      config["langflow-dr:replicas"].max = 12;
    });
    const up = await local.run(["up", "us-east"]);
    expect([up.exitCode, only(up).notes]).toEqual([ExitCode.Success, []]);
  });

  it('causes exit code 10 instead of "no drift" while some of its resources are unreachable', async () => {
    const drift = await local.run(["drift", "us-east"]);
    expect([drift.exitCode, listed(drift)]).toEqual([ExitCode.Unreachable, []]);
    expect([only(drift).outcome, only(drift).notes]).toEqual(["done", [expect.stringContaining(WORDS)]]);
  });

  it("reports its own drift with exit code 7, and names the resources that it could not check", async () => {
    const { key } = await local.resource(AUTOSCALER, "us-east");
    await local.cloud("PATCH", `/resources/${key}`, { spec: { maxReplicas: 99 } });
    const drift = await local.run(["drift", "us-east"]);
    expect(drift.exitCode).toBe(ExitCode.Drift);
    expect(listed(drift)).toEqual([`us-east update ${AUTOSCALER} us-east: spec.maxReplicas`]);
    expect(only(drift).notes).toEqual([expect.stringContaining(WORDS)]);
  });

  it("has its own drift fixed by `up --refresh`", async () => {
    const up = await local.run(["up", "us-east", "--refresh"]);
    expect([only(up).failure, up.exitCode]).toEqual([undefined, ExitCode.Unreachable]);
    expect((await local.resource(AUTOSCALER, "us-east")).inputs).toMatchObject({ spec: { maxReplicas: 12 } });
    expect(await copies()).toBe(1);
  });

  it("fails as usual if its own AWS region is down too", async () => {
    await local.cloud("POST", "/faults", { region: "us-east-1", kind: "outage" });
    const drift = await local.run(["drift", "us-east"]);
    expect([drift.exitCode, only(drift).outcome]).toEqual([ExitCode.Unreachable, "failed"]);
    expect(only(drift).leftOut).toEqual([]);
  });

  it("causes no notes after both AWS regions have returned", async () => {
    await revive();
    const drift = await local.run(["drift", "us-east"]);
    expect([drift.exitCode, listed(drift), only(drift).notes]).toEqual([ExitCode.Success, [], []]);
  });
});
