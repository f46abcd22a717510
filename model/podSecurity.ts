import { createHash } from "node:crypto";
import type { types } from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { LANGFLOW_UID } from "./langflow";
import { SECRETS_FOLDER } from "./mountedSecrets";

/** CPU and memory as Kubernetes quantities. */
export type ComputeResources = { cpu: string; memory: string };

/** Disk space on the node for a container's logs and the pod's emptyDirs. */
export type DiskResources = { "ephemeral-storage": string };

/** Resource requests and limits of one container. */
export interface ContainerResources {
  requests: ComputeResources & DiskResources;
  limits: ComputeResources & DiskResources;
}

/**
 * Pod settings that all pods share: the restricted Pod Security Standard, no ServiceAccount token, no injected
 * environment variables.
 */
export const RESTRICTED_POD = {
  automountServiceAccountToken: false,
  // A Service named langflow would inject LANGFLOW_PORT=tcp://…, which LangFlow would interpret as its own setting.
  enableServiceLinks: false,
  nodeSelector: { "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" },
};

/** Numeric ids, which match the owner of the claim's files. */
export const RESTRICTED_USER = {
  runAsNonRoot: true,
  runAsUser: LANGFLOW_UID,
  runAsGroup: LANGFLOW_UID,
  seccompProfile: { type: "RuntimeDefault" },
};

/** Security context of every container, including init containers. */
export const RESTRICTED_CONTAINER = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/**
 * Returns the labels of a namespace that admits only restricted pods.
 *
 * @param kubernetesVersion minor version, for example 1.35; pinned, so that a cluster upgrade does not change the
 * admission rules
 */
export function restrictedNamespace(kubernetesVersion: string): Record<string, string> {
  const modes = ["enforce", "audit", "warn"].flatMap((mode) => [
    [`pod-security.kubernetes.io/${mode}`, "restricted"],
    [`pod-security.kubernetes.io/${mode}-version`, `v${kubernetesVersion}`],
  ]);
  return Object.fromEntries(modes);
}

/**
 * Returns the volume through which the Secrets Store CSI driver fetches a pod's secrets. The driver fetches them only
 * if a container mounts the volume.
 */
export function secretsVolume(secretProviderClass: pulumi.Input<string>): types.input.core.v1.Volume {
  return {
    name: "secrets",
    csi: { driver: "secrets-store.csi.k8s.io", readOnly: true, volumeAttributes: { secretProviderClass } },
  };
}

/** Mount of {@link secretsVolume} in a container. */
export const SECRETS_MOUNT = { name: "secrets", mountPath: SECRETS_FOLDER, readOnly: true };

/**
 * Returns a pod annotation with a checksum of the environment. Pods read their environment only at start, so a changed
 * checksum must replace them.
 */
export function environmentChecksum(
  environment: pulumi.Input<Record<string, string>>,
): Record<string, pulumi.Input<string>> {
  const sorted = (data: Record<string, string>) => JSON.stringify(Object.entries(data).sort());
  const digest = pulumi.output(environment).apply((data) => createHash("sha256").update(sorted(data)).digest("hex"));
  return { "langflow-dr/config-sha256": digest };
}
