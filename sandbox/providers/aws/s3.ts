import type { Resource, Store } from "../../resources/store";
import { list, record, text } from "../../resources/values";
import type { Problem } from "../../schema/schema";
import type { Behaviour, Situation } from "../shared/behaviour";
import { CloudError } from "../shared/errors";
import { checkKeyRegion, refusal, regionOf } from "./identifiers";

const BUCKET = "aws:s3/bucket:Bucket";
const VERSIONING = "aws:s3/bucketVersioning:BucketVersioning";
const REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig";

/** Valid bucket names of 3 to 63 characters (S3 user guide, bucket naming rules). */
const NAME = /^(?!xn--|sthree-|amzn-s3-demo-)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]$/;

function bucketNamed(cloud: Store, name: unknown): Resource | undefined {
  return cloud.find(BUCKET, ({ id }) => id === name);
}

function requireBucket({ inputs, scope, cloud, type }: Situation): void {
  const bucket = bucketNamed(cloud, inputs.bucket);
  if (bucket?.properties.region === scope.region) return;
  const error = bucket
    ? `PermanentRedirect: The bucket ${bucket.id} is in ${bucket.properties.region}, not in ${scope.region}`
    : "NoSuchBucket: The specified bucket does not exist";
  throw refusal(`creating ${type} (${inputs.bucket})`, "S3", bucket ? 301 : 404, error);
}

function isVersioned(cloud: Store, bucket: unknown): boolean {
  const found = cloud.find(VERSIONING, ({ inputs }) => inputs.bucket === bucket);
  return record(found?.properties.versioningConfiguration).status === "Enabled";
}

/** Returns the behaviour of a resource that is one setting of a bucket. Its id is the bucket's name. */
function settingOf(more: Partial<Behaviour> = {}): Behaviour {
  return {
    ...more,
    replaces: ["bucket", "expectedBucketOwner", ...(more.replaces ?? [])],
    verify(situation) {
      requireBucket(situation);
      more.verify?.(situation);
    },
    id: ({ inputs }) => text(inputs.bucket) ?? "",
  };
}

/** Checks replication rules like S3 (S3 API reference, PutBucketReplication). */
function* replicationProblems({ inputs }: Situation): Iterable<Problem> {
  const priorities = new Set<unknown>();
  for (const [index, rule] of list(inputs.rules).map(record).entries()) {
    const at = (path: string) => `rules[${index}].${path}`;
    const destination = record(rule.destination);
    if (rule.filter !== undefined) {
      if (rule.deleteMarkerReplication === undefined)
        yield {
          property: at("deleteMarkerReplication"),
          reason: "DeleteMarkerReplication must be specified with a filter",
        };
      if (rule.priority === undefined)
        yield { property: at("priority"), reason: "Priority must be specified with a filter" };
    }
    if (rule.priority !== undefined && priorities.has(rule.priority))
      yield { property: at("priority"), reason: `Found duplicate priority ${rule.priority}` };
    priorities.add(rule.priority);
    const encrypted = record(record(rule.sourceSelectionCriteria).sseKmsEncryptedObjects).status === "Enabled";
    if (encrypted && record(destination.encryptionConfiguration).replicaKmsKeyId === undefined)
      yield {
        property: at("destination.encryptionConfiguration"),
        reason: "ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present",
      };
    if (record(destination.replicationTime).status === "Enabled" && record(destination.metrics).status !== "Enabled")
      yield { property: at("destination.metrics"), reason: "Metrics must be enabled with ReplicationTime" };
  }
}

/**
 * Checks what S3 verifies when replication is configured, and also the key's region: S3 does not verify the key, and
 * replication would fail silently later.
 */
function verifyReplication({ inputs, cloud }: Situation): void {
  const put = (error: string) =>
    refusal(`creating S3 Bucket Replication Configuration (${inputs.bucket})`, "S3: PutBucketReplication", 400, error);
  if (!isVersioned(cloud, inputs.bucket))
    throw put("InvalidRequest: Versioning must be 'Enabled' on the bucket to apply a replication configuration");
  for (const rule of list(inputs.rules).map(record)) {
    const destination = record(rule.destination);
    const target = bucketNamed(cloud, text(destination.bucket)?.split(":::")[1]);
    if (!target) throw put("InvalidRequest: Destination bucket must exist.");
    if (!isVersioned(cloud, target.id)) throw put("InvalidRequest: Destination bucket must have versioning enabled.");
    checkKeyRegion(
      "replicating",
      record(destination.encryptionConfiguration).replicaKmsKeyId,
      String(target.properties.region),
    );
  }
}

/** Checks forbidden changes of versioning (S3 user guide). The provider rejects the first, S3 the second. */
function verifyVersioning({ inputs, cloud, old }: Situation): void {
  const status = record(inputs.versioningConfiguration).status;
  const before = record(old?.inputs.versioningConfiguration).status;
  if (before === "Enabled" && status === "Disabled")
    throw new CloudError("versioning_configuration.status cannot be updated from 'Enabled' to 'Disabled'");
  if (status === "Suspended" && cloud.find(REPLICATION, (other) => other.inputs.bucket === inputs.bucket))
    throw refusal(
      `putting S3 Bucket Versioning (${inputs.bucket})`,
      "S3: PutBucketVersioning",
      409,
      "InvalidBucketState: A replication configuration is present on this bucket, so the versioning state cannot be changed to Suspended.",
    );
}

export const s3: Record<string, Behaviour> = {
  [BUCKET]: {
    naming: {
      property: "bucket",
      max: 63,
      pattern: NAME,
      unique: "world",
      taken: (name) =>
        refusal(
          `creating S3 Bucket (${name})`,
          "S3: CreateBucket",
          409,
          "BucketAlreadyOwnedByYou: Your previous request to create the named bucket succeeded and you already own it.",
        ).message,
    },
    replaces: ["bucketPrefix", "bucketNamespace", "objectLockEnabled"],
    defaults: { forceDestroy: false, objectLockEnabled: false },
    id: ({ inputs }) => text(inputs.bucket) ?? "",
    attributes: ({ id, scope }) => ({
      arn: `arn:${scope.partition}:s3:::${id}`,
      bucketDomainName: `${id}.s3.amazonaws.com`,
      bucketRegionalDomainName: `${id}.s3.${scope.region}.amazonaws.com`,
      bucketRegion: scope.region,
    }),
  },
  [VERSIONING]: settingOf({ verify: verifyVersioning }),
  "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": settingOf({
    verify({ inputs, cloud }) {
      if (!isVersioned(cloud, inputs.bucket))
        throw refusal(
          `creating S3 Bucket Object Lock Configuration (${inputs.bucket})`,
          "S3: PutObjectLockConfiguration",
          409,
          "InvalidBucketState: Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
        );
    },
  }),
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": settingOf({
    verify({ inputs, scope }) {
      for (const rule of list(inputs.rules).map(record)) {
        const key = record(rule.applyServerSideEncryptionByDefault).kmsMasterKeyId;
        if (regionOf(key)) checkKeyRegion("putting S3 Bucket encryption", key, scope.region);
      }
    },
  }),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": settingOf(),
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": settingOf(),
  "aws:s3/bucketPolicy:BucketPolicy": settingOf(),
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": settingOf({
    defaults: { transitionDefaultMinimumObjectSize: "all_storage_classes_128K" },
    *check({ inputs }) {
      const ids = list(inputs.rules).map((rule) => record(rule).id);
      if (new Set(ids).size < ids.length) yield { property: "rules", reason: "Rule ID must be unique" };
    },
  }),
  [REPLICATION]: settingOf({ check: replicationProblems, verify: verifyReplication }),
};
