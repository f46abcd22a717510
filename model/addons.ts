import type * as pulumi from "@pulumi/pulumi";
import { regionTags } from "./names";

/** The cluster of a region. */
export interface AddonPlace {
  /** The fleet's name for the region. */
  readonly region: string;
  readonly awsRegion: string;
  readonly clusterName: pulumi.Input<string>;
}

/**
 * Returns the arguments of an EKS add-on. Only the fleet manages the add-on, so its values overwrite other changes to
 * the fields. `ClusterAddons` explains why no version is set.
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
