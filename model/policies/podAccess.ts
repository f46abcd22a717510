import { BACKUP_PREFIX, DRILL_SUMMARIES_PREFIX, MOVE_IN_PREFIX, STORAGE_PREFIX } from "../../formats/bucketKeys";
import type { FlowComponent } from "../langflow";
import type { Statement } from "./document";

export interface PodTrust {
  readonly clusterName: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/**
 * Returns the trust policy of a pod identity role. EKS' session tags restrict it to one ServiceAccount of one cluster
 * (EKS user guide, "Grant Pods access to AWS resources based on tags"). `sts:TagSession` allows EKS to set these tags.
 */
export function podTrust({ clusterName, namespace, serviceAccount }: PodTrust): Statement[] {
  return [
    {
      Sid: "PodIdentity",
      Effect: "Allow",
      Principal: { Service: "pods.eks.amazonaws.com" },
      Action: ["sts:AssumeRole", "sts:TagSession"],
      Condition: {
        StringEquals: {
          "aws:RequestTag/eks-cluster-name": clusterName,
          "aws:RequestTag/kubernetes-namespace": namespace,
          "aws:RequestTag/kubernetes-service-account": serviceAccount,
        },
      },
    },
  ];
}

/** Permissions on the objects below one prefix of the flow bucket. Pods may always list these objects. */
interface PrefixGrant {
  /**
   * Sid of the statement about the objects. The Sid of the statement about listing them is `List` plus the last word.
   */
  readonly sid: `${string}${"Files" | "Backups" | "Drills" | "Packages"}`;
  readonly prefix: string;
  readonly actions: readonly string[];
  /** Actions for listing. Default: list current objects. */
  readonly list?: readonly string[];
}

const READ = "s3:GetObject";
const READ_VERSION = "s3:GetObjectVersion";
/** Actions for writing. The uploader itself aborts an incomplete multipart upload. */
const WRITE = ["s3:PutObject", "s3:AbortMultipartUpload"];
const LIST_VERSIONS = ["s3:ListBucket", "s3:ListBucketVersions"];

/** Components that use the bucket. Listeners need only secrets. */
export type BucketUser = Exclude<FlowComponent, "listeners">;

/**
 * Returns each component's permissions on the bucket. No component can delete a backup: the lifecycle rules expire
 * backups, so that an attacker who controls a pod cannot delete them. Overwriting is denied by the bucket's policy.
 * Each region writes only its own backups, so that an attacker who controls one region's pod cannot plant a newer
 * backup for a different region to restore.
 */
const grantsIn = (region: string): Record<BucketUser, readonly PrefixGrant[]> => ({
  server: [{ sid: "ReadAndWriteFiles", prefix: STORAGE_PREFIX, actions: [READ, "s3:DeleteObject", ...WRITE] }],
  "flow-sync": [
    { sid: "ReadBackups", prefix: `${BACKUP_PREFIX}/${region}`, actions: [READ] },
    { sid: "ReadDrills", prefix: DRILL_SUMMARIES_PREFIX, actions: [READ] },
  ],
  backup: [
    { sid: "ReadFiles", prefix: STORAGE_PREFIX, actions: [READ, READ_VERSION], list: LIST_VERSIONS },
    { sid: "ReadAndWriteBackups", prefix: `${BACKUP_PREFIX}/${region}`, actions: [READ, ...WRITE] },
  ],
  // The bucket also contains replicas of other regions' backups. Versions are needed to read deleted and overwritten
  // objects.
  restore: [
    { sid: "ReadAndWriteFiles", prefix: STORAGE_PREFIX, actions: [READ, READ_VERSION, ...WRITE], list: LIST_VERSIONS },
    { sid: "ReadBackups", prefix: BACKUP_PREFIX, actions: [READ, READ_VERSION], list: LIST_VERSIONS },
  ],
  // The client that uploaded the package deletes it; otherwise the lifecycle rules do.
  "move-in": [
    { sid: "ReadAndWriteFiles", prefix: STORAGE_PREFIX, actions: [READ, ...WRITE] },
    { sid: "ReadPackages", prefix: MOVE_IN_PREFIX, actions: [READ] },
  ],
});

/** Returns the only write permission of an import on packages: the result file next to each package. */
export function moveInResults(bucketArn: string): Statement {
  return {
    Sid: "WriteResults",
    Effect: "Allow",
    Action: "s3:PutObject",
    Resource: `${bucketArn}/${MOVE_IN_PREFIX}/*/result.json`,
  };
}

export interface PodAccess {
  readonly component: BucketUser;
  /** The fleet's name for the region. */
  readonly region: string;
  /** The AWS region of the bucket, the key and the secrets. */
  readonly awsRegion: string;
  readonly bucketArn: string;
  readonly keyArn: string;
  /** ARNs of the mounted secrets; at least one. */
  readonly secretArns: readonly string[];
}

/**
 * Returns a component's permissions: its prefixes in the region's bucket, the named secrets, and the region's key,
 * limited to S3 and Secrets Manager for these resources. The key's own policy already allows use through these services
 * (encryptionKey.ts), so the conditions here limit what the role requests, not what it could do.
 */
export function podAccess({ component, region, awsRegion, bucketArn, keyArn, secretArns }: PodAccess): Statement[] {
  const grants = grantsIn(region)[component];
  const writes = grants.some(({ actions }) => actions.includes("s3:PutObject"));
  return [
    ...grants.flatMap((grant) => prefixAccess(grant, bucketArn)),
    readSecrets(secretArns),
    {
      Sid: "UseKeyForObjects",
      Effect: "Allow",
      Action: writes ? ["kms:Decrypt", "kms:GenerateDataKey"] : "kms:Decrypt",
      Resource: keyArn,
      Condition: {
        StringEquals: { "kms:ViaService": `s3.${awsRegion}.amazonaws.com` },
        // The encryption context is the bucket's ARN with a bucket key, otherwise the object's ARN (S3 user guide,
        // "Bucket keys").
        StringLike: { "kms:EncryptionContext:aws:s3:arn": [bucketArn, `${bucketArn}/*`] },
      },
    },
    useKeyForSecrets({ awsRegion, keyArn, secretArns }),
  ];
}

/** Secrets that pods mount; at least one. */
export interface SecretAccess {
  /** The AWS region of the key and the secrets. */
  readonly awsRegion: string;
  readonly keyArn: string;
  readonly secretArns: readonly string[];
}

/** Returns the permissions of pods that need only secrets. */
export function secretAccess(access: SecretAccess): Statement[] {
  return [readSecrets(access.secretArns), useKeyForSecrets(access)];
}

/** Returns the permission to publish to SNS topics; at least one. */
export function publishAccess(topicArns: readonly string[]): Statement {
  return { Sid: "Publish", Effect: "Allow", Action: "sns:Publish", Resource: topicArns };
}

/** Returns the permission to write to, but not query, a workspace of Amazon Managed Service for Prometheus. */
export function remoteWriteAccess(workspaceArn: string): Statement {
  return { Sid: "RemoteWrite", Effect: "Allow", Action: "aps:RemoteWrite", Resource: workspaceArn };
}

function readSecrets(secretArns: readonly string[]): Statement {
  return {
    Sid: "ReadSecrets",
    Effect: "Allow",
    Action: ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
    Resource: secretArns,
  };
}

function useKeyForSecrets({ awsRegion, keyArn, secretArns }: SecretAccess): Statement {
  return {
    Sid: "UseKeyForSecrets",
    Effect: "Allow",
    Action: "kms:Decrypt",
    Resource: keyArn,
    Condition: {
      StringEquals: {
        "kms:ViaService": `secretsmanager.${awsRegion}.amazonaws.com`,
        "kms:EncryptionContext:SecretARN": secretArns,
      },
    },
  };
}

function prefixAccess({ sid, prefix, actions, list = ["s3:ListBucket"] }: PrefixGrant, bucketArn: string): Statement[] {
  return [
    { Sid: sid, Effect: "Allow", Action: actions, Resource: `${bucketArn}/${prefix}/*` },
    {
      Sid: sid.replace(/^.*(?=Files|Backups|Drills|Packages)/, "List"),
      Effect: "Allow",
      Action: list,
      Resource: bucketArn,
      Condition: { StringLike: { "s3:prefix": `${prefix}/*` } },
    },
  ];
}

/**
 * Returns the permission to query CloudWatch. CloudWatch metrics cannot be restricted by resource: the only resource
 * type of GetMetricData, `dataset`, belongs to OpenTelemetry (service authorization reference, "Amazon CloudWatch").
 * The permission therefore covers every metric of the account in this AWS region (values and the names of the measured
 * resources), but no logs.
 */
export function cloudWatchAccess(): Statement {
  return { Sid: "ReadCloudsNumbers", Effect: "Allow", Action: "cloudwatch:GetMetricData", Resource: "*" };
}
