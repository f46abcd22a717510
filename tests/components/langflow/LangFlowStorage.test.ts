import { manifest, recordLangFlow } from "../../langflow";

describe("LangFlowStorage", () => {
  it("gives all pods the same files through one shared claim on the region's access point", async () => {
    const resources = await recordLangFlow();
    const { spec } = manifest(resources, "PersistentVolume");
    expect(spec.csi).toEqual({
      driver: "efs.csi.aws.com",
      volumeHandle: "fs-0123456789abcdef0::fsap-0123456789abcdef0",
    });
    expect(spec.mountOptions).toEqual(["tls", "iam"]);
    expect(manifest(resources, "PersistentVolumeClaim").spec.accessModes).toEqual(["ReadWriteMany"]);
    expect(spec.accessModes).toEqual(["ReadWriteMany"]);
  });

  it("binds the claim and the volume to each other, so that no default class provisions a new volume", async () => {
    const resources = await recordLangFlow();
    const volume = manifest(resources, "PersistentVolume");
    const claim = manifest(resources, "PersistentVolumeClaim");
    expect(claim.spec).toMatchObject({ storageClassName: "", volumeName: volume.metadata.name });
    // The API server drops a volume's empty class, so every preview would show a difference.
    expect(volume.spec).not.toHaveProperty("storageClassName");
    expect(volume.spec).toMatchObject({
      claimRef: { kind: "PersistentVolumeClaim", namespace: "langflow", name: claim.metadata.name },
    });
  });

  it("keeps the files when the volume or the claim is deleted", async () => {
    const { spec } = manifest(await recordLangFlow(), "PersistentVolume");
    expect(spec.persistentVolumeReclaimPolicy).toBe("Retain");
  });
});
