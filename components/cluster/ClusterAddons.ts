import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { addonArgs } from "../../model/addons";
import { regionTags, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { podTrust } from "../../model/policies/podAccess";
import { ServiceRole } from "../shared/ServiceRole";

export interface ClusterAddonsArgs {
  /** The fleet's name for the region. */
  region: string;
  /** The AWS region of the cluster. A change replaces the add-ons. */
  awsRegion: string;
  /** Name of the cluster. A change replaces the add-ons. */
  clusterName: string;
  partition: pulumi.Input<string>;
}

/** ServiceAccount of the EFS driver's pods, which mount file systems on each node, in kube-system. */
const FILE_SYSTEM_CLIENT = "efs-csi-node-sa";

/** Interval at which the driver refreshes mounted secrets. A pod's environment changes only at its next start. */
const SECRETS_POLL_INTERVAL = "15m";

/**
 * Add-ons that LangFlow needs in addition to Auto Mode, which already provides networking, DNS, disks and pod identity.
 * The constructor creates the add-ons that need no node; `onNodes` creates the rest.
 *
 * No versions are set: EKS selects its default for the cluster's Kubernetes version when it creates an add-on, and
 * keeps that version. Pinned versions would have to be looked up for each Kubernetes version. Versions queried at each
 * preview would change with every AWS release, in all regions at once.
 */
export class ClusterAddons extends pulumi.ComponentResource {
  /** ARN of the role with which nodes mount file systems. */
  readonly fileSystemClientRoleArn: pulumi.Output<string>;
  /**
   * Add-on that mounts secrets. It consists of a DaemonSet only, so EKS reports it as active even before the first node
   * exists.
   */
  readonly secretsStore: aws.eks.Addon;
  private readonly fileSystemClient: aws.eks.PodIdentityAssociation;

  constructor(
    private readonly name: string,
    private readonly args: ClusterAddonsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(typeToken("ClusterAddons"), name, args, opts);

    this.fileSystemClient = this.fileSystemIdentity();
    this.fileSystemClientRoleArn = this.fileSystemClient.roleArn;
    this.secretsStore = this.makeSecretsStore();

    this.registerOutputs({ fileSystemClientRoleArn: this.fileSystemClientRoleArn });
  }

  /**
   * Creates the add-ons that EKS reports as active only when their pods run: metrics for the autoscaler, and the EFS
   * driver.
   */
  onNodes(nodes: pulumi.Resource): void {
    this.addon("metrics-server", {}, [nodes]);
    this.addon("aws-efs-csi-driver", {}, [nodes, this.fileSystemClient]);
  }

  private makeSecretsStore(): aws.eks.Addon {
    return this.addon("aws-secrets-store-csi-driver-provider", {
      configurationValues: JSON.stringify({
        "secrets-store-csi-driver": {
          // Containers read their environment from Kubernetes Secrets, which the driver syncs.
          syncSecret: { enabled: true },
          enableSecretRotation: true,
          rotationPollInterval: SECRETS_POLL_INTERVAL,
          // Audiences of the tokens with which the AWS provider authenticates; the second is for pod identity.
          tokenRequests: [{ audience: "sts.amazonaws.com" }, { audience: "pods.eks.amazonaws.com" }],
        },
      }),
    });
  }

  /**
   * Creates the EFS driver's identity before the driver's pods start, because pods get credentials only at admission.
   * The role has no policy of its own: each file system's policy defines its permissions. The driver's controller gets
   * no role, because no volumes are provisioned dynamically.
   */
  private fileSystemIdentity(): aws.eks.PodIdentityAssociation {
    const { region, awsRegion, clusterName, partition } = this.args;
    const namespace = "kube-system";
    const role = new ServiceRole(
      `${this.name}-file-systems`,
      {
        region,
        noun: "file-systems",
        description: `Mounts file systems on the nodes of ${region}`,
        trust: policyText(podTrust({ clusterName, namespace, serviceAccount: FILE_SYSTEM_CLIENT })),
        partition,
      },
      { parent: this },
    );
    // The add-on's own role argument applies only to the controller.
    return new aws.eks.PodIdentityAssociation(
      `${this.name}-file-systems`,
      {
        region: awsRegion,
        clusterName,
        namespace,
        serviceAccount: FILE_SYSTEM_CLIENT,
        roleArn: role.arn,
        tags: regionTags(region, FILE_SYSTEM_CLIENT),
      },
      { parent: this },
    );
  }

  private addon(
    addonName: string,
    settings: Pick<aws.eks.AddonArgs, "configurationValues">,
    dependsOn: pulumi.Resource[] = [],
  ): aws.eks.Addon {
    return new aws.eks.Addon(
      `${this.name}-${addonName}`,
      { ...addonArgs(this.args, addonName), ...settings },
      { parent: this, dependsOn },
    );
  }
}
