import * as pulumi from "@pulumi/pulumi";
import { FlowDatabase, type FlowDatabaseArgs } from "../../../components/data/FlowDatabase";
import { databaseAuthorities } from "../../../model/databaseAuthorities";
import { expectRegions, only, openText, RANDOM_LETTERS, type Recorded, record, settled } from "../../mocks";

const KEY = "arn:aws:kms:us-east-1:123456789012:key/k";
const BACKUP_KEY = "arn:aws:kms:eu-west-1:123456789012:key/b";

const ARGS: FlowDatabaseArgs = {
  region: "us-east",
  awsRegion: "us-east-1",
  vpcId: "vpc-1",
  subnetIds: ["subnet-a", "subnet-b", "subnet-c"],
  clientSecurityGroupId: "sg-cluster",
  keyArn: KEY,
  backup: { awsRegion: "eu-west-1", keyArn: BACKUP_KEY },
  accountId: "123456789012",
  partition: "aws",
  instanceClass: "db.m7g.large",
  storageGib: 100,
  maxStorageGib: 500,
  maintenanceWindow: "mon:04:30-mon:05:30",
  backupRetentionDays: 14,
  logRetentionDays: 90,
  deletionProtection: true,
};

const build = () => record(() => new FlowDatabase("us-east", ARGS));

/** Password that the mocks generate. */
const PASSWORD = RANDOM_LETTERS.repeat(32);

const instance = (resources: Recorded[]) => only(resources, "aws:rds/instance:Instance").inputs;

const REPLICATION = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication";

describe("FlowDatabase", () => {
  it("runs in two zones, grows automatically and is encrypted with the region's key", async () => {
    const resources = await build();
    expect(instance(resources)).toMatchObject({
      identifier: "langflow-dr-us-east-database",
      engine: "postgres",
      multiAz: true,
      instanceClass: "db.m7g.large",
      storageType: "gp3",
      allocatedStorage: 100,
      maxAllocatedStorage: 500,
      storageEncrypted: true,
      kmsKeyId: KEY,
      performanceInsightsKmsKeyId: KEY,
    });
    expect(only(resources, "aws:rds/subnetGroup:SubnetGroup").inputs.subnetIds).toEqual(ARGS.subnetIds);
  });

  it("runs a single instance only if multi-AZ is disabled", async () => {
    const asked = async (multiAz: boolean) =>
      instance(await record(() => new FlowDatabase("us-east", { ...ARGS, multiAz }))).multiAz;
    expect(await asked(false)).toBe(false);
    expect(await asked(true)).toBe(true);
  });

  it("is protected from deletion, and keeps its backups and a final snapshot if deleted anyway", async () => {
    expect(instance(await build())).toMatchObject({
      deletionProtection: true,
      skipFinalSnapshot: false,
      finalSnapshotIdentifier: "langflow-dr-us-east-database-final-5ca1ab1e",
      deleteAutomatedBackups: false,
      copyTagsToSnapshot: true,
      backupRetentionPeriod: 14,
    });
  });

  it("applies changes during the update instead of in the maintenance window", async () => {
    expect(instance(await build())).toMatchObject({ applyImmediately: true, maintenanceWindow: "mon:04:30-mon:05:30" });
  });

  it.each([
    { storageGib: 399, iops: undefined, storageThroughput: undefined },
    { storageGib: 400, iops: 12_000, storageThroughput: 500 },
  ])("sets the IOPS for $storageGib GiB of storage to $iops, as RDS requires", async (storage) => {
    const { iops, storageThroughput } = instance(
      await record(() => new FlowDatabase("us-east", { ...ARGS, storageGib: storage.storageGib, maxStorageGib: 600 })),
    );
    expect({ storageGib: storage.storageGib, iops, storageThroughput }).toEqual(storage);
  });

  it("keeps a copy of its backups in the backup region, under that region's key, with the same retention", async () => {
    const resources = await build();
    const replication = only(resources, REPLICATION);
    expect(replication.inputs).toEqual({
      region: "eu-west-1",
      kmsKeyId: BACKUP_KEY,
      retentionPeriod: 14,
      sourceDbInstanceArn: expect.stringMatching(/^arn:aws:rds:us-east-1:/),
    });
    expectRegions(
      resources.filter((resource) => resource !== replication),
      ["us-east-1"],
    );
  });

  it("accepts connections only from the cluster's security group on one port, never from the internet", async () => {
    const resources = await build();
    expect(instance(resources)).toMatchObject({
      publiclyAccessible: false,
      port: 5432,
      vpcSecurityGroupIds: ["us-east-database-id"],
    });
    const rule = only(resources, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").inputs;
    expect(rule).toMatchObject({
      securityGroupId: "us-east-database-id",
      referencedSecurityGroupId: "sg-cluster",
      fromPort: 5432,
      toPort: 5432,
    });
    expect(rule.cidrIpv4).toBeUndefined();
    expect(resources.filter(({ type }) => type.endsWith(":SecurityGroupEgressRule"))).toEqual([]);
  });

  it("rejects connections without TLS and logs slow statements without their values", async () => {
    const resources = await build();
    const { family, parameters, name } = only(resources, "aws:rds/parameterGroup:ParameterGroup").inputs;
    expect(family).toBe(`postgres${instance(resources).engineVersion}`);
    expect(instance(resources).parameterGroupName).toBe(name);
    expect(parameters).toEqual(
      expect.arrayContaining([
        { name: "rds.force_ssl", value: "1" },
        { name: "log_parameter_max_length", value: "0" },
      ]),
    );
  });

  it("sends its logs to encrypted log groups with a retention, under the names that RDS uses", async () => {
    const resources = await build();
    const groups = resources.filter(({ type }) => type === "aws:cloudwatch/logGroup:LogGroup");
    expect(groups.map(({ inputs }) => inputs.name).toSorted()).toEqual(
      instance(resources).enabledCloudwatchLogsExports.map(
        (log: string) => `/aws/rds/instance/langflow-dr-us-east-database/${log}`,
      ),
    );
    for (const group of groups) expect(group.inputs).toMatchObject({ kmsKeyId: KEY, retentionInDays: 90 });
  });

  it.each([
    ["the owner", "us-east-database", "langflow"],
    ["LangFlow", "us-east-database-server", "langflow_server"],
    ["the backup", "us-east-database-backup", "langflow_backup"],
  ])("stores the database URL of %s in a secret under the region's key", async (_, name, user) => {
    const resources = await build();
    expect(only(resources, "random:index/randomPassword:RandomPassword", name).inputs).toMatchObject({
      length: 32,
      special: false,
    });
    expect(instance(resources).password.value).toBe(PASSWORD);
    expect(only(resources, "aws:secretsmanager/secret:Secret", name).inputs.kmsKeyId).toBe(KEY);
    const { secretString } = only(resources, "aws:secretsmanager/secretVersion:SecretVersion", name).inputs;
    expect(JSON.parse(secretString.value)).toEqual({
      url: `postgresql://${user}:${PASSWORD}@langflow-dr-us-east-database.c9akciq32.us-east-1.rds.amazonaws.com:5432/langflow?sslmode=verify-full&sslrootcert=/mnt/secrets/database-authorities`,
      authorities: databaseAuthorities("us-east-1"),
    });
  });

  it("stores no password unencrypted in the state", async () => {
    expect(openText(await build())).not.toContain(PASSWORD);
  });

  it("outputs its address and the secrets' ARNs, and marks the URLs as secret", async () => {
    const seen: unknown[] = [];
    await record(async () => {
      const database = new FlowDatabase("us-east", ARGS);
      seen.push(database.identifier, await settled(database.host), await settled(database.port));
      seen.push((await settled(database.secretArns)).owner, await pulumi.isSecret(database.secretArns));
      seen.push(await pulumi.isSecret(database.urls));
      seen.push(await pulumi.isSecret(database.host), await settled(database.securityGroupId));
    });
    expect(seen).toEqual([
      "langflow-dr-us-east-database",
      "langflow-dr-us-east-database.c9akciq32.us-east-1.rds.amazonaws.com",
      5432,
      expect.stringMatching(/^arn:aws:secretsmanager:us-east-1:123456789012:secret:langflow-dr-us-east-database-/),
      false,
      true,
      false,
      "us-east-database-id",
    ]);
  });
});
