import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import { BOUNDARY_NAME, boundaryPolicy } from "../../model/policies/boundary";
import { policyText } from "../../model/policies/document";

export interface RoleBoundaryArgs {
  accountId: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /** AWS regions of the fleet. A change updates the policy in place and applies to every role immediately. */
  awsRegions: string[];
  /** ARNs of the regions' KMS keys. A change updates the policy in place and applies to every role immediately. */
  keyArns: pulumi.Input<string>[];
}

/**
 * Permissions boundary of every role that the fleet creates, except the CI roles. An administrator changes it; a CI
 * deployment cannot.
 */
export class RoleBoundary extends pulumi.ComponentResource {
  readonly boundaryArn: pulumi.Output<string>;

  constructor(name: string, args: RoleBoundaryArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("RoleBoundary"), name, args, opts);

    const { awsRegions } = args;
    this.boundaryArn = new aws.iam.Policy(
      name,
      {
        name: BOUNDARY_NAME,
        description: "The most that any role of the fleet may do",
        policy: pulumi
          .all([args.accountId, args.partition, pulumi.all(args.keyArns)])
          .apply(([accountId, partition, keyArns]) =>
            policyText(boundaryPolicy({ accountId, partition, awsRegions, keyArns })),
          ),
        tags: { Name: BOUNDARY_NAME },
      },
      { parent: this },
    ).arn;
    this.registerOutputs({ boundaryArn: this.boundaryArn });
  }
}
