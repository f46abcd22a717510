import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { IAM_ROLE_NAME_MAX, physicalName, regionTags, typeToken } from "../../model/names";
import { policyText, type Statement } from "../../model/policies/document";
import { podTrust } from "../../model/policies/podAccess";

export interface PodIdentityArgs {
  /** The fleet's name for the region; part of the role's name. A change replaces the role. */
  region: string;
  /** The AWS region of the cluster. A change replaces the association. */
  awsRegion: string;
  /** The cluster whose pods get the role. A change replaces the association. */
  clusterName: pulumi.Input<string>;
  /** Namespace of the ServiceAccount. A change replaces the ServiceAccount and the association. */
  namespace: string;
  /** Name of the ServiceAccount; part of the role's name. A change replaces all resources of this component. */
  serviceAccount: string;
  /** Labels of the ServiceAccount. */
  labels: Record<string, string>;
  /** Whether the ServiceAccount is created elsewhere. Default: false, and this component creates it. */
  hasAccount?: boolean;
  /** Human-readable description of the role. */
  description: string;
  /** IAM policy statements that the role grants to the pods. */
  statements: pulumi.Input<Statement[]>;
}

/**
 * Identity of pods: a Kubernetes ServiceAccount and, through EKS Pod Identity, an IAM role. The role also needs read
 * access to the pods' secrets, because the Secrets Store CSI driver fetches secrets with the pod's identity.
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
    // The pod identity webhook projects the role's token. Pods that call the Kubernetes API bring their own
    // ServiceAccount.
    if (!args.hasAccount)
      new kubernetes.core.v1.ServiceAccount(
        name,
        {
          metadata: { name: serviceAccount, namespace, labels: args.labels },
          automountServiceAccountToken: false,
        },
        { parent: this },
      );
    // Created after the policy, so that the first pod can read its secrets immediately.
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
