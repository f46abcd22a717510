import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";

export interface LangFlowStorageArgs {
  /** Our name of the region; part of the claim's name. */
  region: string;
  /** Namespace of the claim. A change replaces the claim. */
  namespace: string;
  /** Labels of both objects. */
  labels: Record<string, string>;
  /** The EFS file system. A change replaces volume and claim: a volume's source cannot be edited. */
  fileSystemId: pulumi.Input<string>;
  /** The access point: root folder, owner and mode of all files. A change replaces volume and claim. */
  accessPointId: pulumi.Input<string>;
  /** Whether Pulumi and the cloud refuse to delete it. Off to retire a region (docs/operations/retire-a-region.md). */
  deletionProtection: boolean;
}

/** EFS grows by itself and no one enforces this number; the API demands one. */
const CAPACITY = "100Gi";

/** The region's shared files as a claim that every pod mounts, bound by name to one volume. */
export class LangFlowStorage extends pulumi.ComponentResource {
  readonly claimName: string;

  constructor(name: string, args: LangFlowStorageArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("LangFlowStorage"), name, args, opts);

    const { namespace, labels } = args;
    this.claimName = `pvc-langflow-${args.region}`;
    const volume = new kubernetes.core.v1.PersistentVolume(
      name,
      {
        metadata: { name: `pv-langflow-${args.region}`, labels },
        spec: {
          accessModes: ["ReadWriteMany"],
          capacity: { storage: CAPACITY },
          volumeMode: "Filesystem",
          // Files outlive the cluster, whatever is deleted in it.
          persistentVolumeReclaimPolicy: "Retain",
          // Both sides name each other, so that no other claim can take the volume.
          claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name: this.claimName },
          // The file system admits nobody but the role of the driver, and only through TLS.
          mountOptions: ["tls", "iam"],
          csi: {
            driver: "efs.csi.aws.com",
            volumeHandle: pulumi.interpolate`${args.fileSystemId}::${args.accessPointId}`,
          },
        },
      },
      { parent: this, protect: args.deletionProtection },
    );
    new kubernetes.core.v1.PersistentVolumeClaim(
      name,
      {
        metadata: { name: this.claimName, namespace, labels },
        spec: {
          accessModes: ["ReadWriteMany"],
          volumeMode: "Filesystem",
          // Empty, not absent: absent means the default class, which would make a new volume.
          storageClassName: "",
          volumeName: volume.metadata.name,
          resources: { requests: { storage: CAPACITY } },
        },
      },
      { parent: this, protect: args.deletionProtection },
    );

    this.registerOutputs({ claimName: this.claimName });
  }
}
