/** What the API server and the provider do with objects of one kind, beside what they do with all. */
interface KindRules {
  /** Paths whose change makes a new object (pulumi-kubernetes, provider/pkg/provider/diff.go). */
  readonly replaces?: readonly string[];
  /** Fields the API server refuses to change and the provider does not replace for (API reference of the kind). */
  readonly refuses?: readonly string[];
  /** What its making waits for; for endpoints so many seconds, unless the program says (pulumi-kubernetes, provider/pkg/await). */
  readonly waits?: { readonly for: "credentials" } | { readonly for: "endpoints"; readonly seconds: number };
}

/** The same for every kind. */
const ALWAYS = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

const BY_KIND: Readonly<Record<string, KindRules>> = {
  // deployment.go: for its pods, which here start at once unless they were admitted without credentials
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
  // service.go: DefaultServiceTimeoutMins; not for a headless Service, nor for one that is but a name
  "core Service": { replaces: ["spec.clusterIP"], waits: { for: "endpoints", seconds: 600 } },
  "rbac.authorization.k8s.io ClusterRoleBinding": { replaces: ["roleRef"] },
  "rbac.authorization.k8s.io RoleBinding": { replaces: ["roleRef"] },
  "storage.k8s.io StorageClass": {
    replaces: ["parameters", "provisioner"],
    refuses: ["reclaimPolicy", "volumeBindingMode"],
  },
};

/** The rules of a kind; `replaces` holds those of every kind too. */
export function rulesOf(group: string, kind: string): KindRules & Required<Pick<KindRules, "replaces" | "refuses">> {
  const { replaces = [], refuses = [], waits } = BY_KIND[`${group} ${kind}`] ?? {};
  return { replaces: [...ALWAYS, ...replaces], refuses, waits };
}
