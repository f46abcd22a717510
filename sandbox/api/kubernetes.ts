import type { CloudResource } from "../cloud/client";
import { record } from "../resources/values";

/** Kinds that the local cloud stores, by the name that `kubectl get` uses, with API group, version and kind. */
const KEPT: Readonly<Record<string, string>> = {
  clusterroles: "rbac.authorization.k8s.io/v1:ClusterRole",
  "cronjobs.batch": "batch/v1:CronJob",
  "deployments.apps": "apps/v1:Deployment",
  "horizontalpodautoscalers.autoscaling": "autoscaling/v2:HorizontalPodAutoscaler",
  persistentvolumeclaims: "core/v1:PersistentVolumeClaim",
  services: "core/v1:Service",
  "validatingadmissionpolicies.admissionregistration.k8s.io":
    "admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy",
  "validatingadmissionpolicybindings.admissionregistration.k8s.io":
    "admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding",
};

/**
 * Returns all objects of a kind in a cluster, or undefined if the local cloud does not store that kind (pods and nodes,
 * for example).
 */
export function kubernetesObjects(
  resources: readonly CloudResource[],
  cluster: string,
  kind: string,
): { metadata: { name: string; namespace?: string }; spec?: unknown; status?: unknown }[] | undefined {
  const type = KEPT[kind];
  if (type === undefined) return undefined;
  return resources
    .filter((each) => each.type === `kubernetes:${type}` && each.scope === cluster)
    .map(({ properties: { metadata, spec, status } }) => {
      const { name, namespace } = record(metadata);
      return { metadata: { name: String(name), namespace: namespace as string }, spec, status };
    });
}
