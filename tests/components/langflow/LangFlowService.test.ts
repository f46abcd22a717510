import { LANGFLOW_ARGS, manifest, manifests, REGISTRY, recordLangFlow } from "../../langflow";
import { expectRegions, only, settled } from "../../mocks";

describe("LangFlowService", () => {
  it("sets the AWS region on every child and names every Kubernetes object", async () => {
    const resources = await recordLangFlow();
    expectRegions(resources, ["us-east-1"]);
    expect(manifests(resources).filter(({ metadata }) => !metadata?.name)).toEqual([]);
  });

  it("creates all namespaced objects in the namespace langflow", async () => {
    const clusterWide = [
      "Namespace",
      "PersistentVolume",
      "ValidatingAdmissionPolicy",
      "ValidatingAdmissionPolicyBinding",
    ];
    const strays = manifests(await recordLangFlow())
      .filter(({ kind }) => !clusterWide.includes(kind))
      .filter(({ metadata }) => metadata.namespace !== "langflow");
    expect(strays).toEqual([]);
  });

  it("enforces, audits and warns at Pod Security level restricted, pinned to the cluster's version", async () => {
    const { labels } = manifest(await recordLangFlow(), "Namespace").metadata;
    for (const mode of ["enforce", "audit", "warn"]) {
      expect(labels).toMatchObject({
        [`pod-security.kubernetes.io/${mode}`]: "restricted",
        [`pod-security.kubernetes.io/${mode}-version`]: "v1.35",
      });
    }
  });

  it("makes a new pod's readiness depend on the load balancer", async () => {
    const { labels } = manifest(await recordLangFlow(), "Namespace").metadata;
    expect(labels).toMatchObject({ "eks.amazonaws.com/pod-readiness-gate-inject": "enabled" });
  });

  it("outputs the load balancer's host name and the image references", async () => {
    const told = new Map<string, string>();
    await recordLangFlow({}, async (service) => {
      told.set("origin", await settled(service.originHostname));
      told.set("image", await settled(service.imageReference));
      told.set("agent", await settled(service.agentImageReference));
    });
    expect(told.get("origin")).toBe("k8s-langflow.elb.us-east-1.amazonaws.com");
    expect(told.get("image")).toBe(`${REGISTRY}/langflow@${LANGFLOW_ARGS.image.digest}`);
    expect(told.get("agent")).toBe(`${REGISTRY}/langflow-agent@${LANGFLOW_ARGS.agentImage.digest}`);
  });

  it("has no secret values in manifests, except in the Secret for the init containers", async () => {
    const all = manifests(await recordLangFlow());
    const secrets = all.filter(({ kind }) => kind === "Secret");
    expect(secrets.map(({ metadata }) => metadata.name)).toEqual(["langflow-owner"]);
    const objects = all.filter(({ kind }) => kind !== "Secret");
    const config = objects.find(({ kind }) => kind === "ConfigMap")?.data as Record<string, string>;
    const secretive = Object.keys(config).filter((key) => /PASSWORD|SECRET_KEY$|DATABASE_URL|API_KEY$/.test(key));
    expect(secretive).toEqual([]);
    expect(JSON.stringify(objects)).not.toMatch(/postgres(ql)?:\/\//);
  });

  it("references no image by tag, in particular not latest", async () => {
    const text = JSON.stringify(manifests(await recordLangFlow()));
    expect(text).not.toContain("latest");
    expect(text).not.toMatch(/amazonaws\.com\/langflow:/);
  });

  it("sets the recommended labels on every object of the namespace", async () => {
    const labelled = ["Deployment", "Service", "ConfigMap", "ServiceAccount", "PersistentVolumeClaim"];
    const objects = manifests(await recordLangFlow()).filter(({ kind }) => labelled.includes(kind));
    expect(objects.length).toBeGreaterThanOrEqual(labelled.length);
    for (const { metadata } of objects) {
      expect(metadata.labels).toMatchObject({
        "app.kubernetes.io/name": "langflow",
        "app.kubernetes.io/instance": "langflow-us-east",
      });
    }
  });

  it("includes the region in names, so that two regions never share a claim or a role", async () => {
    const resources = await recordLangFlow({ region: "eu-west", awsRegion: "eu-west-1" });
    expect(manifest(resources, "Deployment").metadata.name).toBe("langflow-eu-west");
    expect(manifest(resources, "PersistentVolumeClaim").metadata.name).toBe("pvc-langflow-eu-west");
    expect(only(resources, "aws:iam/role:Role").inputs.name).toBe("langflow-dr-eu-west-langflow");
    expectRegions(resources, ["eu-west-1"]);
  });
});
