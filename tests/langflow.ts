import * as kubernetes from "@pulumi/kubernetes";
import type { AgentArgs } from "../components/agent/AgentSetup";
import { FlowBackup, type FlowBackupArgs } from "../components/agent/FlowBackup";
import { FlowSync, type FlowSyncArgs } from "../components/agent/FlowSync";
import { MoveIn, type MoveInArgs } from "../components/agent/MoveIn";
import { LangFlowService, type LangFlowServiceArgs } from "../components/langflow/LangFlowService";
import { inClear, type Recorded, record } from "./mocks";

export const REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
export const DIGEST = `sha256:${"ab".repeat(32)}`;

export const AGENT_DIGEST = `sha256:${"cd".repeat(32)}`;
const AGENT_IMAGE = { repository: "langflow-agent", version: "0.1.0", digest: AGENT_DIGEST };

const secret = (name: string): string =>
  `arn:aws:secretsmanager:us-east-1:123456789012:secret:langflow-dr/${name}-AbCdEf`;

export const SECRET_ARNS = {
  secretKey: secret("secret-key"),
  superuserPassword: secret("superuser-password"),
  apiKey: secret("api-key"),
  providerKeys: secret("provider-keys"),
  webhookSecret: secret("webhook-secret"),
  gitToken: secret("git-token"),
};

/** Secret ARNs of the database logins. */
export const DATABASE_SECRET_ARNS = {
  owner: secret("database"),
  server: secret("database-server"),
  backup: secret("database-backup"),
};

/** Arguments of us-east's LangFlow, with the design's values. */
export const LANGFLOW_ARGS: LangFlowServiceArgs = {
  region: "us-east",
  awsRegion: "us-east-1",
  hostname: "langflow.example.com",
  schedulesRegion: "us-east",
  image: { repository: "langflow", version: "1.13.0", digest: DIGEST },
  agentImage: AGENT_IMAGE,
  registry: REGISTRY,
  replicas: { min: 2, max: 10 },
  resources: { requests: { cpu: "500m", memory: "1Gi" }, limits: { cpu: "1", memory: "2Gi" } },
  clusterName: "langflow-dr-us-east-cluster",
  kubernetesVersion: "1.35",
  bucketName: "langflow-dr-us-east-flows",
  bucketArn: "arn:aws:s3:::langflow-dr-us-east-flows",
  keyArn: "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
  secretArns: SECRET_ARNS,
  providerKeyNames: ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"],
  databaseSecretArn: DATABASE_SECRET_ARNS.server,
  databaseUrls: {
    owner: "postgresql://langflow:owners@db:5432/langflow",
    server: "postgresql://langflow_server:servers@db:5432/langflow",
    backup: "postgresql://langflow_backup:backups@db:5432/langflow",
  },
  fileSystemId: "fs-0123456789abcdef0",
  accessPointId: "fsap-0123456789abcdef0",
  deletionProtection: true,
  vpcCidr: "10.16.0.0/16",
  publicSubnetIds: ["subnet-a", "subnet-b", "subnet-c"],
  publicSubnetCidrs: ["10.16.0.0/22", "10.16.4.0/22", "10.16.8.0/22"],
  certificateArns: [
    "arn:aws:acm:us-east-1:123456789012:certificate/0e1f2a3b",
    "arn:aws:acm:us-east-1:123456789012:certificate/former",
  ],
  sourceRanges: ["173.245.48.0/20", "103.21.244.0/22"],
  webhook: false,
};

/** Arguments of us-east's agent, with the design's values. */
const AGENT_ARGS: AgentArgs = {
  region: "us-east",
  awsRegion: "us-east-1",
  clusterName: LANGFLOW_ARGS.clusterName,
  image: AGENT_IMAGE,
  registry: REGISTRY,
  bucketName: LANGFLOW_ARGS.bucketName,
  bucketArn: LANGFLOW_ARGS.bucketArn,
  keyArn: LANGFLOW_ARGS.keyArn,
  secretArns: SECRET_ARNS,
};
/** Bucket of the other region. */
export const PEER = {
  region: "eu-west",
  awsRegion: "eu-west-1",
  bucketName: "langflow-dr-eu-west-flows",
  bucketArn: "arn:aws:s3:::langflow-dr-eu-west-flows",
  keyArn: "arn:aws:kms:eu-west-1:123456789012:key/4321abcd-12ab-34cd-56ef-1234567890ab",
};
export const WITNESS = {
  awsRegion: "us-west-2",
  bucketName: "langflow-dr-witness-us-west-2-123456789012",
  bucketArn: "arn:aws:s3:::langflow-dr-witness-us-west-2-123456789012",
};
const SYNC_ARGS: FlowSyncArgs = {
  ...AGENT_ARGS,
  repository: { url: "https://git.example.com/acme/flows.git", branch: "main" },
  intervalSeconds: 10,
  deletes: { share: 0.2, number: 10 },
  regionDeletes: { users: 5, rows: 20, share: 0.1 },
  allowedSecrets: [],
  peers: [PEER],
  schedules: { region: "us-east", witness: WITNESS },
  databaseSecretArn: DATABASE_SECRET_ARNS.owner,
};
export const WEBHOOK: FlowSyncArgs["webhook"] = {
  publicSubnetIds: ["subnet-a", "subnet-b", "subnet-c"],
  certificateArns: ["arn:aws:acm:us-east-1:123456789012:certificate/webhook"],
  sourceRanges: ["173.245.48.0/20", "103.21.244.0/22"],
};
export const BACKUP_ARGS: FlowBackupArgs = {
  ...AGENT_ARGS,
  langFlowVersion: "1.13.0",
  schedule: "17 3 * * *",
  claimName: "pvc-langflow-us-east",
  databaseSecretArns: DATABASE_SECRET_ARNS,
};

/** Recorded once per test file, because the tests only read it. */
let unchanged: Promise<Recorded[]> | undefined;

/**
 * Returns all resources that LangFlowService registers.
 *
 * @param changes arguments that differ from {@link LANGFLOW_ARGS}
 * @param inspect called with the component, inside the program
 */
export function recordLangFlow(
  changes: Partial<LangFlowServiceArgs> = {},
  inspect?: (service: LangFlowService) => unknown,
): Promise<Recorded[]> {
  if (inspect || Object.keys(changes).length > 0) return build(changes, inspect);
  unchanged ??= build({});
  return unchanged;
}

function build(
  changes: Partial<LangFlowServiceArgs>,
  inspect?: (service: LangFlowService) => unknown,
): Promise<Recorded[]> {
  return record(async () => {
    const service = new LangFlowService("us-east", { ...LANGFLOW_ARGS, ...changes }, inCluster());
    await inspect?.(service);
  });
}

/** Returns all resources that FlowSync registers. */
export function recordSync(
  changes: Partial<FlowSyncArgs> = {},
  inspect?: (sync: FlowSync) => unknown,
): Promise<Recorded[]> {
  return record(async () => {
    const sync = new FlowSync("us-east", { ...SYNC_ARGS, ...changes }, inCluster());
    await inspect?.(sync);
  });
}

/** Returns all resources that FlowBackup registers. */
export function recordBackup(changes: Partial<FlowBackupArgs> = {}): Promise<Recorded[]> {
  return record(() => new FlowBackup("us-east", { ...BACKUP_ARGS, ...changes }, inCluster()));
}

/** Returns all resources that MoveIn registers. */
export function recordMoveIn(changes: Partial<MoveInArgs> = {}): Promise<Recorded[]> {
  const databaseSecretArn = DATABASE_SECRET_ARNS.owner;
  const langFlowImage = `${REGISTRY}/langflow@${DIGEST}`;
  const args: MoveInArgs = { ...AGENT_ARGS, langFlowImage, databaseSecretArn, ...changes };
  return record(() => new MoveIn("us-east", args, inCluster()));
}

/**
 * Returns all resources of us-east's LangFlow, with listeners, and of its agent, which receives webhooks.
 *
 * @param changes arguments that differ from {@link LANGFLOW_ARGS}
 */
export async function recordRegion(changes: Partial<LangFlowServiceArgs> = {}): Promise<Recorded[]> {
  return [
    ...(await recordLangFlow({ listeners: true, ...changes })),
    ...(await recordSync({ webhook: WEBHOOK })),
    ...(await recordBackup()),
    ...(await recordMoveIn()),
  ];
}

function inCluster() {
  const provider = new kubernetes.Provider("us-east", { kubeconfig: "{}", clusterIdentifier: "us-east" });
  return { providers: { kubernetes: provider } };
}

/** A Kubernetes object as sent to the API server. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    /** Set by the API server, like `generation`. */
    uid?: string;
    generation?: number;
  };
  // biome-ignore lint/suspicious/noExplicitAny: a test reads fields of any shape
  [field: string]: any;
}

/** Returns the Kubernetes objects among recorded resources, in order. */
export function manifests(resources: Recorded[]): Manifest[] {
  return resources
    .filter(({ type }) => type.startsWith("kubernetes:"))
    .map(({ inputs }) => inClear(inputs) as Manifest);
}

/** Returns the only object of a kind, or the one with this name if there are several. */
export function manifest(resources: Recorded[], kind: string, name?: string): Manifest {
  const found = manifests(resources).filter(
    (object) => object.kind === kind && (name === undefined || object.metadata.name === name),
  );
  const [first] = found;
  if (!first || found.length > 1) throw new Error(`expected one ${kind} ${name ?? ""}, found ${found.length}`);
  return first;
}
