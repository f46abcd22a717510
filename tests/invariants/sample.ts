import type { Observed } from "../../invariants/check";

export interface SampleRegion {
  readonly name: string;
  readonly awsRegion: string;
}

export const twoRegions: SampleRegion[] = [
  { name: "us-east", awsRegion: "us-east-1" },
  { name: "eu-west", awsRegion: "eu-west-1" },
];

const AGENT_DIGEST = `sha256:${"d".repeat(64)}`;
const DIGEST = `sha256:${"a".repeat(64)}`;

export const bucketName = ({ name }: SampleRegion): string => `langflow-dr-${name}-flows-123456789012`;

function urn(stack: string, chain: string, name: string): string {
  return `urn:pulumi:${stack}::langflow-dr::${chain}::${name}`;
}

function resource(stack: string, type: string, name: string, inputs: Record<string, unknown>, parents = ""): Observed {
  return { type, urn: urn(stack, `${parents}${type}`, name), inputs, protect: false };
}

/** Policy of a region's flow sync role, which publishes accounts to every region's bucket. */
function syncPolicy({ name }: SampleRegion, regions: readonly SampleRegion[]): Observed {
  const policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: "s3:GetObject",
        Resource: regions.map((each) => `arn:aws:s3:::${bucketName(each)}/accounts/*`),
      },
      {
        Effect: "Allow",
        Action: ["s3:PutObject", "s3:DeleteObject"],
        Resource: regions.map((each) => `arn:aws:s3:::${bucketName(each)}/accounts/${name}/*`),
      },
    ],
  });
  return resource(
    name,
    "aws:iam/rolePolicy:RolePolicy",
    `${name}-flow-sync`,
    { name: "flow-sync", policy },
    "langflow-dr:index:FlowSync$langflow-dr:index:AgentSetup$langflow-dr:index:PodIdentity$",
  );
}

function witness(): Observed[] {
  const inputs = { region: "us-west-2", bucket: "langflow-dr-witness-us-west-2-123456789012" };
  const bucket = resource("foundation", "aws:s3/bucket:Bucket", "witness", inputs, "langflow-dr:index:WitnessBucket$");
  return [{ ...bucket, protect: true }];
}

function foundation(regions: readonly SampleRegion[]): Observed[] {
  const keyArn = ({ awsRegion }: SampleRegion) => `arn:aws:kms:${awsRegion}:123456789012:key/1`;
  const inBucket = "langflow-dr:index:FlowBucket$";
  return regions.flatMap((own) => {
    const region = own.awsRegion;
    const bucket = bucketName(own);
    const rule = (other: SampleRegion) => ({
      id: `to-${other.name}`,
      status: "Enabled",
      deleteMarkerReplication: { status: "Enabled" },
      sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: "Enabled" } },
      destination: {
        bucket: `arn:aws:s3:::${bucketName(other)}`,
        encryptionConfiguration: { replicaKmsKeyId: keyArn(other) },
      },
    });
    const data = [
      resource("foundation", "aws:kms/key:Key", own.name, { region }),
      resource("foundation", "aws:s3/bucket:Bucket", own.name, { region, bucket }, inBucket),
      resource("foundation", "aws:secretsmanager/secret:Secret", own.name, { region }),
      resource("foundation", "aws:ecr/repository:Repository", own.name, { region }),
    ];
    const versioning = { region, bucket, versioningConfiguration: { status: "Enabled" } };
    const replication = { region, bucket, rules: regions.filter((other) => other !== own).map(rule) };
    return [
      ...data.map((each) => ({ ...each, protect: true })),
      resource("foundation", "aws:s3/bucketVersioning:BucketVersioning", own.name, versioning, inBucket),
      resource("foundation", "aws:s3/bucketReplicationConfig:BucketReplicationConfig", own.name, replication),
      resource("foundation", "aws:iam/role:Role", own.name, {
        name: `langflow-dr-${own.name}-role`,
        permissionsBoundary: "arn:aws:iam::123456789012:policy/langflow-dr-boundary",
      }),
      resource("foundation", "aws:secretsmanager/secretVersion:SecretVersion", own.name, {
        region,
        secretString: { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "x" },
      }),
    ];
  });
}

function region(own: SampleRegion, regions: readonly SampleRegion[]): Observed[] {
  const { name, awsRegion } = own;
  const image = `123456789012.dkr.ecr.${awsRegion}.amazonaws.com/langflow@${DIGEST}`;
  const env = [
    { name: "LANGFLOW_API_KEY_SOURCE", value: "env" },
    { name: "LANGFLOW_API_KEY", valueFrom: { secretKeyRef: { name: "langflow", key: "apiKey" } } },
  ];
  const agent = `123456789012.dkr.ecr.${awsRegion}.amazonaws.com/langflow-agent@${AGENT_DIGEST}`;
  const pod = { containers: [{ name: "langflow", image, env }], initContainers: [{ name: "adopt", image: agent }] };
  const job = { template: { spec: { containers: [{ name: "backup", image: agent }] } } };
  return [
    {
      ...resource(name, "aws:rds/instance:Instance", name, { region: awsRegion, password: "[secret]" }),
      protect: true,
    },
    { ...resource(name, "aws:efs/fileSystem:FileSystem", name, { region: awsRegion }), protect: true },
    resource(name, "kubernetes:apps/v1:Deployment", name, { spec: { template: { spec: pod } } }),
    resource(name, "kubernetes:batch/v1:CronJob", name, { spec: { jobTemplate: { spec: job } } }),
    resource(name, "kubernetes:core/v1:ConfigMap", name, { data: { LANGFLOW_AUTO_LOGIN: "false" } }),
    resource(name, "kubernetes:core/v1:Secret", name, { stringData: "[secret]" }),
    syncPolicy(own, regions),
  ];
}

function edge(regions: readonly SampleRegion[]): Observed[] {
  const ids = regions.map(({ name }) => `${name}-id`);
  return [
    ...regions.map(({ name }) =>
      resource("edge", "cloudflare:index/loadBalancerPool:LoadBalancerPool", name, { monitor: "monitor-id" }),
    ),
    resource("edge", "cloudflare:index/loadBalancer:LoadBalancer", "edge", {
      defaultPools: ids,
      fallbackPool: ids.at(-1),
    }),
  ];
}

/** Returns the resources of a complete valid fleet, as far as the invariants check them. */
export function soundFleet(regions: readonly SampleRegion[] = twoRegions): Observed[] {
  return [...foundation(regions), ...witness(), ...regions.flatMap((each) => region(each, regions)), ...edge(regions)];
}
