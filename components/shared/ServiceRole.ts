import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { IAM_ROLE_NAME_MAX, physicalName, regionTags, typeToken } from "../../model/names";
import { managedPolicyArn } from "../../model/policies/managed";

export interface ServiceRoleArgs {
  /** The fleet's name for the region; part of the role's name. A change replaces the role. */
  region: string;
  /** Principal that assumes the role, for example cluster; part of the role's name. A change replaces the role. */
  noun: string;
  description: string;
  /** Trust policy: who may assume the role. */
  trust: pulumi.Input<string>;
  /** AWS partition: aws, aws-cn or aws-us-gov. */
  partition: pulumi.Input<string>;
  /** AWS managed policies to attach, by path and name, for example service-role/AmazonRDSEnhancedMonitoringRole. */
  managedPolicies?: string[];
  /** Inline policy with the role's other permissions. Default: none. */
  policy?: pulumi.Input<string>;
}

/**
 * IAM role for one AWS service or one pod, with its policies. Depend on this component to wait until all policies are
 * attached.
 */
export class ServiceRole extends pulumi.ComponentResource {
  readonly arn: pulumi.Output<string>;
  readonly roleName: pulumi.Output<string>;

  constructor(name: string, args: ServiceRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("ServiceRole"), name, args, opts);

    const roleName = physicalName(args.region, args.noun, IAM_ROLE_NAME_MAX);
    const role = new aws.iam.Role(
      name,
      {
        name: roleName,
        description: args.description,
        assumeRolePolicy: args.trust,
        tags: regionTags(args.region, roleName),
      },
      { parent: this },
    );
    for (const policy of args.managedPolicies ?? [])
      new aws.iam.RolePolicyAttachment(
        `${name}-${policy.split("/").at(-1)}`,
        {
          role: role.name,
          policyArn: pulumi.output(args.partition).apply((partition) => managedPolicyArn(partition, policy)),
        },
        { parent: this },
      );
    if (args.policy !== undefined)
      new aws.iam.RolePolicy(name, { name: args.noun, role: role.name, policy: args.policy }, { parent: this });

    this.arn = role.arn;
    this.roleName = role.name;
    this.registerOutputs({ arn: this.arn, roleName: this.roleName });
  }
}
