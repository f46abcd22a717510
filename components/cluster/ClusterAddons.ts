import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { addonArgs } from "../../model/addons";
import { regionTags, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { podTrust } from "../../model/policies/podAccess";
import { ServiceRole } from "../shared/ServiceRole";

export interface ClusterAddonsArgs {
  /** Our name of the region. */
  region: string;
  /** The AWS region of the cluster. A change replaces the add-ons. */
  awsRegion: string;
  /** A change replaces the add-ons. */
  clusterName: string;
  partition: pulumi.Input<string>;
}

/** What mounts file systems: the driver's pod on each node, in kube-system. */
const FILE_SYSTEM_CLIENT = "efs-csi-node-sa";

/** How often mounted secrets are read again; a pod sees a new value when it next starts. */
const SECRETS_POLL_INTERVAL = "15m";

/**
 * What LangFlow needs of its cluster beyond Auto Mode, which brings network, DNS, disks and pod identity itself: at once
 * what wants no node, and by `onNodes` what does.
 *
 * No versions: EKS takes its default for the cluster's Kubernetes version when an add-on is made, and leaves it there.
 * Written down they would have to be found anew for each Kubernetes version; asked for at each preview they would
 * change whenever AWS releases one, in all regions at once.
 */
export class ClusterAddons extends pulumi.ComponentResource {
  /** The role file systems are mounted with. */
  readonly fileSystemClientRoleArn: pulumi.Output<string>;
  /** Mounts secrets. Pods on each node and none elsewhere, so EKS counts it as there before there is a node. */
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

  /** The add-ons that are only made once their pods run: metrics for the autoscaler, and file systems. */
  onNodes(nodes: pulumi.Resource): void {
    this.addon("metrics-server", {}, [nodes]);
    this.addon("aws-efs-csi-driver", {}, [nodes, this.fileSystemClient]);
  }

  private makeSecretsStore(): aws.eks.Addon {
    return this.addon("aws-secrets-store-csi-driver-provider", {
      configurationValues: JSON.stringify({
        "secrets-store-csi-driver": {
          // Containers take their environment from Kubernetes Secrets, which the driver keeps.
          syncSecret: { enabled: true },
          enableSecretRotation: true,
          rotationPollInterval: SECRETS_POLL_INTERVAL,
          // In whose name the provider asks: the second is pod identity's.
          tokenRequests: [{ audience: "sts.amazonaws.com" }, { audience: "pods.eks.amazonaws.com" }],
        },
      }),
    });
  }

  /**
   * Who mounts file systems, long before the driver's pods start: they learn it then and never again. It has no policy
   * of its own: each file system says what this role may do. The driver's controller gets none, since no volume is made
   * on demand.
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
    // The add-on's own argument reaches the controller only.
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
