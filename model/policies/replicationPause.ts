import type { Statement } from "./document";

/**
 * Returns the permissions with which AWS FIS pauses a bucket's outgoing replication, without other changes to the
 * replication (FIS user guide, "aws:s3:bucket-pause-replication", permissions).
 */
export function replicationPausePolicy(bucketArn: string): Statement[] {
  return [
    {
      Sid: "Pause",
      Effect: "Allow",
      Action: "s3:PauseReplication",
      Resource: bucketArn,
    },
    // Without the condition: S3's service authorization reference does not support it for this action.
    { Sid: "ReadRules", Effect: "Allow", Action: "s3:GetReplicationConfiguration", Resource: bucketArn },
    {
      Sid: "PauseRules",
      Effect: "Allow",
      Action: "s3:PutReplicationConfiguration",
      Resource: bucketArn,
      Condition: { Bool: { "s3:IsReplicationPauseRequest": "true" } },
    },
    { Sid: "FindBucket", Effect: "Allow", Action: ["s3:ListAllMyBuckets", "tag:GetResources"], Resource: "*" },
  ];
}
