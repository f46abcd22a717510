import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { regionTags, typeToken } from "../../model/names";
import { CI_ROLE_PREFIX } from "../../model/policies/ci";
import { READERS_GROUP } from "../../model/readableKinds";

export interface ClusterAccessArgs {
  /** The fleet's name for the region. */
  region: string;
  /** The AWS region of the cluster. */
  awsRegion: string;
  clusterName: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /** ARN of CI's deploy role. Default: none. */
  deployRoleArn?: pulumi.Input<string>;
  /** ARNs of roles with read access, by a short name. Default: none. */
  readerRoleArns?: Record<string, pulumi.Input<string>>;
  /** ARNs of further roles that administer the cluster. */
  adminRoleArns: string[];
  /** ARN of the nodes' role. */
  nodeRoleArn: pulumi.Input<string>;
}

/**
 * All access entries of the cluster: administrators, readers (with the permissions in ClusterReaders) and nodes. The
 * creator of the cluster gets no implicit access, because nobody revokes access that is not listed.
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
    // Through a Kubernetes group, because those EKS access policies that cover everything a region creates also grant
    // access to its Secrets.
    for (const [noun, arn] of Object.entries(args.readerRoleArns ?? {}))
      this.entry(noun, arn, "STANDARD", { kubernetesGroups: [READERS_GROUP] });
    // EKS creates this entry only for its built-in node pools (EKS user guide, "Create node class access entry").
    this.entry("nodes", args.nodeRoleArn, "EC2", { policy: "AmazonEKSAutoNodePolicy" });

    this.registerOutputs({});
  }

  /** @param access the entry's permissions: an EKS access policy, or Kubernetes groups */
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

/**
 * Returns the administrators' ARNs by a name that does not depend on their order. Removes the deploy role from the
 * other administrators, because a principal can have only one entry.
 */
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
