import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { regionTags, typeToken } from "../../model/names";

export interface ObservabilityAddonsArgs {
  /** Our name of the region. */
  region: string;
  /** The AWS region of the cluster. A change replaces the add-ons. */
  awsRegion: string;
  /** A change replaces the add-ons. */
  clusterName: pulumi.Input<string>;
}

/** EKS community add-ons, by the names EKS has for them (EKS user guide, "Community add-ons"). */
const ADDONS = ["kube-state-metrics", "prometheus-node-exporter"];

/**
 * What tells of the cluster's objects and nodes. As EKS add-ons: their images, and what of them fits a Kubernetes version,
 * are EKS' to keep. No versions, for the reasons of `ClusterAddons`.
 */
export class ObservabilityAddons extends pulumi.ComponentResource {
  constructor(name: string, args: ObservabilityAddonsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("ObservabilityAddons"), name, args, opts);

    const { region, awsRegion, clusterName } = args;
    for (const addonName of ADDONS)
      new aws.eks.Addon(
        `${name}-${addonName}`,
        {
          region: awsRegion,
          clusterName,
          addonName,
          resolveConflictsOnCreate: "OVERWRITE",
          resolveConflictsOnUpdate: "OVERWRITE",
          tags: regionTags(region, addonName),
        },
        { parent: this },
      );

    this.registerOutputs({});
  }
}
