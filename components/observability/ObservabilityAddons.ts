import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { addonArgs } from "../../model/addons";
import { typeToken } from "../../model/names";

export interface ObservabilityAddonsArgs {
  /** The fleet's name for the region. */
  region: string;
  /** The AWS region of the cluster. A change replaces the add-ons. */
  awsRegion: string;
  /** Name of the cluster. A change replaces the add-ons. */
  clusterName: pulumi.Input<string>;
}

/** Names of the EKS community add-ons (EKS user guide, "Community add-ons"). */
const ADDONS = ["kube-state-metrics", "prometheus-node-exporter"];

/**
 * Exporters of metrics about the cluster's objects and nodes. They are EKS add-ons, so EKS maintains their images and
 * selects the versions that match the Kubernetes version.
 */
export class ObservabilityAddons extends pulumi.ComponentResource {
  constructor(name: string, args: ObservabilityAddonsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("ObservabilityAddons"), name, args, opts);

    for (const addonName of ADDONS)
      new aws.eks.Addon(`${name}-${addonName}`, addonArgs(args, addonName), { parent: this });

    this.registerOutputs({});
  }
}
