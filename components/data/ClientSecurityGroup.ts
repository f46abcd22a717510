import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { physicalName, regionTags, typeToken } from "../../model/names";

export interface ClientSecurityGroupArgs {
  /** The fleet's name for the region. */
  region: string;
  /** The AWS region. A change replaces the group. */
  awsRegion: string;
  /** Resource behind the group, for example database; part of the group's name. A change replaces the group. */
  noun: string;
  /** Id of the VPC. A change replaces the group. */
  vpcId: pulumi.Input<string>;
  /** Id of the only security group whose members may connect. */
  clientSecurityGroupId: pulumi.Input<string>;
  /** TCP port that clients may connect to. */
  port: number;
}

/** Security group that admits members of one other group on one port, and allows no outbound traffic. */
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
