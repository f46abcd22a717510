import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { addonArgs } from "../../model/addons";
import { typeToken } from "../../model/names";

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
 * are EKS' to keep.
 */
export class ObservabilityAddons extends pulumi.ComponentResource {
  constructor(name: string, args: ObservabilityAddonsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("ObservabilityAddons"), name, args, opts);

    for (const addonName of ADDONS)
      new aws.eks.Addon(`${name}-${addonName}`, addonArgs(args, addonName), { parent: this });

    this.registerOutputs({});
  }
}
