import { parseConfig } from "../../config/parse";
import { SIZE_NAMES, SIZES } from "../../config/sizes";
import { ENTRANCES } from "../../costs/cloudflare";
import { DEFAULT, type Shape, standing } from "../../costs/estimate";
import type { PriceName } from "../../costs/prices";
import { shapeOf } from "../../costs/sizes";
import { edge } from "../../stacks/edge";
import { foundation } from "../../stacks/foundation";
import { region } from "../../stacks/region";
import { type Recorded, record } from "../mocks";
import { FLEET, OBSERVABILITY } from "../stacks/fleet";

const BALANCER = "cloudflare:index/loadBalancer:LoadBalancer";
const third = { name: "ap-southeast", awsRegion: "ap-southeast-1", cidr: "10.18.0.0/16", backupRegion: "us-east" };
const values = { ...FLEET, githubRepository: "example-org/langflow-dr", regions: [...FLEET.regions, third] };

const secretNames = ["secretKey", "superuserPassword", "apiKey", "providerKeys", "webhookSecret", "alerting"];
const part = ({ awsRegion }: { awsRegion: string }) => ({
  keyArn: `arn:aws:kms:${awsRegion}:123456789012:key/1`,
  registry: `123456789012.dkr.ecr.${awsRegion}.amazonaws.com`,
  bucketName: `flows-${awsRegion}`,
  bucketArn: `arn:aws:s3:::flows-${awsRegion}`,
  certificateArn: `arn:aws:acm:${awsRegion}:123456789012:certificate/1`,
  webhookCertificateArn: `arn:aws:acm:${awsRegion}:123456789012:certificate/2`,
  secretArns: Object.fromEntries(
    secretNames.map((name) => [name, `arn:aws:secretsmanager:${awsRegion}:123456789012:secret:${name}`]),
  ),
});
const deployed = { originHostname: "elb.amazonaws.com", clusterName: "c", databaseIdentifier: "d", image: "image" };
const stacks = {
  foundation: {
    regions: Object.fromEntries(values.regions.map((each) => [each.name, part(each)])),
    boundaryArn: "arn:aws:iam::123456789012:policy/langflow-dr-boundary",
    providerKeyNames: [],
    alertingSecretNames: ["CHAT_URL", "SWITCH_US_EAST", "SWITCH_EU_WEST"],
    deployRoleArn: "arn:aws:iam::123456789012:role/langflow-dr-ci-deploy",
    previewRoleArn: "arn:aws:iam::123456789012:role/langflow-dr-ci-preview",
    driftRoleArn: "arn:aws:iam::123456789012:role/langflow-dr-ci-drift",
  },
  ...Object.fromEntries(values.regions.map(({ name }) => [name, deployed])),
};

/** Returns all resources of one stack in a fleet of three regions. */
function made(stack: string, changes: object = {}): Promise<Recorded[]> {
  return record(
    () => {
      const parsed = parseConfig(stack, { ...values, ...changes });
      if (!("config" in parsed)) throw new Error(JSON.stringify(parsed));
      const { config } = parsed;
      if (config.kind === "foundation") return foundation(config.fleet, config.own);
      if (config.kind === "edge") return edge(config.fleet, config.own);
      return region(config.fleet, config.region, config.own);
    },
    { stacks },
  );
}

const of = (resources: Recorded[], type: string) => resources.filter((resource) => resource.type === type);
const sum = (numbers: number[]) => numbers.reduce((all, each) => all + each, 0);

/** Counts resources with a fixed price in a region's own stack and in its part of the foundation. */
function counted(own: Recorded[], shared: Recorded[], awsRegion: string): Partial<Record<PriceName, number>> {
  const interfaces = of(own, "aws:ec2/vpcEndpoint:VpcEndpoint").filter(
    ({ inputs }) => inputs.vpcEndpointType === "Interface",
  );
  const balancers = of(own, "kubernetes:core/v1:Service").filter(({ inputs }) => inputs.spec.type === "LoadBalancer");
  const publicSubnets = of(own, "aws:ec2/subnet:Subnet").filter(
    ({ inputs }) => inputs.tags["kubernetes.io/role/elb"] === "1",
  );
  const inRegion = (type: string) => of(shared, type).filter(({ inputs }) => inputs.region === awsRegion).length;
  const sharedSecrets = of(shared, "aws:secretsmanager/secret:Secret").filter(({ inputs }) =>
    [inputs.region, ...inputs.replicas.map((replica: { region: string }) => replica.region)].includes(awsRegion),
  );
  return {
    cluster: of(own, "aws:eks/cluster:Cluster").length,
    ...databases(own),
    nat: of(own, "aws:ec2/natGateway:NatGateway").length,
    address: of(own, "aws:ec2/eip:Eip").length + balancers.length * publicSubnets.length,
    endpoint: sum(interfaces.map(({ inputs }) => inputs.subnetIds.length)),
    balancer: balancers.length,
    key: of(own, "aws:kms/key:Key").length + inRegion("aws:kms/key:Key"),
    secret: of(own, "aws:secretsmanager/secret:Secret").length + sharedSecrets.length,
  };
}

/** Returns the database's price by class and zones: the small database is single-AZ, the others are multi-AZ. */
function databases(own: Recorded[]): Partial<Record<PriceName, number>> {
  const [database] = of(own, "aws:rds/instance:Instance");
  const { instanceClass, multiAz, allocatedStorage } = database?.inputs ?? {};
  const price = {
    "db.t4g.medium false": "databaseSmall",
    "db.m7g.large true": "database",
    "db.m7g.xlarge true": "databaseLarge",
  };
  const name = price[`${instanceClass} ${multiAz}` as keyof typeof price];
  return { [name]: 1, [multiAz ? "databaseDisk" : "databaseDiskSmall"]: allocatedStorage };
}

/** Returns the rest of the estimate, without the nodes that Auto Mode selects. */
function estimated(change: Partial<Shape>): Partial<Record<PriceName, number>> {
  const quantities = Object.fromEntries(
    standing({ ...DEFAULT, ...change }).map(({ price, quantity }) => [price, quantity]),
  );
  const { node, autoMode, nodeDisk, ...rest } = quantities;
  expect([node, autoMode, nodeDisk]).not.toContain(undefined);
  return { endpoint: 0, ...rest };
}

describe("the estimate's quantities", () => {
  let shared: Recorded[];
  let own: Recorded[];
  beforeAll(async () => {
    shared = await made("foundation");
    own = await made("us-east");
  });

  it.each(["us-east-1", "eu-west-1", "ap-southeast-1"])("equal the program's resources in %s", (awsRegion) => {
    expect(counted(own, shared, awsRegion)).toEqual(estimated({}));
  });

  it.each<[string, object, Partial<Shape>]>([
    ["one NAT gateway", { network: { nat: "single" } }, { nat: "single" }],
    ["no interface endpoints", { network: { interfaceEndpoints: false } }, { interfaceEndpoints: false }],
    ["webhooks", { webhook: true }, { webhook: true }],
  ])("still equal the program's resources after a change to %s", async (_, changes, shape) => {
    expect(counted(await made("us-east", changes), shared, "us-east-1")).toEqual(estimated(shape));
  });

  it.each(SIZE_NAMES)("still equal the program's resources after a change to the size %s", async (size) => {
    const resources = await made("us-east", SIZES[size].config);
    expect(counted(resources, shared, "us-east-1")).toEqual(estimated(shapeOf(size)));
  });

  it("still equal the program's resources if the config enables monitoring, with its disks and its secret", async () => {
    const origins = { ...OBSERVABILITY.origins, "ap-southeast": { hostname: "ap-southeast.elb.example.com" } };
    const changes = { observability: { ...OBSERVABILITY, origins } };
    const watched = await made("us-east", changes);
    const told = await made("foundation", { ...changes, alertingSecrets: { CHAT_URL: "https://chat.example.com" } });
    expect(counted(watched, told, "us-east-1")).toEqual(estimated({ observability: true }));
    const disks = of(watched, "kubernetes:core/v1:PersistentVolumeClaim")
      .filter(({ inputs }) => inputs.spec.storageClassName === "gp3")
      .map(({ inputs }) => Number.parseInt(inputs.spec.resources.requests.storage, 10));
    const quantity = (shape: Partial<Shape>, price: PriceName) =>
      standing({ ...DEFAULT, ...shape }).find((line) => line.price === price)?.quantity ?? 0;
    const nodes = quantity({ observability: true }, "node") - quantity({}, "node");
    expect(quantity({ observability: true }, "nodeDisk") - quantity({}, "nodeDisk")).toBe(sum(disks) + 80 * nodes);
  });

  it("have the instance classes and storage types that the prices assume", () => {
    const [database] = of(own, "aws:rds/instance:Instance");
    expect(database?.inputs).toMatchObject({
      instanceClass: "db.m7g.large",
      multiAz: true,
      storageType: "gp3",
      performanceInsightsRetentionPeriod: 7,
    });
    expect(of(own, "aws:efs/fileSystem:FileSystem")[0]?.inputs.throughputMode).toBe("elastic");
    const nodeClass = own.find(({ inputs }) => inputs.kind === "NodeClass");
    expect(nodeClass?.inputs.spec.ephemeralStorage).toMatchObject({ size: "80Gi" });
    const replication = of(shared, "aws:s3/bucketReplicationConfig:BucketReplicationConfig");
    expect(replication.map(({ inputs }) => inputs.rules.length)).toEqual([2, 2, 2]);
  });

  it("cover every resource type with an AWS price", () => {
    const kinds = new Set([...own, ...shared].map(({ type }) => type).filter((type) => type.startsWith("aws:")));
    expect([...kinds].filter((type) => !PRICED.has(type) && !FREE.test(type))).toEqual([]);
  });

  it("depend on the topology only in Cloudflare's steering policy, and not in AWS", async () => {
    const standby = { topology: "active-standby" };
    expect(await made("eu-west", standby)).toEqual(await made("eu-west"));
    const notificationEmails = ["ops@example.com"];
    const policy = async (changes: object) =>
      of(await made("edge", { notificationEmails, ...changes }), BALANCER)[0]?.inputs.steeringPolicy;
    const withoutAddOn = ["off", "random"];
    expect(withoutAddOn).toContain(await policy(standby));
    expect(withoutAddOn).toContain(await policy({ steering: "random" }));
    expect(withoutAddOn).not.toContain(await policy({}));
    expect(ENTRANCES.map(({ trafficSteering }) => trafficSteering)).toEqual([false, false, true]);
  });
});

/** Types that are counted above or priced by usage. */
const PRICED = new Set([
  "aws:ec2/eip:Eip",
  "aws:ec2/natGateway:NatGateway",
  "aws:ec2/vpcEndpoint:VpcEndpoint",
  "aws:ec2/flowLog:FlowLog",
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:ecr/repository:Repository",
  "aws:ecr/replicationConfiguration:ReplicationConfiguration",
  "aws:efs/fileSystem:FileSystem",
  "aws:efs/backupPolicy:BackupPolicy",
  "aws:eks/cluster:Cluster",
  "aws:kms/key:Key",
  "aws:rds/instance:Instance",
  "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication",
  "aws:s3/bucket:Bucket",
  "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
  "aws:secretsmanager/secret:Secret",
]);
/**
 * Free types: settings and permissions of priced types, networks without gateways, and ACM certificates used inside
 * AWS.
 */
const FREE = new RegExp(
  [
    "^aws:(iam|acm|vpc)/",
    "^aws:ec2/(vpc|subnet|routeTable|routeTableAssociation|route|internetGateway|securityGroup|defaultSecurityGroup):",
    "^aws:efs/(accessPoint|mountTarget|fileSystemPolicy):",
    "^aws:eks/(accessEntry|accessPolicyAssociation|addon|podIdentityAssociation):",
    "^aws:(ecr/lifecyclePolicy|kms/alias|rds/(subnetGroup|parameterGroup)|secretsmanager/secretVersion):",
    "^aws:s3/bucket(OwnershipControls|Versioning|ServerSideEncryptionConfiguration|PublicAccessBlock|Policy|LifecycleConfiguration):",
  ].join("|"),
);
