import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { IAM_ROLE_NAME_MAX, physicalName, regionTags, replicationRuleId, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { replicationPolicy, replicationTrust } from "../../model/policies/flowReplication";
import type { FlowBucket } from "./FlowBucket";

/** A bucket that takes part in the replication. */
export interface FlowReplicationEnd {
  /** Our name of the region; names the rule that leads here. */
  region: string;
  /** The AWS region of bucket and key. */
  awsRegion: string;
  bucketName: pulumi.Input<string>;
  bucketArn: pulumi.Input<string>;
  /** The key of that AWS region: S3 accepts a key of another one, and then replicates nothing. */
  keyArn: pulumi.Input<string>;
}

export interface FlowReplicationArgs {
  /** The bucket whose objects are copied. */
  source: FlowReplicationEnd;
  /** The buckets they are copied to, each directly: S3 does not copy replicas on. At least one. */
  destinations: FlowReplicationEnd[];
}

/** The only threshold S3's replication time control knows (S3 API reference, ReplicationTimeValue). */
const TIME_CONTROL_MINUTES = 15;

/**
 * Copies one bucket's objects, deletions and tags to every other region. In two directions this needs
 * `replicaModifications`, or tags changed on a replica would never come back. Objects written before a region joined
 * are not copied by rules: S3 Batch Replication brings them, once.
 */
export class FlowReplication extends pulumi.ComponentResource {
  constructor(name: string, args: FlowReplicationArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("FlowReplication"), name, args, opts);

    const { source } = args;
    // By name, so that rules keep their order and priority when the order of preference changes.
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
    // The whole bucket; a filter all the same, because without one S3 takes the rule for one of its first version,
    // which knows neither delete markers nor priorities.
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
 * Makes every bucket the source of all others. Waits for both ends whole, because S3 refuses a replication one end
 * of which is not versioned.
 *
 * @param buckets one per region, two at least
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
