import type { Statement } from "./document";

/** Returns an interface endpoint's policy: it allows all requests of this account's own principals. */
export function ownAccountPolicy(accountId: string): Statement[] {
  return [
    {
      Sid: "OwnPrincipals",
      Effect: "Allow",
      Principal: "*",
      Action: "*",
      Resource: "*",
      Condition: { StringEquals: { "aws:PrincipalAccount": accountId } },
    },
  ];
}

export interface S3EndpointPolicyArgs {
  readonly accountId: string;
  readonly partition: string;
  readonly awsRegion: string;
}

/**
 * Returns the S3 gateway endpoint's policy: it allows requests of this account's own principals, and downloads of
 * container image layers, which ECR signs itself and stores in one bucket per region (ECR user guide, "Amazon ECR
 * interface VPC endpoints").
 */
export function s3EndpointPolicy({ accountId, partition, awsRegion }: S3EndpointPolicyArgs): Statement[] {
  return [
    ...ownAccountPolicy(accountId),
    {
      Sid: "ImageLayers",
      Effect: "Allow",
      Principal: "*",
      Action: "s3:GetObject",
      Resource: `arn:${partition}:s3:::prod-${awsRegion}-starport-layer-bucket/*`,
    },
  ];
}

/**
 * Returns the permissions of VPC flow logs: write to their own log group (VPC user guide, "IAM role for publishing flow
 * logs").
 */
export function trafficLogPolicy(logGroupArn: string): Statement[] {
  return [
    {
      Sid: "WriteTraffic",
      Effect: "Allow",
      Action: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
      Resource: [logGroupArn, `${logGroupArn}:*`],
    },
    { Sid: "FindGroup", Effect: "Allow", Action: "logs:DescribeLogGroups", Resource: "*" },
  ];
}
