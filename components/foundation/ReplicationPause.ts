import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { physicalName, regionTags, replicationRuleId, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { replicationPausePolicy } from "../../model/policies/replicationPause";
import { serviceTrust } from "../../model/policies/trust";
import { ServiceRole } from "../shared/ServiceRole";

/** Destination bucket of the replication. */
export interface ReplicationPauseDestination {
  /** The fleet's name for the region. */
  region: string;
  awsRegion: string;
  bucketName: pulumi.Input<string>;
}

export interface ReplicationPauseArgs {
  /**
   * The fleet's name for the region whose outgoing replication is paused; part of the names. A change replaces all
   * resources.
   */
  region: string;
  /** The AWS region of the source bucket. */
  awsRegion: string;
  accountId: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /** Name of the source bucket. FIS finds it by the tags that `FlowBucket` sets. */
  bucketName: pulumi.Input<string>;
  bucketArn: pulumi.Input<string>;
  /** Destinations of the paused replication: at least one, and at most 20, the limit of actions per FIS experiment. */
  destinations: ReplicationPauseDestination[];
}

/**
 * Duration of the pause in ISO 8601: the default maximum of a drill in the cloud. FIS accepts one minute to twelve
 * hours.
 */
const LONGEST = "PT1H";
/**
 * AWS FIS experiment that pauses a bucket's outgoing S3 replication for a drill. In contrast to a disabled rule, S3
 * replicates the objects that were written during the pause afterwards (S3 user guide, "Managing or pausing live
 * replication"). The experiment ends automatically after an hour.
 */
export class ReplicationPause extends pulumi.ComponentResource {
  /** Id of the experiment template. */
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
            // The FIS action selects buckets by tags only, not by ARN.
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
        // No stop condition: the alarm would have to be in this region, but S3 publishes the replication metrics in the
        // destination regions (S3 user guide, "Using S3 Replication metrics").
        stopConditions: [{ source: "none" }],
        tags: regionTags(args.region, physicalName(args.region, "replication-pause")),
      },
      // The provider cannot update the template's tags, so every preview would show a difference.
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
