import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";

export interface LangFlowStorageArgs {
  /** The fleet's name for the region; part of the claim's name. */
  region: string;
  /** Namespace of the claim. A change replaces the claim. */
  namespace: string;
  /** Labels of the volume and the claim. */
  labels: Record<string, string>;
  /** Id of the EFS file system. A change replaces the volume and the claim, because a volume's source is immutable. */
  fileSystemId: pulumi.Input<string>;
  /**
   * Id of the access point, which sets the root folder, owner and mode of all files. A change replaces the volume and
   * the claim.
   */
  accessPointId: pulumi.Input<string>;
  /**
   * Whether Pulumi rejects the deletion of the volume and the claim. Set to false to retire a region
   * (docs/operations/retire-a-region.md).
   */
  deletionProtection: boolean;
}

/** Nominal capacity, which the API requires. EFS grows automatically and does not enforce it. */
const CAPACITY = "100Gi";

/** Shared files of a region: a claim that every pod mounts, bound by name to one volume. */
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
          // The files remain when the volume or the claim is deleted.
          persistentVolumeReclaimPolicy: "Retain",
          // The volume and the claim reference each other, so that no other claim can bind the volume.
          claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name: this.claimName },
          // The file system admits only the driver's role, and only over TLS.
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
          // Empty, not absent: without a value, the default class would provision a new volume.
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
