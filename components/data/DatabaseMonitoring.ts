import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { regionTags, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { MANAGED_POLICIES } from "../../model/policies/managed";
import { serviceTrust } from "../../model/policies/trust";
import { ServiceRole } from "../shared/ServiceRole";

export interface DatabaseMonitoringArgs {
  /** The fleet's name for the region. */
  region: string;
  /** The AWS region. A change replaces the log groups. */
  awsRegion: string;
  /** Identifier of the database; part of the log groups' names. A change replaces the log groups. */
  identifier: string;
  /** ARN of the KMS key that encrypts the log groups, in the same AWS region. */
  keyArn: pulumi.Input<string>;
  accountId: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /** Retention of the logs, in days. */
  retentionDays: number;
}

/** Logs that RDS for PostgreSQL sends to CloudWatch. */
export const DATABASE_LOGS = ["postgresql", "upgrade"] as const;

/**
 * Log groups and monitoring role of a database. The log groups are created before the database, because RDS would
 * otherwise create them without a key and without a retention limit. They are kept after the database is deleted,
 * because RDS delivers logs late; their events expire at the end of the retention.
 */
export class DatabaseMonitoring extends pulumi.ComponentResource {
  /** ARN of the role with which RDS publishes operating system metrics. */
  readonly roleArn: pulumi.Output<string>;

  constructor(name: string, args: DatabaseMonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("DatabaseMonitoring"), name, args, opts);

    const { region, awsRegion, keyArn: kmsKeyId, retentionDays: retentionInDays } = args;
    for (const log of DATABASE_LOGS) {
      const groupName = `/aws/rds/instance/${args.identifier}/${log}`;
      new aws.cloudwatch.LogGroup(
        `${name}-${log}`,
        { region: awsRegion, name: groupName, kmsKeyId, retentionInDays, tags: regionTags(region, groupName) },
        { parent: this, retainOnDelete: true },
      );
    }
    const role = new ServiceRole(
      `${name}-monitoring`,
      {
        region,
        noun: "database-monitoring",
        description: `Records the operating system metrics of the database of ${region}`,
        trust: pulumi
          .output(args.accountId)
          .apply((sourceAccount) =>
            policyText(serviceTrust({ service: "monitoring.rds.amazonaws.com", sourceAccount })),
          ),
        partition: args.partition,
        managedPolicies: [...MANAGED_POLICIES.databaseMonitoring],
      },
      { parent: this },
    );

    this.roleArn = role.arn;
    this.registerOutputs({ roleArn: this.roleArn });
  }
}
