import { FlowFileSystem } from "../../../components/data/FlowFileSystem";
import { expectRegions, only, record, settled } from "../../mocks";

const KEY = "arn:aws:kms:us-east-1:123456789012:key/k";
const CLIENT = "arn:aws:iam::123456789012:role/langflow-dr-us-east-file-systems";

const make = () =>
  new FlowFileSystem("us-east", {
    region: "us-east",
    awsRegion: "us-east-1",
    vpcId: "vpc-1",
    subnetIds: ["subnet-a", "subnet-b", "subnet-c"],
    clientSecurityGroupId: "sg-cluster",
    clientRoleArn: CLIENT,
    keyArn: KEY,
    deletionProtection: true,
  });

const build = () => record(make);

describe("FlowFileSystem", () => {
  it("encrypts files with the region's key and backs them up daily", async () => {
    const resources = await build();
    expect(only(resources, "aws:efs/fileSystem:FileSystem").inputs).toMatchObject({
      creationToken: "langflow-dr-us-east-files",
      encrypted: true,
      kmsKeyId: KEY,
      throughputMode: "elastic",
    });
    expect(only(resources, "aws:efs/backupPolicy:BackupPolicy").inputs.backupPolicy).toEqual({ status: "ENABLED" });
    expectRegions(resources, ["us-east-1"]);
  });

  it("has a mount target in every zone, which admits only the cluster's security group on one port", async () => {
    const resources = await build();
    const targets = resources.filter(({ type }) => type === "aws:efs/mountTarget:MountTarget");
    expect(targets.map(({ inputs }) => inputs.subnetId).toSorted()).toEqual(["subnet-a", "subnet-b", "subnet-c"]);
    for (const { inputs } of targets) expect(inputs.securityGroups).toEqual(["us-east-files-id"]);
    const rule = only(resources, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").inputs;
    expect(rule).toMatchObject({
      securityGroupId: "us-east-files-id",
      referencedSecurityGroupId: "sg-cluster",
      ipProtocol: "tcp",
      fromPort: 2049,
      toPort: 2049,
    });
    expect(rule.cidrIpv4).toBeUndefined();
    expect(resources.filter(({ type }) => type.endsWith(":SecurityGroupEgressRule"))).toEqual([]);
  });

  it("makes LangFlow the owner of every file, regardless of the writer", async () => {
    expect(only(await build(), "aws:efs/accessPoint:AccessPoint").inputs).toMatchObject({
      posixUser: { uid: 1000, gid: 1000 },
      rootDirectory: { path: "/langflow", creationInfo: { ownerUid: 1000, ownerGid: 1000, permissions: "0750" } },
    });
  });

  it("can be mounted only by one role, through the access point and with TLS, never as root", async () => {
    const policy = JSON.parse(only(await build(), "aws:efs/fileSystemPolicy:FileSystemPolicy").inputs.policy);
    const allowed = policy.Statement.filter(({ Effect }: { Effect: string }) => Effect === "Allow");
    expect(allowed).toEqual([
      expect.objectContaining({
        Principal: { AWS: CLIENT },
        Action: ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
        Condition: {
          Bool: { "elasticfilesystem:AccessedViaMountTarget": "true" },
          StringEquals: { "elasticfilesystem:AccessPointArn": expect.stringContaining("accessPoint/us-east") },
        },
      }),
    ]);
    expect(policy.Statement).toContainEqual(
      expect.objectContaining({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
    );
  });

  it("outputs the ids of the file system and the access point", async () => {
    const ids: string[] = [];
    await record(async () => {
      const { fileSystemId, accessPointId } = make();
      ids.push(await settled(fileSystemId), await settled(accessPointId));
    });
    expect(ids).toEqual(["us-east-id", "us-east-id"]);
  });
});
