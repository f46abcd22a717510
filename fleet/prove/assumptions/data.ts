import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { BACKUP_PREFIX } from "../../../formats/bucketKeys";
import { keysIn } from "../../drill/objects";
import { newestBackup } from "../../drill/survivor";
import {
  answered,
  type Deployment,
  differences,
  type FleetAssumption,
  foundationOf,
  onlyProblem,
  outputsOf,
  type RegionAssumption,
  type RegionStack,
  secretValue,
} from "../assumption";

const key: RegionAssumption = {
  name: "key",
  of: "region",
  why: "if the key is disabled or scheduled for deletion, everything that it encrypts becomes unreadable",
  fix: "run `aws kms cancel-key-deletion` and `aws kms enable-key`; then find out who disabled the key",
  async look(deployment, stack) {
    const { keyArn: KeyId } = foundationOf(deployment, stack);
    const ask = (operation: string) => deployment.clouds.aws(stack.region.awsRegion, "kms", operation, { KeyId });
    const described = z.object({ KeyMetadata: z.object({ KeyState: z.string() }) });
    const { KeyMetadata } = answered(described, "the key", await ask("describe-key"));
    const rotated = z.object({ KeyRotationEnabled: z.boolean() });
    const rotation = answered(rotated, "the key's rotation", await ask("get-key-rotation-status"));
    const problems = differences("key", {
      state: [KeyMetadata.KeyState, "Enabled"],
      rotation: [rotation.KeyRotationEnabled, true],
    });
    return { summary: "enabled, with automatic rotation", problems };
  },
};

const ruleShape = z.object({
  Status: z.string(),
  Filter: z.object({ Prefix: z.string().optional() }).default({}),
  DeleteMarkerReplication: z.object({ Status: z.string() }).default({ Status: "Disabled" }),
  SourceSelectionCriteria: z
    .object({ SseKmsEncryptedObjects: z.object({ Status: z.string() }).default({ Status: "Disabled" }) })
    .default({ SseKmsEncryptedObjects: { Status: "Disabled" } }),
  Destination: z.object({
    Bucket: z.string(),
    EncryptionConfiguration: z.object({ ReplicaKmsKeyID: z.string() }).optional(),
  }),
});
const replicationShape = z.object({ ReplicationConfiguration: z.object({ Rules: z.array(ruleShape) }) });
const encryptionShape = z.object({
  ServerSideEncryptionConfiguration: z.object({
    Rules: z.array(
      z.object({
        ApplyServerSideEncryptionByDefault: z.object({
          SSEAlgorithm: z.string(),
          KMSMasterKeyID: z.string().optional(),
        }),
      }),
    ),
  }),
});
const blockShape = z.object({ PublicAccessBlockConfiguration: z.record(z.string(), z.boolean()) });

const bucket: RegionAssumption = {
  name: "flow bucket",
  of: "region",
  why: "S3 accepts a replication rule with a key of the wrong region without an error, and then copies nothing",
  fix: "run `drift` to list the changes, and `up` to revert them; copy the missed objects with S3 Batch Replication",
  async look(deployment, stack) {
    const own = foundationOf(deployment, stack);
    const ask = (operation: string) =>
      deployment.clouds.aws(stack.region.awsRegion, "s3api", operation, { Bucket: own.bucketName });
    const versioning = z.object({ Status: z.string().optional() });
    const { Status } = answered(versioning, "its versioning", await ask("get-bucket-versioning"));
    const encryption = answered(encryptionShape, "its encryption", await ask("get-bucket-encryption"));
    const byDefault = encryption.ServerSideEncryptionConfiguration.Rules[0]?.ApplyServerSideEncryptionByDefault;
    const block = answered(blockShape, "its public access block", await ask("get-public-access-block"));
    const shut = Object.values(block.PublicAccessBlockConfiguration);
    const replication = answered(replicationShape, "its replication", await ask("get-bucket-replication"));
    const settings = differences("bucket", {
      versioning: [Status, "Enabled"],
      encryption: [byDefault?.SSEAlgorithm, "aws:kms"],
      key: [byDefault?.KMSMasterKeyID, own.keyArn],
      "public access": [shut.length === 4 && shut.every(Boolean) ? "blocked" : "partly open", "blocked"],
    });
    const others = deployment.regions.filter(({ region }) => region.name !== stack.region.name);
    const rules = others.flatMap((other) =>
      ruleTo(foundationOf(deployment, other), other.region.name, replication.ReplicationConfiguration.Rules),
    );
    return {
      summary: `versioned, encrypted, private, replicated to ${others.map(({ region }) => region.name).join(", ")}`,
      problems: [...settings, ...rules],
    };
  },
};

function ruleTo(
  end: { bucketArn: string; keyArn: string },
  region: string,
  rules: readonly z.infer<typeof ruleShape>[],
): string[] {
  const rule = rules.find(({ Destination }) => Destination.Bucket === end.bucketArn);
  if (!rule) return [`the bucket has no replication rule to ${region}`];
  return differences(`rule to ${region}`, {
    status: [rule.Status, "Enabled"],
    prefix: [rule.Filter.Prefix ?? "", ""],
    "delete markers": [rule.DeleteMarkerReplication.Status, "Enabled"],
    "encrypted objects": [rule.SourceSelectionCriteria.SseKmsEncryptedObjects.Status, "Enabled"],
    key: [rule.Destination.EncryptionConfiguration?.ReplicaKmsKeyID, end.keyArn],
  });
}

const POLL_MS = 2_000;
/** Key prefix of the test objects. Nothing else uses it, and the check always deletes its objects. */
const CANARIES = "prove";

const copies: RegionAssumption = {
  name: "copies of objects",
  of: "region",
  why: "a test object shows that objects, encrypted with one region's key, arrive in the other regions under their keys",
  fix: "check the object's `ReplicationStatus`; FAILED means missing permissions of the role on both keys and buckets",
  async look(deployment, stack) {
    const { PutObjectCommand }: typeof import("@aws-sdk/client-s3") = require("@aws-sdk/client-s3");
    const Key = `${CANARIES}/${stack.region.name}-${randomBytes(8).toString("hex")}`;
    const Body = randomBytes(64).toString("hex");
    const Bucket = foundationOf(deployment, stack).bucketName;
    const s3 = deployment.clouds.s3(stack.region.awsRegion);
    const began = Date.now();
    await s3.send(new PutObjectCommand({ Bucket, Key, Body }));
    try {
      const others = deployment.regions.filter(({ region }) => region.name !== stack.region.name);
      const problems = await Promise.all(others.map((other) => arrival(deployment, other, { Key, Body })));
      const seconds = Math.round((Date.now() - began) / 1000);
      return {
        summary: `copied to ${others.length} regions after ${seconds} s, unchanged and encrypted with their keys`,
        problems: problems.flat(),
      };
    } finally {
      await removed(deployment, Key);
    }
  },
};

/** Waits until the test object exists in a different region, and returns its differences. */
async function arrival(
  deployment: Deployment,
  stack: RegionStack,
  { Key, Body }: { readonly Key: string; readonly Body: string },
): Promise<string[]> {
  const { GetObjectCommand }: typeof import("@aws-sdk/client-s3") = require("@aws-sdk/client-s3");
  const { bucketName: Bucket, keyArn } = foundationOf(deployment, stack);
  const s3 = deployment.clouds.s3(stack.region.awsRegion);
  const { copyMs } = deployment.waits;
  const until = Date.now() + copyMs;
  while (Date.now() < until) {
    try {
      const found = await s3.send(new GetObjectCommand({ Bucket, Key }));
      const same = (await found.Body?.transformToString()) === Body;
      return [
        ...(same ? [] : [`the copy in ${stack.region.name} differs from the test object`]),
        ...differences(`object in ${stack.region.name}`, { key: [found.SSEKMSKeyId, keyArn] }),
      ];
    } catch (error) {
      if ((error as Error).name !== "NoSuchKey") throw error;
      await sleep(POLL_MS, undefined, { signal: deployment.signal });
    }
  }
  return [`the test object did not arrive in ${stack.region.name} within ${copyMs / 60_000} minutes`];
}

/** Deletes the test object in every region: a delete marker may replicate before the object's copy arrives. */
async function removed(deployment: Deployment, Key: string): Promise<void> {
  const { DeleteObjectCommand }: typeof import("@aws-sdk/client-s3") = require("@aws-sdk/client-s3");
  for (const stack of deployment.regions) {
    const Bucket = foundationOf(deployment, stack).bucketName;
    await deployment.clouds.s3(stack.region.awsRegion).send(new DeleteObjectCommand({ Bucket, Key }));
  }
}

const DAY_MS = 86_400_000;
/** Maximum age of the newest backup: one day, plus two hours to create it. */
const BACKUP_AGE_MS = DAY_MS + 2 * 3_600_000;

const backups: RegionAssumption = {
  name: "backups",
  of: "region",
  why: "a CronJob that has never run looks like one that is not due yet",
  fix: "run `kubectl create job --from=cronjob/backup-<region> …` and read its log (docs/operations/restore-data.md)",
  async look(deployment, stack) {
    const s3 = deployment.clouds.s3(stack.region.awsRegion);
    const keys = await keysIn(s3, foundationOf(deployment, stack).bucketName, `${BACKUP_PREFIX}/`);
    const newest = newestBackup([...keys.keys()], stack.region.name);
    if (newest === undefined)
      return onlyProblem("the region has no backup; a new region's first backup runs in the next night");
    const ageMs = Date.now() - newest;
    const found = `the newest backup is ${(ageMs / 3_600_000).toFixed(1)} hours old`;
    return { summary: found, problems: ageMs > BACKUP_AGE_MS ? [found] : [] };
  },
};

const instanceShape = z.object({
  DBInstances: z.tuple([
    z.object({
      DBInstanceStatus: z.string(),
      MultiAZ: z.boolean(),
      AvailabilityZone: z.string().optional(),
      SecondaryAvailabilityZone: z.string().optional(),
      StorageEncrypted: z.boolean(),
      KmsKeyId: z.string().optional(),
      PubliclyAccessible: z.boolean(),
      DeletionProtection: z.boolean(),
      BackupRetentionPeriod: z.number(),
      DBInstanceClass: z.string(),
      /** Changes that RDS applies in the maintenance window, by setting. */
      PendingModifiedValues: z.record(z.string(), z.unknown()).optional(),
      DBInstanceArn: z.string(),
      DBParameterGroups: z.array(z.object({ DBParameterGroupName: z.string(), ParameterApplyStatus: z.string() })),
    }),
  ]),
});
const parametersShape = z.object({
  Parameters: z.array(z.object({ ParameterName: z.string(), ParameterValue: z.string().optional() })),
});

const database: RegionAssumption = {
  name: "database",
  of: "region",
  why: "only RDS shows a setting that waits for the maintenance window, or a missing standby",
  fix: "compare with `aws rds describe-db-instances`; RDS applies pending settings in the maintenance window or at a restart",
  async look(deployment, stack) {
    const { clouds } = deployment;
    const { awsRegion } = stack.region;
    const is = await instance(deployment, stack);
    const [group] = is.DBParameterGroups;
    const DBParameterGroupName = group?.DBParameterGroupName;
    const answer = await clouds.aws(awsRegion, "rds", "describe-db-parameters", { DBParameterGroupName });
    const { Parameters } = answered(parametersShape, "the database's parameters", answer);
    const forceTls = Parameters.find(({ ParameterName }) => ParameterName === "rds.force_ssl");
    const { multiAz, pointInTimeRecoveryDays, instanceClass } = stack.own.database;
    const problems = differences("database", {
      status: [is.DBInstanceStatus, "available"],
      "standby in a different zone": [is.MultiAZ && is.AvailabilityZone !== is.SecondaryAvailabilityZone, multiAz],
      key: [is.StorageEncrypted ? is.KmsKeyId : undefined, foundationOf(deployment, stack).keyArn],
      "publicly accessible": [is.PubliclyAccessible, false],
      "deletion protection": [is.DeletionProtection, stack.own.deletionProtection],
      "backup retention in days": [is.BackupRetentionPeriod, pointInTimeRecoveryDays],
      class: [is.DBInstanceClass, instanceClass],
      "changes pending until the maintenance window": [Object.keys(is.PendingModifiedValues ?? {}).join(", "), ""],
      parameters: [group?.ParameterApplyStatus, "in-sync"],
      "TLS required": [forceTls?.ParameterValue, "1"],
    });
    return { summary: `available, in ${multiAz ? "two zones" : "one zone"}, TLS required`, problems };
  },
};

async function instance(deployment: Deployment, stack: RegionStack) {
  const DBInstanceIdentifier = outputsOf(deployment, stack).databaseIdentifier;
  const { awsRegion } = stack.region;
  const answer = await deployment.clouds.aws(awsRegion, "rds", "describe-db-instances", { DBInstanceIdentifier });
  return answered(instanceShape, "the database", answer).DBInstances[0];
}

const automatedShape = z.object({
  DBInstanceAutomatedBackups: z.array(
    z.object({
      DBInstanceArn: z.string(),
      Status: z.string(),
      KmsKeyId: z.string().optional(),
      BackupRetentionPeriod: z.number(),
      RestoreWindow: z.object({ LatestTime: z.string().optional() }).default({}),
    }),
  ),
});
/**
 * Maximum age of the newest restorable point: RDS copies snapshots and logs continuously, and an hour covers its
 * largest observed lag.
 */
export const RESTORABLE_AGE_MS = 3_600_000;

/** Returns the copy of a region's automated backups in its backup region; undefined if RDS copies nothing. */
export async function copiedBackup(deployment: Deployment, stack: RegionStack) {
  const { DBInstanceArn } = await instance(deployment, stack);
  const abroad = deployment.regions.find(({ region }) => region.name === stack.region.backupRegion);
  if (!abroad)
    throw new Error(
      `the config has no region ${stack.region.backupRegion}: correct backupRegion of ${stack.region.name} in Pulumi.yaml`,
    );
  const { awsRegion } = abroad.region;
  const answer = await deployment.clouds.aws(awsRegion, "rds", "describe-db-instance-automated-backups");
  const { DBInstanceAutomatedBackups } = answered(automatedShape, "the copied backups", answer);
  return { abroad, copy: DBInstanceAutomatedBackups.find((each) => each.DBInstanceArn === DBInstanceArn) };
}

const databaseBackups: RegionAssumption = {
  name: "backups of the database abroad",
  of: "region",
  why: "RDS must copy backups between these two regions, and the newest copy must be recent",
  fix: "run `aws rds describe-db-instance-automated-backups` in the backup region; if RDS does not support this pair of regions, choose a different backupRegion",
  async look(deployment, stack) {
    const { abroad, copy } = await copiedBackup(deployment, stack);
    const { name } = abroad.region;
    if (!copy) return onlyProblem(`${name} has no copy of the database's backups`);
    const latest = Date.parse(copy.RestoreWindow.LatestTime ?? "");
    const minutes = Math.round((Date.now() - latest) / 60_000);
    const problems = differences(`copy in ${name}`, {
      status: [copy.Status, "replicating"],
      key: [copy.KmsKeyId, foundationOf(deployment, abroad).keyArn],
      "backup retention in days": [copy.BackupRetentionPeriod, stack.own.database.pointInTimeRecoveryDays],
    });
    if (!(Date.now() - latest <= RESTORABLE_AGE_MS))
      problems.push(
        Number.isNaN(latest)
          ? `RDS cannot restore the database in ${name} yet`
          : `the newest restorable point is ${minutes} minutes old`,
      );
    return { summary: `RDS can restore the database in ${name} as of ${minutes} minutes ago`, problems };
  },
};

const describedShape = z.object({
  ReplicationStatus: z
    .array(z.object({ Region: z.string(), Status: z.string(), KmsKeyId: z.string().optional() }))
    .default([]),
});

const secrets: FleetAssumption = {
  name: "shared secrets",
  of: "fleet",
  why: "sessions and stored credentials survive a failover only if all regions have the same secrets and can decrypt them",
  fix: "run `aws secretsmanager describe-secret` to find the failed replica; replace it with `aws secretsmanager replicate-secret-to-regions --force-overwrite-replica-secret`",
  async look(deployment) {
    const looks = Object.entries(deployment.outputs.secrets).map(([name, arn]) => secret(deployment, name, arn));
    const problems = (await Promise.all(looks)).flat();
    return { summary: `${looks.length} secrets, identical in ${deployment.regions.length} regions`, problems };
  },
};

/** Compares a secret's values in all regions by hash, so that no value leaves this function. */
async function secret(deployment: Deployment, name: string, arn: string): Promise<string[]> {
  const home = arn.split(":")[3] ?? "";
  const { clouds } = deployment;
  const answer = await clouds.aws(home, "secretsmanager", "describe-secret", { SecretId: arn });
  const described = answered(describedShape, `secret ${name}`, answer);
  const problems = described.ReplicationStatus.filter(({ Status }) => Status !== "InSync").map(
    ({ Region, Status }) => `${name}: its replica in ${Region} is ${Status}`,
  );
  const hashes = new Map<string, string>();
  for (const { region } of deployment.regions) {
    const value = await secretValue(clouds, arn.replace(home, region.awsRegion));
    hashes.set(region.awsRegion, createHash("sha256").update(value).digest("hex"));
  }
  const differing = [...hashes].filter(([, hash]) => hash !== hashes.get(home)).map(([region]) => region);
  return [
    ...problems,
    ...differing.map((region) => `${name}: the value in ${region} differs from the value in ${home}`),
  ];
}

/** Assumptions about stored data and its copies. */
export const DATA: readonly (RegionAssumption | FleetAssumption)[] = [
  key,
  bucket,
  copies,
  backups,
  database,
  databaseBackups,
  secrets,
];
