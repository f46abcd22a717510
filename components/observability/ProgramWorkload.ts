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
  /** Our name of the region; part of the Deployment's name. A change replaces it. */
  region: string;
  /** Size of the disk that it writes to, GiB; grows in place, never shrinks. Absent: it keeps nothing. */
  storageGib?: number;
  /** Seconds from the order to end until the end. Default: 30. */
  graceSeconds?: number;
  /** Whether the pod may ask the Kubernetes API, as its ServiceAccount. Default: no. */
  usesKubernetes?: boolean;
}

/** A first start waits for a node and a disk, and pulls an image. */
const ROLLOUT_SECONDS = 900;

/** Without a disk nothing keeps a new pod from coming before the old one goes. */
const ROLLING = { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } };

/** The class of disks that the cluster's nodes give (`ClusterNodes`). */
const STORAGE_CLASS = "gp3";

/**
 * One program of one pod with its configuration, its disk and its address. Never two: they would be two histories. One
 * with a disk is replaced, not rolled, since a disk is on one node at a time. No disruption budget, which with one pod
 * could only forbid that a node be drained.
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
      // By its literal name: what depends on an output of a map that is made anew is made anew itself.
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
        // A disk is made once a pod asks for it, in the pod's zone: not before the Deployment, which waits for the claim.
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
