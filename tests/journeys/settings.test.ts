import { ExitCode } from "../../model/errors";
import { LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
const COPY = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication";

describe("a changed setting of a running fleet", () => {
  const local = new LocalFleet();
  const identity = async (): Promise<unknown> => {
    const { properties } = await local.resource(DEPLOYMENT, "us-east");
    return (properties.metadata as { uid: string }).uid;
  };
  const replaced = (lines: string[]) => lines.filter((line) => / (replace|delete)/.test(line));

  beforeAll(() => local.deploy());
  afterAll(() => local.remove());

  it("that names an old LangFlow lets `move-in cut-over` move visitors without causing drift", async () => {
    local.edit("Pulumi.edge.yaml", ({ config }) => {
      config["langflow-dr:movingFrom"] = { address: "old.example.org", share: 1 };
    });
    const over = await local.run(["move-in", "cut-over", "--share", "50"]);
    expect(over.json).toMatchObject({ verb: "move-in cut-over", exitCode: ExitCode.Success, share: 0.5, imports: [] });
    const { inputs } = await local.resource("cloudflare:index/loadBalancer:LoadBalancer", "edge");
    expect(inputs).toMatchObject({ steeringPolicy: "random" });
    const drift = await local.run(["drift", "edge"]);
    expect([drift.exitCode, listed(drift)]).toEqual([ExitCode.Success, []]);
    local.reset();
  });

  it("rolls the pods that use it, but does not replace the ConfigMap or the Deployment", async () => {
    const before = await identity();
    local.edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:customComponents"] = { value: "superusers" };
    });
    const lines = listed(await local.run(["preview", "us-east"]));
    for (const type of ["ConfigMap", "Deployment"])
      expect(lines).toContainEqual(
        expect.stringMatching(new RegExp(`^us-east update kubernetes:\\S+:${type} us-east:`)),
      );
    expect(replaced(lines)).toEqual([]);
    expect((await local.run(["up", "us-east"])).exitCode).toBe(ExitCode.Success);
    expect(await identity()).toBe(before);
  });

  it("for the database's retention replaces the backup region's copy, and deletes the old copy first", async () => {
    local.edit("Pulumi.us-east.yaml", ({ config }) => {
      config["langflow-dr:database"] = {
        instanceClass: "db.m7g.large",
        storageGib: 100,
        maxStorageGib: 500,
        pointInTimeRecoveryDays: 21,
      };
    });
    expect((await local.run(["up", "us-east"])).exitCode).toBe(ExitCode.Success);
    const { properties } = await local.resource(COPY, "us-east");
    expect(properties.retentionPeriod).toBe(21);
  });
});
