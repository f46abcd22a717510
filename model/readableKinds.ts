import type { types } from "@pulumi/kubernetes";
import { OWNER_SECRET } from "./databaseLogins";

/** The Kubernetes group of whoever may look at a cluster and change nothing: CI's previews and its drift check. */
export const READERS_GROUP = "langflow-dr-readers";

const rule = (verb: string, apiGroup: string, ...resources: string[]): types.input.rbac.v1.PolicyRule => ({
  apiGroups: [apiGroup],
  resources,
  verbs: [verb],
});

/**
 * Each kind that a region makes in its cluster, and what the provider lists to see whether a Deployment or a Service is
 * ready. Of Secrets the one that we make, whose content the stack's state has as well: the driver's hold what nobody here has to read. Nothing that writes: where a change
 * cannot be tried on the server, the provider previews it without (pulumi-kubernetes, `provider.go`, `IsForbidden`).
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
