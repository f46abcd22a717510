import { BACKUP_PREFIX, DRILL_SUMMARIES_PREFIX } from "../agent";
import { type FlowComponent, STORAGE_PREFIX } from "../langflow";
import { MOVE_IN_PREFIX } from "../moveIn";
import type { Statement } from "./document";

export interface PodTrust {
  readonly clusterName: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/**
 * Trust of a pod identity role, narrowed by the session tags EKS sets to one ServiceAccount of one cluster (EKS user
 * guide, "Grant Pods access to AWS resources based on tags"). `sts:TagSession` lets EKS set them.
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

/** What pods may do with the objects of one prefix of the flow bucket; they may always list them. */
interface PrefixGrant {
  /** Sid of the statement over the objects; that over their list is `List` and what is granted. */
  readonly sid: `${string}${"Files" | "Backups" | "Drills" | "Packages"}`;
  readonly prefix: string;
  readonly actions: readonly string[];
  /** Default: the current objects. */
  readonly list?: readonly string[];
}

const READ = "s3:GetObject";
const READ_VERSION = "s3:GetObjectVersion";
/** An upload in parts is given up by its uploader. */
const WRITE = ["s3:PutObject", "s3:AbortMultipartUpload"];
const LIST_VERSIONS = ["s3:ListBucket", "s3:ListBucketVersions"];

/**
 * The bucket by component. Nobody deletes a backup: they expire by the bucket's lifecycle, so that who takes over a pod
 * cannot take the backups along. Nor can they be written over: the bucket's policy refuses that. Each region writes its own
 * backups alone, so that who takes over one region's pod cannot plant a newer backup for another to restore.
 */
const grantsIn = (region: string): Record<FlowComponent, readonly PrefixGrant[]> => ({
  server: [{ sid: "ReadAndWriteFiles", prefix: STORAGE_PREFIX, actions: [READ, "s3:DeleteObject", ...WRITE] }],
  "flow-sync": [
    { sid: "ReadBackups", prefix: `${BACKUP_PREFIX}/${region}`, actions: [READ] },
    { sid: "ReadDrills", prefix: DRILL_SUMMARIES_PREFIX, actions: [READ] },
  ],
  backup: [
    { sid: "ReadFiles", prefix: STORAGE_PREFIX, actions: [READ, READ_VERSION], list: LIST_VERSIONS },
    { sid: "ReadAndWriteBackups", prefix: `${BACKUP_PREFIX}/${region}`, actions: [READ, ...WRITE] },
  ],
  // Backups of other regions are in this bucket too, by replication. Versions: of what was deleted or written over.
  restore: [
    { sid: "ReadAndWriteFiles", prefix: STORAGE_PREFIX, actions: [READ, READ_VERSION, ...WRITE], list: LIST_VERSIONS },
    { sid: "ReadBackups", prefix: BACKUP_PREFIX, actions: [READ, READ_VERSION], list: LIST_VERSIONS },
  ],
  // Whoever packed deletes the package, or the bucket's lifecycle does.
  "move-in": [
    { sid: "ReadAndWriteFiles", prefix: STORAGE_PREFIX, actions: [READ, ...WRITE] },
    { sid: "ReadPackages", prefix: MOVE_IN_PREFIX, actions: [READ] },
  ],
});

/** What an import may write of what it reads: what came of it, beside each package. */
export function moveInResults(bucketArn: string): Statement {
  return {
    Sid: "WriteResults",
    Effect: "Allow",
    Action: "s3:PutObject",
    Resource: `${bucketArn}/${MOVE_IN_PREFIX}/*/result.json`,
  };
}

export interface PodAccess {
  readonly component: FlowComponent;
  /** Our name of the region. */
  readonly region: string;
  /** The AWS region of bucket, key and secrets. */
  readonly awsRegion: string;
  readonly bucketArn: string;
  readonly keyArn: string;
  /** The secrets that are mounted, one at least. */
  readonly secretArns: readonly string[];
}

/**
 * What a component's pods may do: their prefixes of the region's bucket, the named secrets, and the region's key through
 * those two services for those two ends only. The key's own policy lets them use it through the services anyway
 * (encryptionKey.ts): the conditions here bound what the role asks for, not what it could.
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
        // With a bucket key the context is the bucket, without one the object (S3 user guide, "Bucket keys").
        StringLike: { "kms:EncryptionContext:aws:s3:arn": [bucketArn, `${bucketArn}/*`] },
      },
    },
    useKeyForSecrets({ awsRegion, keyArn, secretArns }),
  ];
}

/** Secrets that pods mount, one at least. */
export interface SecretAccess {
  /** The AWS region of key and secrets. */
  readonly awsRegion: string;
  readonly keyArn: string;
  readonly secretArns: readonly string[];
}

/** What pods may do that take secrets and nothing else. */
export function secretAccess(access: SecretAccess): Statement[] {
  return [readSecrets(access.secretArns), useKeyForSecrets(access)];
}

/** Topics of SNS that pods publish to, one at least. */
export function publishAccess(topicArns: readonly string[]): Statement {
  return { Sid: "Publish", Effect: "Allow", Action: "sns:Publish", Resource: topicArns };
}

/** A workspace of Amazon Managed Service for Prometheus that pods write to, and ask nothing of. */
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
 * What may be asked of CloudWatch. Its metrics have no resource that a policy could name; the one type of GetMetricData,
 * `dataset`, is OpenTelemetry's (service authorization reference, "Amazon CloudWatch"). So this reads every metric of the account in
 * this AWS region, and no log: numbers and the names of what they are of.
 */
export function cloudWatchAccess(): Statement {
  return { Sid: "ReadCloudsNumbers", Effect: "Allow", Action: "cloudwatch:GetMetricData", Resource: "*" };
}
