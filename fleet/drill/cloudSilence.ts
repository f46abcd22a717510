import type { Cluster } from "../stacks/clusters";

/** Name of the network ACL that a drill creates, and the ACL's tag that holds the id of the original ACL. */
const NAME = "langflow-dr-drill";
const REPLACES = "replaces";
/** Subnet filters in the AWS CLI's syntax. */
export const SUBNETS = {
  /** Subnets of a region's load balancers and NAT gateways (components/network/RegionNetwork.ts). */
  public: "Name=tag:kubernetes.io/role/elb,Values=1",
  /** All subnets of an availability zone: its nodes, its database, its load balancers and NAT gateways. */
  ofZone: (zone: string) => `Name=availability-zone,Values=${zone}`,
};

interface NetworkAcl {
  readonly NetworkAclId: string;
  readonly Associations: readonly { readonly NetworkAclAssociationId: string; readonly SubnetId: string }[];
  readonly Tags?: readonly { readonly Key: string; readonly Value: string }[];
}

/**
 * Cuts off part of a region's network by replacing the ACL of its subnets with an ACL without rules, which denies all
 * traffic. Network ACLs are stateless, so they also drop the packets of open connections without a reset (AWS, "Control
 * subnet traffic with network access control lists"). If the subnets of nodes and databases keep their ACL, the region
 * keeps working but is unreachable from outside.
 *
 * @param aws runs the AWS CLI and returns its standard output
 */
export function silence({ awsRegion, clusterName }: Cluster, aws: (args: readonly string[]) => Promise<string>) {
  const ec2 = (command: string, ...args: string[]) => aws(["ec2", command, "--region", awsRegion, ...args]);
  const told = async <T>(command: string, query: string, ...args: string[]): Promise<T> =>
    JSON.parse(await ec2(command, ...args, "--query", query, "--output", "json"));
  const replace = async ({ Associations }: NetworkAcl, by: string, subnets?: readonly string[]) => {
    for (const { NetworkAclAssociationId, SubnetId } of Associations)
      if (subnets === undefined || subnets.includes(SubnetId))
        await ec2(
          "replace-network-acl-association",
          "--association-id",
          NetworkAclAssociationId,
          "--network-acl-id",
          by,
        );
  };
  const vpc = async () => {
    const asked = ["--region", awsRegion, "--name", clusterName, "--query", "cluster.resourcesVpcConfig.vpcId"];
    return (await aws(["eks", "describe-cluster", ...asked, "--output", "text"])).trim();
  };
  const acls = (...filters: string[]) =>
    told<NetworkAcl[]>("describe-network-acls", "NetworkAcls[]", "--filters", ...filters);

  return {
    /** @throws Error if the subnets do not share one ACL, which `end` needs to restore them */
    async begin(which: string): Promise<void> {
      const vpcId = await vpc();
      const inVpc = `Name=vpc-id,Values=${vpcId}`;
      const subnets = await told<string[]>("describe-subnets", "Subnets[].SubnetId", "--filters", inVpc, which);
      const theirs = (await acls(inVpc)).filter(({ Associations }) =>
        Associations.some(({ SubnetId }) => subnets.includes(SubnetId)),
      );
      const [acl] = theirs;
      if (acl === undefined || theirs.length > 1)
        throw new Error(
          `the subnets of ${clusterName} (filter: ${which}) have ${theirs.length} network ACLs instead of one`,
        );
      const tags = `{Key=Name,Value=${NAME}},{Key=${REPLACES},Value=${acl.NetworkAclId}}`;
      const specified = ["--tag-specifications", `ResourceType=network-acl,Tags=[${tags}]`];
      const made = await told<string>("create-network-acl", "NetworkAcl.NetworkAclId", "--vpc-id", vpcId, ...specified);
      await replace(acl, made, subnets);
    },

    /** Restores the original ACL. Does nothing if no drill ACL exists. */
    async end(): Promise<void> {
      for (const acl of await acls(`Name=vpc-id,Values=${await vpc()}`, `Name=tag:Name,Values=${NAME}`)) {
        const replaced = acl.Tags?.find(({ Key }) => Key === REPLACES)?.Value ?? "";
        await replace(acl, replaced);
        await ec2("delete-network-acl", "--network-acl-id", acl.NetworkAclId);
      }
    },
  };
}
