import type { types } from "@pulumi/kubernetes";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import { OBSERVABILITY_NAMESPACE, programLabels } from "../../model/observability";
import {
  configKey,
  type ProgramPodArgs,
  programPod,
  programPorts,
  programVersionLabels,
} from "../../model/observabilityPod";

export interface ProgramWorkloadArgs
  extends Omit<ProgramPodArgs, "labels" | "configName" | "data" | "graceSeconds" | "usesKubernetes"> {
  /** The fleet's name for the region; part of the Deployment's name. A change replaces the Deployment. */
  region: string;
  /** Size of the program's disk, GiB; can grow in place, cannot shrink. Default: the program stores nothing. */
  storageGib?: number;
  /** Termination grace period, in seconds. Default: 30. */
  graceSeconds?: number;
  /** Whether the pod may call the Kubernetes API with its ServiceAccount. Default: no. */
  usesKubernetes?: boolean;
}

/** Rollout timeout, in seconds: the first start waits for a node and a disk, and pulls an image. */
const ROLLOUT_SECONDS = 900;

/** Rollout strategy of programs without a disk: the new pod can start before the old pod ends. */
const ROLLING = { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } };

/** StorageClass that the cluster's nodes provide (`ClusterNodes`). */
const STORAGE_CLASS = "gp3";

/**
 * Runs one program as a single pod with its configuration, disk and Service. A second replica would record a second,
 * diverging history. A program with a disk uses the Recreate strategy, because only one node at a time can attach the
 * disk. No disruption budget: with a single pod, a budget could only prevent node drains.
 */
export class ProgramWorkload extends pulumi.ComponentResource {
  constructor(name: string, args: ProgramWorkloadArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("ProgramWorkload"), name, args, opts);

    const { region, program, files, storageGib, graceSeconds = 30, usesKubernetes = false, ...rest } = args;
    const labels = programLabels(region, program);
    const metadata = (objectName: string) => ({ name: objectName, namespace: OBSERVABILITY_NAMESPACE, labels });
    const config = new kubernetes.core.v1.ConfigMap(
      name,
      {
        metadata: metadata(program),
        data: Object.fromEntries(Object.entries(files).map(([path, text]) => [configKey(path), text])),
      },
      { parent: this },
    );
    const data = storageGib === undefined ? undefined : this.disk(name, metadata(program), storageGib);
    const pod: ProgramPodArgs = {
      ...rest,
      program,
      labels,
      files,
      // The literal name, not the ConfigMap's output: resources that depend on the output of a replaced ConfigMap are
      // themselves replaced.
      configName: program,
      data,
      graceSeconds,
      usesKubernetes,
    };
    const timeout = `${ROLLOUT_SECONDS}s`;
    const customTimeouts = { create: timeout, update: timeout };
    new kubernetes.apps.v1.Deployment(
      name,
      {
        metadata: { ...metadata(`${program}-${region}`), labels: programVersionLabels(pod) },
        spec: {
          replicas: 1,
          selector: { matchLabels: labels },
          strategy: data ? { type: "Recreate" } : ROLLING,
          progressDeadlineSeconds: ROLLOUT_SECONDS,
          revisionHistoryLimit: 3,
          template: programPod(pod),
        },
      },
      { parent: this, dependsOn: [config], customTimeouts },
    );
    new kubernetes.core.v1.Service(
      name,
      {
        metadata: metadata(program),
        spec: {
          type: "ClusterIP",
          selector: labels,
          ports: Object.entries(programPorts(pod)).map(([portName, port]) => ({
            name: portName,
            port,
            targetPort: portName,
            protocol: "TCP",
          })),
        },
      },
      { parent: this, customTimeouts },
    );

    this.registerOutputs({});
  }

  private disk(name: string, metadata: types.input.meta.v1.ObjectMeta, storageGib: number): types.input.core.v1.Volume {
    new kubernetes.core.v1.PersistentVolumeClaim(
      name,
      {
        // The disk is provisioned when a pod mounts the claim, in the pod's zone. Waiting here would deadlock with the
        // Deployment, which is created after the claim.
        metadata: { ...metadata, annotations: { "pulumi.com/skipAwait": "true" } },
        spec: {
          accessModes: ["ReadWriteOnce"],
          storageClassName: STORAGE_CLASS,
          resources: { requests: { storage: `${storageGib}Gi` } },
        },
      },
      { parent: this },
    );
    return { name: "data", persistentVolumeClaim: { claimName: `${metadata.name}` } };
  }
}
