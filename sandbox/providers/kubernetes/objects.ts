import { createHash, randomUUID } from "node:crypto";
import type { Resource } from "../../resources/store";
import { isUnknown, type Properties, record, text } from "../../resources/values";
import type { Problem } from "../../schema/schema";
import type { Situation } from "../shared/behaviour";
import { CloudError } from "../shared/errors";
import { rulesOf } from "./rules";

/** Group, version and kind from a type token, for example `kubernetes:apps/v1:Deployment`. */
export interface ObjectKind {
  /** API group; `core` for the unnamed group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export function kindOf(type: string): ObjectKind {
  const [, apiVersion = "", kind = ""] = type.split(":");
  const [first = "", second] = apiVersion.split("/");
  return second === undefined ? { group: "core", version: first, kind } : { group: first, version: second, kind };
}

/** Cluster-scoped kinds, ours and those of the clusters we run on. */
const CLUSTER_WIDE = new Set([
  "APIService",
  "CSIDriver",
  "ClusterRole",
  "ClusterRoleBinding",
  "CustomResourceDefinition",
  "IngressClass",
  "IngressClassParams",
  "MutatingWebhookConfiguration",
  "Namespace",
  "Node",
  "NodeClass",
  "NodePool",
  "PersistentVolume",
  "PriorityClass",
  "StorageClass",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
  "ValidatingWebhookConfiguration",
]);

/** Namespaces that every cluster has. */
const GIVEN_NAMESPACES = new Set(["default", "kube-node-lease", "kube-public", "kube-system"]);
const NAMESPACE = "kubernetes:core/v1:Namespace";

/** Returns the provider's id of an object: `namespace/name`, or only the name of a cluster-scoped object. */
export function objectName(type: string, inputs: Properties): string | undefined {
  const metadata = record(inputs.metadata);
  const name = text(metadata.name);
  if (name === undefined) return undefined;
  return CLUSTER_WIDE.has(kindOf(type).kind) ? name : `${text(metadata.namespace) ?? "default"}/${name}`;
}

/** Returns the namespace in an object's id, or an empty text for a cluster-scoped object. */
export function namespaceOf(id: string): string {
  return id.includes("/") ? (id.split("/")[0] ?? "") : "";
}

/** Valid names of most kinds: DNS subdomains (Kubernetes documentation, object names). */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

export function* objectProblems({ inputs, type }: Situation): Iterable<Problem> {
  const metadata = record(inputs.metadata);
  const name = text(metadata.name);
  const { kind } = kindOf(type);
  const [pattern, max] = kind === "Service" || kind === "Namespace" ? [LABEL, 63] : [SUBDOMAIN, 253];
  if (name !== undefined && kind !== "ClusterRole" && kind !== "ClusterRoleBinding")
    if (!pattern.test(name) || name.length > max)
      yield {
        property: "metadata.name",
        reason: `Invalid value: "${name}": must be a lower-case DNS name of at most ${max} characters`,
      };
  for (const [key, value] of Object.entries(record(metadata.labels)))
    if (typeof value === "string" && !isUnknown(value) && (value.length > 63 || !LABEL_VALUE.test(value)))
      yield {
        property: `metadata.labels.${key}`,
        reason: `Invalid value: "${value}": a label's value has at most 63 letters, digits, '-', '_' or '.'`,
      };
}

/** Returns the object as the cluster completes it: with its metadata and its final status. */
export function completed(situation: Situation): Properties {
  const { inputs, old, scope, type } = situation;
  const before = record(old?.properties.metadata);
  const changed = old !== undefined && JSON.stringify(old.inputs.spec) !== JSON.stringify(inputs.spec);
  const generation = Number(before.generation ?? 1) + (changed ? 1 : 0);
  const metadata = {
    ...record(inputs.metadata),
    uid: before.uid ?? randomUUID(),
    creationTimestamp: before.creationTimestamp ?? new Date().toISOString().replace(/\.\d+Z$/, "Z"),
    resourceVersion: String(Number(before.resourceVersion ?? 1000) + 1),
    generation,
  };
  const name = objectName(type, inputs) ?? "";
  return { metadata, ...specAndStatus(kindOf(type).kind, inputs, name, scope.region, scope.cluster, generation) };
}

function specAndStatus(
  kind: string,
  inputs: Properties,
  name: string,
  region: string,
  cluster: string,
  generation: number,
): Properties {
  const spec = record(inputs.spec);
  switch (kind) {
    case "Namespace":
      return { status: { phase: "Active" } };
    case "Service":
      return service(spec, name, region, cluster);
    case "Deployment": {
      const replicas = spec.replicas ?? 1;
      const counts = { replicas, readyReplicas: replicas, availableReplicas: replicas, updatedReplicas: replicas };
      const conditions = [
        { type: "Available", status: "True", reason: "MinimumReplicasAvailable" },
        { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" },
      ];
      return { status: { ...counts, observedGeneration: generation, conditions } };
    }
    case "PersistentVolume":
    case "PersistentVolumeClaim":
      return { status: { phase: "Bound", ...(spec.capacity ? { capacity: spec.capacity } : {}) } };
    case "HorizontalPodAutoscaler":
      return { status: { currentReplicas: spec.minReplicas ?? 1, desiredReplicas: spec.minReplicas ?? 1 } };
    default:
      return {};
  }
}

/** Completes a Service with its cluster IP and, for the type LoadBalancer, the load balancer's hostname. */
function service(spec: Properties, name: string, region: string, cluster: string): Properties {
  const hash = createHash("sha256").update([cluster, name].join("\n")).digest("hex");
  const clusterIP =
    spec.clusterIP ?? `172.20.${Number.parseInt(hash.slice(0, 2), 16)}.${Number.parseInt(hash.slice(2, 4), 16)}`;
  const completedSpec = { type: "ClusterIP", sessionAffinity: "None", ...spec, clusterIP, clusterIPs: [clusterIP] };
  if (spec.type !== "LoadBalancer") return { spec: completedSpec, status: { loadBalancer: {} } };
  const [namespace = "", short = ""] = name.split("/").map((part) => part.replaceAll("-", "").slice(0, 8));
  const hostname = `k8s-${namespace}-${short}-${hash.slice(4, 14)}-${hash.slice(14, 30)}.elb.${region}.amazonaws.com`;
  return { spec: completedSpec, status: { loadBalancer: { ingress: [{ hostname }] } } };
}

/**
 * Throws what an API server would reject: a missing namespace, a selector that does not match the pod template, a
 * change of an immutable field.
 */
export function verifyObject({ inputs, type, cloud, scope, old }: Situation): void {
  const { group, kind } = kindOf(type);
  const name = objectName(type, inputs) ?? "";
  const namespace = namespaceOf(name);
  const isNamespace = (other: Resource) => other.scope === scope.cluster && other.id === namespace;
  if (namespace && !GIVEN_NAMESPACES.has(namespace) && !cloud.find(NAMESPACE, isNamespace))
    throw rejected(name, `namespaces "${namespace}" not found`);
  const spec = record(inputs.spec);
  const selector = record(record(spec.selector).matchLabels);
  const labels = record(record(record(spec.template).metadata).labels);
  if (spec.template !== undefined && Object.entries(selector).some(([key, value]) => labels[key] !== value))
    throw rejected(
      name,
      `${kind}.${group} is invalid: spec.template.metadata.labels: \`selector\` does not match template \`labels\``,
    );
  for (const field of rulesOf(group, kind).refuses)
    if (old && JSON.stringify(old.inputs[field]) !== JSON.stringify(inputs[field]))
      throw rejected(name, `${kind}.${group} is invalid: ${field}: Forbidden: updates to ${field} are forbidden.`);
}

/** Returns the error of an object that could not be created. */
export function rejected(name: string, reason: string): CloudError {
  return new CloudError(`resource "${name}" was not successfully created by the Kubernetes API server: ${reason}`);
}

export function takenObject(type: string, name: string): string {
  const { group, kind } = kindOf(type);
  return rejected(name, `${kind.toLowerCase()}s.${group} "${name.split("/").at(-1)}" already exists`).message;
}

/** Deletes the contents of a deleted namespace. */
export function removeContents({ type, id, cloud, scope }: Situation): void {
  if (type !== NAMESPACE) return;
  for (const other of cloud.list())
    if (other.provider === "kubernetes" && other.scope === scope.cluster && other.id.startsWith(`${id}/`))
      cloud.remove(other.key);
}

/** Whether a type may be a custom resource: its group contains a dot and is not a built-in `*.k8s.io` group. */
export function isCustom(type: string): boolean {
  const { group } = kindOf(type);
  return group.includes(".") && !group.endsWith(".k8s.io");
}
