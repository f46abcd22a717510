import type { types } from "@pulumi/kubernetes";
import { OWNER_SECRET } from "./databaseLogins";

/** Kubernetes group with read-only access to a cluster: CI's previews and drift checks. */
export const READERS_GROUP = "langflow-dr-readers";

const rule = (verb: string, apiGroup: string, ...resources: string[]): types.input.rbac.v1.PolicyRule => ({
  apiGroups: [apiGroup],
  resources,
  verbs: [verb],
});

/**
 * Permissions to read each kind of object that a region creates in its cluster, and the objects that the provider lists
 * to determine whether a Deployment or a Service is ready. The only readable Secret is the one that we create, whose
 * content is also in the stack's state; nobody in this group needs the driver's Secrets. No write permissions: if a
 * server-side dry run is forbidden, the provider previews the change without it (pulumi-kubernetes, `provider.go`,
 * `IsForbidden`).
 */
export const READABLE_KINDS: types.input.rbac.v1.PolicyRule[] = [
  rule(
    "get",
    "",
    "configmaps",
    "namespaces",
    "persistentvolumeclaims",
    "persistentvolumes",
    "serviceaccounts",
    "services",
  ),
  { ...rule("get", "", "secrets"), resourceNames: [OWNER_SECRET] },
  rule("get", "admissionregistration.k8s.io", "validatingadmissionpolicies", "validatingadmissionpolicybindings"),
  rule("get", "apps", "deployments"),
  rule("get", "autoscaling", "horizontalpodautoscalers"),
  rule("get", "batch", "cronjobs"),
  rule("get", "eks.amazonaws.com", "nodeclasses"),
  rule("get", "karpenter.sh", "nodepools"),
  rule("get", "networking.k8s.io", "networkpolicies"),
  rule("get", "policy", "poddisruptionbudgets"),
  rule("get", "rbac.authorization.k8s.io", "clusterroles", "clusterrolebindings"),
  rule("get", "secrets-store.csi.x-k8s.io", "secretproviderclasses"),
  rule("get", "storage.k8s.io", "storageclasses"),
  rule("list", "", "endpoints", "persistentvolumeclaims", "pods"),
  rule("list", "apps", "replicasets"),
];
