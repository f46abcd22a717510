import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { FleetConfig } from "../config/schema";
import { PROJECT } from "../model/names";

/** The account the credentials belong to. Known in a preview. */
export interface AwsAccount {
  readonly accountId: pulumi.Output<string>;
  /** aws, aws-cn or aws-us-gov. */
  readonly partition: pulumi.Output<string>;
}

/**
 * The one AWS provider of a stack. Explicit, so that neither the shell's region nor its profile's tags slip in, and
 * without credentials, so that none is in the state. Its region is where a resource goes that says nothing; ours all
 * say.
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

/** Looks up the account, with the provider that will build in it. */
export function awsAccount(provider: aws.Provider): AwsAccount {
  const { accountId } = aws.getCallerIdentityOutput({}, { provider });
  const { partition } = aws.getPartitionOutput({}, { provider });
  return { accountId, partition };
}
