import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { regionTags, typeToken } from "../../model/names";
import { CI_ROLE_PREFIX } from "../../model/policies/ci";
import { READERS_GROUP } from "../../model/readableKinds";

export interface ClusterAccessArgs {
  /** Our name of the region. */
  region: string;
  /** The AWS region of the cluster. */
  awsRegion: string;
  clusterName: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /** The role CI deploys with, where there is one. */
  deployRoleArn?: pulumi.Input<string>;
  /** ARNs of roles that may look, by a short name. Default: none. */
  readerRoleArns?: Record<string, pulumi.Input<string>>;
  /** ARNs of roles that administer the cluster beside it. */
  adminRoleArns: string[];
  /** The role of the nodes. */
  nodeRoleArn: pulumi.Input<string>;
}

/**
 * Everyone the cluster lets in: administrators, readers (ClusterReaders says of what), and nodes. Nobody else, not even
 * who made it: access that no list shows is access nobody takes back.
 */
export class ClusterAccess extends pulumi.ComponentResource {
  constructor(
    private readonly name: string,
    private readonly args: ClusterAccessArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(typeToken("ClusterAccess"), name, args, opts);

    for (const [noun, arn] of Object.entries(administrators(args)))
      this.entry(noun, arn, "STANDARD", { policy: "AmazonEKSClusterAdminPolicy" });
    // By a group and not by one of EKS' policies, of which those that show all that a region makes also show its Secrets.
    for (const [noun, arn] of Object.entries(args.readerRoleArns ?? {}))
      this.entry(noun, arn, "STANDARD", { kubernetesGroups: [READERS_GROUP] });
    // EKS makes this entry itself only for its built-in node pools (EKS user guide, "Create node class access entry").
    this.entry("nodes", args.nodeRoleArn, "EC2", { policy: "AmazonEKSAutoNodePolicy" });

    this.registerOutputs({});
  }

  /** @param access what it may do: by one of EKS' policies, or by what the cluster lets a group do */
  private entry(
    noun: string,
    principalArn: pulumi.Input<string>,
    type: "STANDARD" | "EC2",
    access: { policy: string } | { kubernetesGroups: string[] },
  ): void {
    const { region, awsRegion, clusterName, partition } = this.args;
    const child = `${this.name}-${noun}`;
    const where = { region: awsRegion, clusterName, principalArn };
    const groups = "policy" in access ? {} : access;
    const entry = new aws.eks.AccessEntry(
      child,
      { ...where, ...groups, type, tags: regionTags(region, child) },
      { parent: this },
    );
    if (!("policy" in access)) return;
    new aws.eks.AccessPolicyAssociation(
      child,
      {
        ...where,
        policyArn: pulumi.interpolate`arn:${partition}:eks::aws:cluster-access-policy/${access.policy}`,
        accessScope: { type: "cluster" },
      },
      { parent: this, dependsOn: [entry] },
    );
  }
}

/** ARN by a name that stays the same in whatever order they are listed. A principal can have but one entry. */
function administrators({ deployRoleArn, adminRoleArns }: ClusterAccessArgs): Record<string, pulumi.Input<string>> {
  const others = new Set(adminRoleArns);
  if (deployRoleArn === undefined) return named(others);
  for (const arn of others)
    if (arn.endsWith(`:role/${CI_ROLE_PREFIX}deploy`) || arn === deployRoleArn) others.delete(arn);
  return { deploy: deployRoleArn, ...named(others) };
}

function named(arns: Set<string>): Record<string, string> {
  return Object.fromEntries([...arns].map((arn) => [arn.split("::")[1]?.replaceAll(/[:/]/g, "-") ?? arn, arn]));
}
