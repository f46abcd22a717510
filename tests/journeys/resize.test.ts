import { ExitCode } from "../../model/errors";
import { type Answer, LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

const INSTANCE = "aws:rds/instance:Instance";
const TEMPLATE = "aws:fis/experimentTemplate:ExperimentTemplate";

interface Database {
  readonly type: string;
  readonly name: string;
  readonly properties: Record<string, unknown>;
}

describe("an existing fleet", () => {
  const local = new LocalFleet();
  beforeAll(async () => {
    local.edit("Pulumi.foundation.yaml", (content) => {
      content.config = { ...content.config, "langflow-dr:experiments": true };
    });
    await local.deploy();
  });
  afterAll(() => local.remove());

  const change = (region: string, database: object) =>
    local.edit(`Pulumi.${region}.yaml`, (content) => {
      content.config = { ...content.config, "langflow-dr:database": database };
    });
  const databases = async () => {
    const made = (await local.cloud("GET", `/resources?type=${INSTANCE}`)) as Database[];
    return Object.fromEntries(made.map(({ name, properties }) => [name, properties]));
  };
  /** Deploys the fleet, and expects a second `up` to change nothing. Returns the changes. */
  const deployed = async (): Promise<string[]> => {
    const up = await local.run(["up"]);
    expect([up.exitCode, up.stderr]).toEqual([ExitCode.Success, expect.not.stringContaining("error")]);
    const again = await local.run(["up"]);
    expect([again.exitCode, ...listed(again)]).toEqual([ExitCode.Success]);
    return listed(up);
  };
  /** Returns the regions in the order of their progress lines, without consecutive repetitions. */
  const turns = ({ stderr }: Answer) =>
    [...stderr.matchAll(/^(us-east|eu-west): /gm)]
      .map(([, region]) => region)
      .filter((region, index, all) => region !== all[index - 1]);

  it("changes the database's instance class immediately, in one region after the other", async () => {
    for (const region of ["us-east", "eu-west"]) change(region, { instanceClass: "db.m7g.xlarge" });
    const up = await local.run(["up"]);
    expect(up.exitCode).toBe(ExitCode.Success);
    expect(turns(up)).toEqual(["us-east", "eu-west"]);
    for (const database of Object.values(await databases())) expect(database.instanceClass).toBe("db.m7g.xlarge");
  });

  it("grows storage beyond 400 GiB, never shrinks it, and fails the preview if its limit is too low", async () => {
    change("us-east", { instanceClass: "db.m7g.xlarge", storageGib: 500, maxStorageGib: 1000 });
    await deployed();
    expect((await databases())["us-east"]).toMatchObject({
      allocatedStorage: 500,
      iops: 12_000,
      storageThroughput: 500,
    });
    // A smaller size has no effect. A limit that is not above the current size would stop the update halfway.
    change("us-east", { instanceClass: "db.m7g.xlarge", storageGib: 100, maxStorageGib: 1000 });
    await deployed();
    expect((await databases())["us-east"]).toMatchObject({ allocatedStorage: 500 });
    change("us-east", { instanceClass: "db.m7g.xlarge" });
    const { exitCode, json } = await local.run(["preview", "us-east"]);
    expect([exitCode, json.violations.map(({ fix }: { fix: string }) => fix)]).toEqual([
      ExitCode.InvariantBroken,
      ["set database.maxStorageGib to 550 or more"],
    ]);
    change("us-east", { instanceClass: "db.m7g.xlarge", storageGib: 100, maxStorageGib: 1000 });
  });

  it("extends the retention of backups, in the region and in its backup region", async () => {
    change("eu-west", { instanceClass: "db.m7g.xlarge", pointInTimeRecoveryDays: 21 });
    expect(await deployed()).toEqual([
      expect.stringContaining(`eu-west update ${INSTANCE} eu-west: backupRetentionPeriod`),
      expect.stringContaining("eu-west replace aws:rds/instanceAutomatedBackupsReplication"),
    ]);
  });

  it("tags every resource with a new owner, and replaces only experiment templates for that", async () => {
    local.edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:owner"] = { value: "another-team" };
    });
    const changes = await deployed();
    expect(changes.filter((line) => !/ (update|replace) (aws:|pulumi:providers:aws)/.test(line))).toEqual([]);
    expect(changes.filter((line) => line.includes(" replace ")).map((line) => line.split(" ")[2])).toEqual([
      TEMPLATE,
      TEMPLATE,
    ]);
    const tagged = (await local.cloud("GET", "/resources?provider=aws")) as Database[];
    const owners = tagged.flatMap(
      ({ properties }) => (properties.tagsAll as { owner?: string } | undefined)?.owner ?? [],
    );
    expect(new Set(owners)).toEqual(new Set(["another-team"]));
  });
});
