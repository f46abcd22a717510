import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { IAM_ROLE_NAME_MAX, physicalName, regionTags, typeToken } from "../../model/names";
import { managedPolicyArn } from "../../model/policies/managed";

export interface ServiceRoleArgs {
  /** Our name of the region; part of the role's name. A change replaces the role. */
  region: string;
  /** What takes the role, for example cluster; part of the role's name. A change replaces the role. */
  noun: string;
  description: string;
  /** Who may take it, as a policy. */
  trust: pulumi.Input<string>;
  /** aws, aws-cn or aws-us-gov. */
  partition: pulumi.Input<string>;
  /** AWS's managed policies, by their path and name, for example service-role/AmazonRDSEnhancedMonitoringRole. */
  managedPolicies?: string[];
  /** What it may do beside them, as a policy. */
  policy?: pulumi.Input<string>;
}

/** A role for one AWS service or one pod, with its policies. Depend on the component to have them attached. */
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
