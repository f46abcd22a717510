import type { RegionStackConfig } from "./schema";

/** Predefined size of a region: config that `init` writes and operators may change. No other code depends on it. */
export interface Size {
  /**
   * Description of the failures that this size tolerates without manual intervention, and of those that it does not.
   */
  readonly survives: string;
  readonly config: Pick<RegionStackConfig, "replicas" | "resources" | "network"> & {
    readonly database: Pick<
      RegionStackConfig["database"],
      "instanceClass" | "multiAz" | "storageGib" | "maxStorageGib"
    >;
  };
}

export const SIZE_NAMES = ["small", "standard", "large"] as const;
export type SizeName = (typeof SIZE_NAMES)[number];

/** Predefined sizes; `standard` equals the config's defaults. */
export const SIZES: Readonly<Record<SizeName, Size>> = {
  small: {
    survives:
      "a pod or a region; if a node, a zone or the database instance fails, the region is down and the other one serves",
    config: {
      replicas: { min: 2, max: 4, spread: "none" },
      // LangFlow's minimum for the editor, which is half of its minimum for production.
      resources: { requests: { cpu: "500m", memory: "1Gi" }, limits: { cpu: "1", memory: "2Gi" } },
      database: { instanceClass: "db.t4g.medium", multiAz: false, storageGib: 20, maxStorageGib: 100 },
      network: { nat: "single", interfaceEndpoints: false },
    },
  },
  standard: {
    survives: "a pod, a node, a zone, the database instance (a minute) or a region",
    config: {
      replicas: { min: 2, max: 10, spread: "zones" },
      resources: { requests: { cpu: "1", memory: "2Gi" }, limits: { cpu: "2", memory: "3Gi" } },
      database: { instanceClass: "db.m7g.large", multiAz: true, storageGib: 100, maxStorageGib: 500 },
      network: { nat: "per-zone", interfaceEndpoints: true },
    },
  },
  large: {
    survives:
      "the same failures as standard; if the other region fails, three pods serve immediately and up to 20 later",
    config: {
      replicas: { min: 3, max: 20, spread: "zones" },
      resources: { requests: { cpu: "1", memory: "2Gi" }, limits: { cpu: "2", memory: "3Gi" } },
      database: { instanceClass: "db.m7g.xlarge", multiAz: true, storageGib: 200, maxStorageGib: 1000 },
      network: { nat: "per-zone", interfaceEndpoints: true },
    },
  },
};
