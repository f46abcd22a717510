import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { PROJECT, regionTags, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { trafficLogPolicy } from "../../model/policies/network";
import { serviceTrust } from "../../model/policies/trust";
import { ServiceRole } from "../shared/ServiceRole";

export interface TrafficLogArgs {
  /** The fleet's name for the region. A change replaces the log. */
  region: string;
  /** The AWS region. A change replaces the log. */
  awsRegion: string;
  /** Id of the VPC whose traffic is recorded. A change replaces the log. */
  vpcId: pulumi.Input<string>;
  /** ARN of the KMS key that encrypts the log group, in the same AWS region. */
  keyArn: pulumi.Input<string>;
  accountId: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /** Retention of log records, in days. */
  retentionDays: number;
}

/** VPC flow logs at one-minute intervals, in an encrypted log group. */
export class TrafficLog extends pulumi.ComponentResource {
  constructor(name: string, args: TrafficLogArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("TrafficLog"), name, args, opts);

    const { region, awsRegion, partition } = args;
    const groupName = `/${PROJECT}/${region}/traffic`;
    const group = new aws.cloudwatch.LogGroup(
      name,
      {
        region: awsRegion,
        name: groupName,
        kmsKeyId: args.keyArn,
        retentionInDays: args.retentionDays,
        tags: regionTags(region, groupName),
      },
      // After the network is deleted, its log is the only evidence of who used it. The records expire at the end of
      // their retention.
      { parent: this, retainOnDelete: true },
    );
    const role = new ServiceRole(
      name,
      {
        region,
        noun: "traffic-log",
        description: `Writes the network traffic of ${region} to its log`,
        trust: pulumi
          .output(args.accountId)
          .apply((sourceAccount) =>
            policyText(serviceTrust({ service: "vpc-flow-logs.amazonaws.com", sourceAccount })),
          ),
        partition,
        policy: group.arn.apply((arn) => policyText(trafficLogPolicy(arn))),
      },
      { parent: this },
    );
    new aws.ec2.FlowLog(
      name,
      {
        region: awsRegion,
        vpcId: args.vpcId,
        trafficType: "ALL",
        maxAggregationInterval: 60,
        logDestinationType: "cloud-watch-logs",
        logDestination: group.arn,
        iamRoleArn: role.arn,
        tags: regionTags(region, groupName),
      },
      { parent: this, dependsOn: [role] },
    );

    this.registerOutputs({});
  }
}
