import type { Cluster } from "../stacks/clusters";

/** Name of the network ACL of a drill, and of its tag with the ACL in whose place it stands. */
const NAME = "langflow-dr-drill";
const REPLACES = "replaces";
/** Filters of subnets, as the AWS CLI takes them. */
export const SUBNETS = {
  /** Those that a region's load balancers and NAT gateways are in (components/network/RegionNetwork.ts). */
  public: "Name=tag:kubernetes.io/role/elb,Values=1",
  /** All of a zone: its nodes, its database and its ways in and out. */
  ofZone: (zone: string) => `Name=availability-zone,Values=${zone}`,
};

interface NetworkAcl {
  readonly NetworkAclId: string;
  readonly Associations: readonly { readonly NetworkAclAssociationId: string; readonly SubnetId: string }[];
  readonly Tags?: readonly { readonly Key: string; readonly Value: string }[];
}

/**
 * Silence of a part of a region: a network ACL without a rule in place of that of its subnets. It denies everything, is asked
 * for each packet, and so also ends what is under way, without a word (AWS, "Control subnet traffic with network access
 * control lists"). Where those of nodes and databases are left alone, the region works on, and nobody hears of it.
 *
 * @param aws runs the AWS CLI and gives what it says
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
    /** @throws Error where the subnets have no ACL in common, to which they could all be put back */
    async begin(which: string): Promise<void> {
      const vpcId = await vpc();
      const inVpc = `Name=vpc-id,Values=${vpcId}`;
      const subnets = await told<string[]>("describe-subnets", "Subnets[].SubnetId", "--filters", inVpc, which);
      const theirs = (await acls(inVpc)).filter(({ Associations }) =>
        Associations.some(({ SubnetId }) => subnets.includes(SubnetId)),
      );
      const [acl] = theirs;
      if (acl === undefined || theirs.length > 1)
        throw new Error(`the subnets of ${clusterName} by ${which} have ${theirs.length} network ACLs, not one`);
      const tags = `{Key=Name,Value=${NAME}},{Key=${REPLACES},Value=${acl.NetworkAclId}}`;
      const specified = ["--tag-specifications", `ResourceType=network-acl,Tags=[${tags}]`];
      const made = await told<string>("create-network-acl", "NetworkAcl.NetworkAclId", "--vpc-id", vpcId, ...specified);
      await replace(acl, made, subnets);
    },

    /** Nothing to do where there is no such ACL. */
    async end(): Promise<void> {
      for (const acl of await acls(`Name=vpc-id,Values=${await vpc()}`, `Name=tag:Name,Values=${NAME}`)) {
        const replaced = acl.Tags?.find(({ Key }) => Key === REPLACES)?.Value ?? "";
        await replace(acl, replaced);
        await ec2("delete-network-acl", "--network-acl-id", acl.NetworkAclId);
      }
    },
  };
}
