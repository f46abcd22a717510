import type { Statement } from "./document";

/**
 * What AWS FIS may do to pause the copies out of one bucket, and nothing else to its replication (FIS user guide,
 * "aws:s3:bucket-pause-replication", permissions).
 */
export function replicationPausePolicy(bucketArn: string): Statement[] {
  return [
    {
      Sid: "Pause",
      Effect: "Allow",
      Action: "s3:PauseReplication",
      Resource: bucketArn,
    },
    // Without the condition, which the service authorization reference of S3 does not have for it.
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
