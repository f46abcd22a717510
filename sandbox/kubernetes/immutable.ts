/** Paths whose change makes a new object whatever its kind (pulumi-kubernetes, provider/pkg/provider/diff.go). */
const ALWAYS = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

/** The same for single kinds, by group and kind. */
const BY_KIND: Readonly<Record<string, readonly string[]>> = {
  "apps Deployment": ["spec.selector"],
  "apps DaemonSet": ["spec.selector"],
  "apps StatefulSet": [
    "spec.podManagementPolicy",
    "spec.revisionHistoryLimit",
    "spec.selector",
    "spec.serviceName",
    "spec.volumeClaimTemplates",
  ],
  "batch Job": ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"],
  "core ConfigMap": ["binaryData", "data"],
  "core PersistentVolume": ["spec.csi", "spec.hostPath", "spec.local", "spec.nfs"],
  "core PersistentVolumeClaim": ["spec"],
  "core ResourceQuota": ["spec.scopes"],
  "core Secret": ["data", "stringData", "type"],
  "core Service": ["spec.clusterIP"],
  "rbac.authorization.k8s.io ClusterRoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io RoleBinding": ["roleRef"],
  "storage.k8s.io StorageClass": ["parameters", "provisioner"],
};

/** Fields the API server refuses to change and the provider does not replace for. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  "storage.k8s.io StorageClass": ["reclaimPolicy", "volumeBindingMode"],
};

/** Paths whose change makes a new object. */
export function replacedPaths(group: string, kind: string): string[] {
  return [...ALWAYS, ...(BY_KIND[`${group} ${kind}`] ?? [])];
}

/** Fields the API server refuses to change. */
export function refusedPaths(group: string, kind: string): readonly string[] {
  return REFUSED[`${group} ${kind}`] ?? [];
}
