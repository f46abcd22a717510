import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { regionTags, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { MANAGED_POLICIES } from "../../model/policies/managed";
import { serviceTrust } from "../../model/policies/trust";
import { ServiceRole } from "../shared/ServiceRole";

export interface DatabaseMonitoringArgs {
  /** Our name of the region. */
  region: string;
  /** The AWS region. A change replaces the log groups. */
  awsRegion: string;
  /** The database's identifier; part of the log groups' names. A change replaces them. */
  identifier: string;
  /** Key of the log groups, in the same AWS region. */
  keyArn: pulumi.Input<string>;
  accountId: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /** Days the logs are kept. */
  retentionDays: number;
}

/** Logs that RDS for PostgreSQL sends to CloudWatch. */
export const DATABASE_LOGS = ["postgresql", "upgrade"] as const;

/**
 * What a database needs to be watched. The log groups are made before the database, which would make them itself, without
 * key and without end, and are kept after it: RDS delivers late, and their events go when their days are over.
 */
export class DatabaseMonitoring extends pulumi.ComponentResource {
  /** The role RDS reports the operating system's metrics with. */
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
