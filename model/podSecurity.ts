import { createHash } from "node:crypto";
import type { types } from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { LANGFLOW_UID } from "./langflow";
import { SECRETS_FOLDER } from "./mountedSecrets";

/** CPU and memory, as Kubernetes quantities. */
export type ComputeResources = { cpu: string; memory: string };

/** The node's disk: what a container logs, and the pod's emptyDirs. */
export type DiskResources = { "ephemeral-storage": string };

/** What one container asks for, and what it may use at most. */
export interface ContainerResources {
  requests: ComputeResources & DiskResources;
  limits: ComputeResources & DiskResources;
}

/**
 * What every pod of the namespace has in common: restricted by every rule of the pod security standard, no token of the
 * cluster, no surprises in its environment.
 */
export const RESTRICTED_POD = {
  automountServiceAccountToken: false,
  // A Service named langflow would inject LANGFLOW_PORT=tcp://…, which LangFlow takes for its own setting.
  enableServiceLinks: false,
  nodeSelector: { "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" },
};

/** By number, as the claim's files are owned. */
export const RESTRICTED_USER = {
  runAsNonRoot: true,
  runAsUser: LANGFLOW_UID,
  runAsGroup: LANGFLOW_UID,
  seccompProfile: { type: "RuntimeDefault" },
};

/** Every container, init containers too. */
export const RESTRICTED_CONTAINER = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/**
 * Labels of a namespace that admits such pods alone.
 *
 * @param kubernetesVersion minor version, for example 1.35: a cluster upgrade must not change by itself what is admitted
 */
export function restrictedNamespace(kubernetesVersion: string): Record<string, string> {
  const modes = ["enforce", "audit", "warn"].flatMap((mode) => [
    [`pod-security.kubernetes.io/${mode}`, "restricted"],
    [`pod-security.kubernetes.io/${mode}-version`, `v${kubernetesVersion}`],
  ]);
  return Object.fromEntries(modes);
}

/** The volume by which the Secrets Store CSI driver fetches a pod's secrets; a container must mount it. */
export function secretsVolume(secretProviderClass: pulumi.Input<string>): types.input.core.v1.Volume {
  return {
    name: "secrets",
    csi: { driver: "secrets-store.csi.k8s.io", readOnly: true, volumeAttributes: { secretProviderClass } },
  };
}

/** Where a container has the files of {@link secretsVolume}. */
export const SECRETS_MOUNT = { name: "secrets", mountPath: SECRETS_FOLDER, readOnly: true };

/** Pods read their environment once, at start: a changed checksum makes new ones. */
export function environmentChecksum(
  environment: pulumi.Input<Record<string, string>>,
): Record<string, pulumi.Input<string>> {
  const sorted = (data: Record<string, string>) => JSON.stringify(Object.entries(data).sort());
  const digest = pulumi.output(environment).apply((data) => createHash("sha256").update(sorted(data)).digest("hex"));
  return { "langflow-dr/config-sha256": digest };
}
