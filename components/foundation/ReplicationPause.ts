import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { physicalName, regionTags, replicationRuleId, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { replicationPausePolicy } from "../../model/policies/replicationPause";
import { serviceTrust } from "../../model/policies/trust";
import { ServiceRole } from "../shared/ServiceRole";

/** A bucket that copies come to. */
export interface ReplicationPauseDestination {
  /** Our name of the region. */
  region: string;
  awsRegion: string;
  bucketName: pulumi.Input<string>;
}

export interface ReplicationPauseArgs {
  /** Our name of the region whose bucket stops copying; part of the names. A change replaces all of it. */
  region: string;
  /** The AWS region of that bucket. */
  awsRegion: string;
  accountId: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /** That of `region`: FIS finds it by the tags that `FlowBucket` gives it. */
  bucketName: pulumi.Input<string>;
  bucketArn: pulumi.Input<string>;
  /** At least one, and no more than FIS runs at once (20 actions an experiment). */
  destinations: ReplicationPauseDestination[];
}

/** As ISO 8601 says it: as long as the longest drill of the clouds by default. FIS takes a minute to twelve hours. */
const LONGEST = "PT1H";
/**
 * An experiment of AWS FIS that pauses what S3 copies out of a bucket, for a drill: unlike a rule that is disabled, it goes on
 * afterwards with what was written meanwhile (S3 user guide, "Managing or pausing live replication"). It ends by itself after an hour.
 */
export class ReplicationPause extends pulumi.ComponentResource {
  /** Of the experiment template. */
  readonly templateId: pulumi.Output<string>;

  constructor(name: string, args: ReplicationPauseArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("ReplicationPause"), name, args, opts);

    const role = this.role(name, args);
    const template = new aws.fis.ExperimentTemplate(
      name,
      {
        region: args.awsRegion,
        description: `Pauses what S3 copies from ${args.region} to the other regions`,
        roleArn: role.arn,
        targets: [
          {
            name: "bucket",
            resourceType: "aws:s3:bucket",
            selectionMode: "ALL",
            // The action takes no ARNs.
            resourceTags: pulumi
              .output(args.bucketName)
              .apply((bucket) =>
                Object.entries(regionTags(args.region, bucket)).map(([key, value]) => ({ key, value })),
              ),
          },
        ],
        actions: args.destinations.map(({ region, awsRegion, bucketName }) => ({
          name: replicationRuleId(region),
          actionId: "aws:s3:bucket-pause-replication",
          target: { key: "Buckets", value: "bucket" },
          parameters: [
            { key: "duration", value: LONGEST },
            { key: "region", value: awsRegion },
            { key: "destinationBuckets", value: bucketName },
          ],
        })),
        // An alarm would have to stand in this region, and S3 publishes what waits in the destinations' (S3 user guide, "Using S3
        // Replication metrics").
        stopConditions: [{ source: "none" }],
        tags: regionTags(args.region, physicalName(args.region, "replication-pause")),
      },
      // The provider cannot change its tags, and would find them different for ever.
      { parent: this, dependsOn: role, replaceOnChanges: ["tagsAll"] },
    );
    this.templateId = template.id;
    this.registerOutputs({ templateId: this.templateId });
  }

  private role(name: string, { region, accountId, partition, bucketArn }: ReplicationPauseArgs): ServiceRole {
    const trust = (sourceAccount: string) => policyText(serviceTrust({ service: "fis.amazonaws.com", sourceAccount }));
    return new ServiceRole(
      name,
      {
        region,
        noun: "replication-pause",
        description: `AWS FIS pauses what S3 copies from ${region}, for a drill`,
        trust: pulumi.output(accountId).apply(trust),
        partition,
        policy: pulumi.output(bucketArn).apply((arn) => policyText(replicationPausePolicy(arn))),
      },
      { parent: this },
    );
  }
}
