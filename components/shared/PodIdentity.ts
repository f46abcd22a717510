import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { IAM_ROLE_NAME_MAX, physicalName, regionTags, typeToken } from "../../model/names";
import { policyText, type Statement } from "../../model/policies/document";
import { podTrust } from "../../model/policies/podAccess";

export interface PodIdentityArgs {
  /** Our name of the region; part of the role's name. A change replaces the role. */
  region: string;
  /** The AWS region of the cluster. A change replaces the association. */
  awsRegion: string;
  /** The cluster whose pods get the role. A change replaces the association. */
  clusterName: pulumi.Input<string>;
  /** Namespace of the ServiceAccount. A change replaces it and the association. */
  namespace: string;
  /** Name of the ServiceAccount, and part of the role's. A change replaces everything. */
  serviceAccount: string;
  /** Labels of the ServiceAccount. */
  labels: Record<string, string>;
  /** Whether somebody else makes the ServiceAccount. Default: it is made with the role. */
  hasAccount?: boolean;
  /** Whose role it is, for people. */
  description: string;
  /** What the pods may do. */
  statements: pulumi.Input<Statement[]>;
}

/**
 * Who pods are: a ServiceAccount of the cluster, and through EKS pod identity an IAM role. The same role fetches their
 * secrets, since the Secrets Store CSI driver asks in the pod's name.
 */
export class PodIdentity extends pulumi.ComponentResource {
  readonly serviceAccountName: string;
  readonly roleArn: pulumi.Output<string>;

  constructor(name: string, args: PodIdentityArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("PodIdentity"), name, args, opts);

    const { region, awsRegion, clusterName, namespace, serviceAccount } = args;
    this.serviceAccountName = serviceAccount;
    const roleName = physicalName(region, serviceAccount, IAM_ROLE_NAME_MAX);
    const role = new aws.iam.Role(
      name,
      {
        name: roleName,
        description: args.description,
        assumeRolePolicy: pulumi
          .output(clusterName)
          .apply((cluster) => policyText(podTrust({ clusterName: cluster, namespace, serviceAccount }))),
        tags: regionTags(region, roleName),
      },
      { parent: this },
    );
    const policy = new aws.iam.RolePolicy(
      name,
      { name: serviceAccount, role: role.name, policy: pulumi.output(args.statements).apply(policyText) },
      { parent: this },
    );
    // The role token is projected by the pod identity webhook; what speaks to the Kubernetes API has an account already.
    if (!args.hasAccount)
      new kubernetes.core.v1.ServiceAccount(
        name,
        {
          metadata: { name: serviceAccount, namespace, labels: args.labels },
          automountServiceAccountToken: false,
        },
        { parent: this },
      );
    // After the policy, so that the first pod's secrets are already readable.
    new aws.eks.PodIdentityAssociation(
      name,
      {
        region: awsRegion,
        clusterName,
        namespace,
        serviceAccount,
        roleArn: role.arn,
        tags: regionTags(region, roleName),
      },
      { parent: this, dependsOn: [policy] },
    );

    this.roleArn = role.arn;
    this.registerOutputs({ serviceAccountName: this.serviceAccountName, roleArn: this.roleArn });
  }
}
