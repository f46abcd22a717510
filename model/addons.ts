import type * as pulumi from "@pulumi/pulumi";
import { regionTags } from "./names";

/** A region's cluster. */
export interface AddonPlace {
  /** Our name of the region. */
  readonly region: string;
  readonly awsRegion: string;
  readonly clusterName: pulumi.Input<string>;
}

/**
 * Arguments of an EKS add-on by its name. It is ours alone, so whatever else wrote into its fields gives way. No version:
 * `ClusterAddons` says why.
 */
export function addonArgs({ region, awsRegion, clusterName }: AddonPlace, addonName: string) {
  return {
    region: awsRegion,
    clusterName,
    addonName,
    resolveConflictsOnCreate: "OVERWRITE",
    resolveConflictsOnUpdate: "OVERWRITE",
    tags: regionTags(region, addonName),
  };
}
