import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { physicalName, regionTags, typeToken } from "../../model/names";

export interface ClientSecurityGroupArgs {
  /** Our name of the region. */
  region: string;
  /** The AWS region. A change replaces the group. */
  awsRegion: string;
  /** What is behind it, for example database; part of the group's name. A change replaces the group. */
  noun: string;
  /** The network. A change replaces the group. */
  vpcId: pulumi.Input<string>;
  /** The one group whose members may connect. */
  clientSecurityGroupId: pulumi.Input<string>;
  /** TCP port. */
  port: number;
}

/** A security group: members of one other group may connect to one port, and nothing goes out. */
export class ClientSecurityGroup extends pulumi.ComponentResource {
  readonly securityGroupId: pulumi.Output<string>;

  constructor(name: string, args: ClientSecurityGroupArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("ClientSecurityGroup"), name, args, opts);

    const { region, awsRegion, noun, port } = args;
    const groupName = physicalName(region, noun);
    const tags = regionTags(region, groupName);
    const group = new aws.ec2.SecurityGroup(
      name,
      {
        region: awsRegion,
        name: groupName,
        description: `The ${noun} of ${region}, for its cluster`,
        vpcId: args.vpcId,
        tags,
      },
      { parent: this },
    );
    new aws.vpc.SecurityGroupIngressRule(
      name,
      {
        region: awsRegion,
        securityGroupId: group.id,
        referencedSecurityGroupId: args.clientSecurityGroupId,
        description: "Nodes and pods of the cluster",
        ipProtocol: "tcp",
        fromPort: port,
        toPort: port,
        tags,
      },
      { parent: this },
    );

    this.securityGroupId = group.id;
    this.registerOutputs({ securityGroupId: this.securityGroupId });
  }
}
