import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { IAM_ROLE_NAME_MAX, physicalName, regionTags, replicationRuleId, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { replicationPolicy, replicationTrust } from "../../model/policies/flowReplication";
import type { FlowBucket } from "./FlowBucket";

/** A bucket that takes part in the replication. */
export interface FlowReplicationEnd {
  /** The fleet's name for the region; part of the id of the rule that replicates to this bucket. */
  region: string;
  /** The AWS region of the bucket and the key. */
  awsRegion: string;
  bucketName: pulumi.Input<string>;
  bucketArn: pulumi.Input<string>;
  /**
   * ARN of the KMS key in the bucket's AWS region. S3 accepts a key of a different AWS region, but then replicates
   * nothing.
   */
  keyArn: pulumi.Input<string>;
}

export interface FlowReplicationArgs {
  /** Bucket whose objects are copied. */
  source: FlowReplicationEnd;
  /**
   * Buckets that receive the copies; at least one. Each is a direct destination, because S3 does not replicate
   * replicas.
   */
  destinations: FlowReplicationEnd[];
}

/**
 * The only threshold that S3 replication time control supports, in minutes (S3 API reference, ReplicationTimeValue).
 */
const TIME_CONTROL_MINUTES = 15;

/**
 * Replicates one bucket's objects, deletions and tags to every other region. Bidirectional replication needs
 * `replicaModifications`: without it, S3 would not replicate changed tags of a replica back. The rules do not copy
 * objects that were written before a region joined; that needs a one-time S3 Batch Replication.
 */
export class FlowReplication extends pulumi.ComponentResource {
  constructor(name: string, args: FlowReplicationArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("FlowReplication"), name, args, opts);

    const { source } = args;
    // Sorted by name, so that rules keep their order and priority when the regions' order of preference changes.
    const destinations = [...args.destinations].sort((one, other) => (one.region < other.region ? -1 : 1));
    const roleName = physicalName(source.region, "flow-replication", IAM_ROLE_NAME_MAX);
    const role = new aws.iam.Role(
      name,
      {
        name: roleName,
        description: `S3 copies the flow bucket of ${source.region} to the other regions`,
        assumeRolePolicy: policyText(replicationTrust()),
        tags: regionTags(source.region, roleName),
      },
      { parent: this },
    );
    const policy = new aws.iam.RolePolicy(
      name,
      {
        name: "replicate",
        role: role.name,
        policy: pulumi
          .all([pulumi.output(source), pulumi.output(destinations)])
          .apply(([from, to]) => policyText(replicationPolicy(from, to))),
      },
      { parent: this },
    );
    new aws.s3.BucketReplicationConfig(
      name,
      { region: source.awsRegion, bucket: source.bucketName, role: role.arn, rules: destinations.map(rule) },
      { parent: this, dependsOn: pulumi.output(opts?.dependsOn ?? []).apply((ends) => [policy, ...[ends].flat()]) },
    );

    this.registerOutputs({});
  }
}

function rule(destination: FlowReplicationEnd, index: number): aws.types.input.s3.BucketReplicationConfigRule {
  const time = { minutes: TIME_CONTROL_MINUTES };
  return {
    id: replicationRuleId(destination.region),
    status: "Enabled",
    priority: index,
    // The rule covers the whole bucket but still needs a filter: without one, S3 treats it as a V1 rule, which supports
    // neither delete markers nor priorities.
    filter: { prefix: "" },
    deleteMarkerReplication: { status: "Enabled" },
    sourceSelectionCriteria: {
      sseKmsEncryptedObjects: { status: "Enabled" },
      replicaModifications: { status: "Enabled" },
    },
    destination: {
      bucket: destination.bucketArn,
      encryptionConfiguration: { replicaKmsKeyId: destination.keyArn },
      metrics: { status: "Enabled", eventThreshold: time },
      replicationTime: { status: "Enabled", time },
    },
  };
}

/**
 * Replicates every bucket to all other buckets. Each replication waits for all resources of both buckets, because S3
 * rejects a replication if versioning is off on either side.
 *
 * @param buckets one per region, at least two
 */
export function replicateFlowBuckets(
  buckets: readonly FlowBucket[],
  opts?: pulumi.ComponentResourceOptions,
): FlowReplication[] {
  const end = ({ region, awsRegion, bucketName, bucketArn, keyArn }: FlowBucket): FlowReplicationEnd => ({
    region,
    awsRegion,
    bucketName,
    bucketArn,
    keyArn,
  });
  return buckets.map((source) => {
    const destinations = buckets.filter((bucket) => bucket !== source);
    return new FlowReplication(
      source.region,
      { source: end(source), destinations: destinations.map(end) },
      { ...opts, dependsOn: [...buckets] },
    );
  });
}
