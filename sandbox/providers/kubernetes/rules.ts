/** Rules of the API server and the provider for one kind, in addition to those for all kinds. */
interface KindRules {
  /** Paths whose change replaces the object (pulumi-kubernetes, provider/pkg/provider/diff.go). */
  readonly replaces?: readonly string[];
  /** Immutable fields whose change the provider does not turn into a replacement (API reference of the kind). */
  readonly refuses?: readonly string[];
  /**
   * Condition that the creation waits for, with its timeout in seconds unless the program sets one (pulumi-kubernetes,
   * provider/pkg/await).
   */
  readonly waits?: { readonly for: "credentials" } | { readonly for: "endpoints"; readonly seconds: number };
}

/** Paths whose change replaces an object of any kind. */
const ALWAYS = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

const BY_KIND: Readonly<Record<string, KindRules>> = {
  // deployment.go: waits for the pods, which start at once here unless they were admitted without credentials
  "apps Deployment": { replaces: ["spec.selector"], waits: { for: "credentials" } },
  "apps DaemonSet": { replaces: ["spec.selector"] },
  "apps StatefulSet": {
    replaces: [
      "spec.podManagementPolicy",
      "spec.revisionHistoryLimit",
      "spec.selector",
      "spec.serviceName",
      "spec.volumeClaimTemplates",
    ],
  },
  "batch Job": { replaces: ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"] },
  "core ConfigMap": { replaces: ["binaryData", "data"] },
  "core PersistentVolume": { replaces: ["spec.csi", "spec.hostPath", "spec.local", "spec.nfs"] },
  "core PersistentVolumeClaim": { replaces: ["spec"] },
  "core ResourceQuota": { replaces: ["spec.scopes"] },
  "core Secret": { replaces: ["data", "stringData", "type"] },
  // service.go: DefaultServiceTimeoutMins; not for a headless Service or an ExternalName
  "core Service": { replaces: ["spec.clusterIP"], waits: { for: "endpoints", seconds: 600 } },
  "rbac.authorization.k8s.io ClusterRoleBinding": { replaces: ["roleRef"] },
  "rbac.authorization.k8s.io RoleBinding": { replaces: ["roleRef"] },
  "storage.k8s.io StorageClass": {
    replaces: ["parameters", "provisioner"],
    refuses: ["reclaimPolicy", "volumeBindingMode"],
  },
};

/** Returns the rules of a kind. `replaces` includes the paths for all kinds. */
export function rulesOf(group: string, kind: string): KindRules & Required<Pick<KindRules, "replaces" | "refuses">> {
  const { replaces = [], refuses = [], waits } = BY_KIND[`${group} ${kind}`] ?? {};
  return { replaces: [...ALWAYS, ...replaces], refuses, waits };
}
