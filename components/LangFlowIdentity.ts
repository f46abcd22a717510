import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { SERVICE_ACCOUNT } from "../model/langflow";
import { type LangFlowAccess, langFlowAccessPolicy, podTrustPolicy } from "../model/langflowAccess";
import { IAM_ROLE_NAME_MAX, physicalName, regionTags, typeToken } from "../model/names";

export interface LangFlowIdentityArgs extends LangFlowAccess {
  /** Our name of the region; part of the role's name. A change replaces the role. */
  region: string;
  /** The cluster whose pods get the role. A change replaces the association. */
  clusterName: pulumi.Input<string>;
  /** Namespace of the ServiceAccount. A change replaces it and the association. */
  namespace: string;
  /** Labels of the ServiceAccount. */
  labels: Record<string, string>;
}

/**
 * Who LangFlow's pods are: a ServiceAccount of the cluster, and through EKS pod identity an IAM role. The same role
 * fetches their secrets, since the Secrets Store CSI driver asks in the pod's name.
 */
export class LangFlowIdentity extends pulumi.ComponentResource {
  readonly serviceAccountName: string = SERVICE_ACCOUNT;
  readonly roleArn: pulumi.Output<string>;

  constructor(name: string, args: LangFlowIdentityArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("LangFlowIdentity"), name, args, opts);

    const { region, awsRegion, clusterName, namespace } = args;
    const roleName = physicalName(region, "langflow", IAM_ROLE_NAME_MAX);
    const role = new aws.iam.Role(
      name,
      {
        name: roleName,
        description: `LangFlow's pods in ${region}`,
        assumeRolePolicy: podTrustPolicy({ clusterName, namespace, serviceAccount: SERVICE_ACCOUNT }),
        tags: regionTags(region, roleName),
      },
      { parent: this },
    );
    const policy = new aws.iam.RolePolicy(
      name,
      { name: "langflow", role: role.name, policy: langFlowAccessPolicy(args) },
      { parent: this },
    );
    // The role token is projected by the pod identity webhook; LangFlow itself never speaks to the Kubernetes API.
    new kubernetes.core.v1.ServiceAccount(
      name,
      {
        metadata: { name: SERVICE_ACCOUNT, namespace, labels: args.labels },
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
        serviceAccount: SERVICE_ACCOUNT,
        roleArn: role.arn,
        tags: regionTags(region, roleName),
      },
      { parent: this, dependsOn: [policy] },
    );

    this.roleArn = role.arn;
    this.registerOutputs({ serviceAccountName: this.serviceAccountName, roleArn: this.roleArn });
  }
}
