import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { FleetConfig } from "../config/schema";
import { PROJECT } from "../model/names";

/** The account of the AWS credentials. Known in a preview. */
export interface AwsAccount {
  readonly accountId: pulumi.Output<string>;
  /** AWS partition: aws, aws-cn or aws-us-gov. */
  readonly partition: pulumi.Output<string>;
}

/**
 * Creates the only AWS provider of a stack. It is explicit, so that neither the shell's region nor its profile's tags
 * apply, and has no credentials, so that the state contains none. Its region is the default for resources without one;
 * all of ours set their region.
 *
 * @param stack name of the stack, for the tag
 * @param awsRegion for example us-east-1
 */
export function awsProvider({ owner }: FleetConfig, stack: string, awsRegion: aws.Region | string): aws.Provider {
  return new aws.Provider("aws", {
    region: awsRegion,
    defaultTags: { tags: { project: PROJECT, stack, owner, "managed-by": "pulumi" } },
  });
}

/** Looks up the account with the provider that creates the stack's resources. */
export function awsAccount(provider: aws.Provider): AwsAccount {
  const { accountId } = aws.getCallerIdentityOutput({}, { provider });
  const { partition } = aws.getPartitionOutput({}, { provider });
  return { accountId, partition };
}
