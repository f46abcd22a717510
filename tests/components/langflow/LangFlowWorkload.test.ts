import { AGENT_DIGEST, DIGEST, manifest, REGISTRY, recordLangFlow } from "../../langflow";

interface Container {
  name: string;
  command: string[];
}

const pod = async (changes: Parameters<typeof recordLangFlow>[0] = {}) => {
  const deployment = manifest(await recordLangFlow(changes), "Deployment");
  const template = deployment.spec.template;
  return { deployment, template, spec: template.spec, container: template.spec.containers[0] };
};

describe("LangFlowWorkload", () => {
  it("runs one container, from the region's own registry, by digest only", async () => {
    const { spec } = await pod();
    expect(spec.containers).toHaveLength(1);
    expect(spec.containers[0].image).toBe(`${REGISTRY}/langflow@${DIGEST}`);
  });

  it("migrates the database, then adopts the first account, and only then starts LangFlow", async () => {
    const { spec } = await pod();
    expect(spec.initContainers.map(({ name, command }: Container) => [name, command])).toEqual([
      ["migrate", ["langflow", "migration", "--no-test"]],
      ["adopt", ["agent", "adopt"]],
    ]);
  });

  it("migrates with LangFlow's own image, settings, secrets, resources and security context", async () => {
    const { spec, container } = await pod();
    const [migrate] = spec.initContainers;
    for (const part of ["image", "envFrom", "resources", "securityContext"])
      expect([part, migrate[part]]).toEqual([part, container[part]]);
    expect(Object.keys(migrate)).not.toContain("ports");
    const names = ({ env }: { env: { name: string }[] }) => env.map(({ name }) => name).sort();
    expect(names(migrate)).toEqual(names(container));
  });

  it("migrates as the database's owner without users' files, and runs LangFlow with a separate login", async () => {
    const { spec, container } = await pod();
    const [migrate, adopt] = spec.initContainers;
    const secretOf = ({ env }: { env: { name: string; valueFrom?: { secretKeyRef: { name: string } } }[] }) =>
      env.find(({ name }) => name === "LANGFLOW_DATABASE_URL")?.valueFrom?.secretKeyRef.name;
    expect([secretOf(migrate), secretOf(adopt)]).toEqual(["langflow-owner", "langflow-owner"]);
    expect(JSON.stringify(container)).not.toContain("langflow-owner");
    expect(JSON.stringify(spec.volumes)).not.toContain("langflow-owner");
    const mounts = ({ volumeMounts }: { volumeMounts: { name: string }[] }) => volumeMounts.map(({ name }) => name);
    expect(mounts(migrate)).toEqual(["migration", "migration", "migration", "secrets"]);
    expect(mounts(container)).not.toContain("migration");
  });

  it("adopts with the agent's image, which gets only the account, region and database settings", async () => {
    const { spec } = await pod();
    const adopt = spec.initContainers[1];
    expect(adopt.image).toBe(`${REGISTRY}/langflow-agent@${AGENT_DIGEST}`);
    expect(adopt.env).toEqual([
      { name: "AGENT_REGION", value: "us-east" },
      { name: "AGENT_PROJECT", value: "langflow-dr" },
      { name: "LANGFLOW_SUPERUSER", value: "admin" },
      { name: "AGENT_SCHEDULES_REGION", value: "us-east" },
      ...["LANGFLOW_DATABASE_URL", "AGENT_SERVER_DATABASE_URL", "AGENT_BACKUP_DATABASE_URL"].map((name) => ({
        name,
        valueFrom: { secretKeyRef: { name: "langflow-owner", key: name } },
      })),
    ]);
    expect(adopt).not.toHaveProperty("envFrom");
    expect(manifest(await recordLangFlow(), "ConfigMap").data.LANGFLOW_SUPERUSER).toBe("admin");
    expect(adopt.volumeMounts).toEqual([
      { name: "migration", mountPath: "/tmp" },
      { name: "secrets", mountPath: "/mnt/secrets", readOnly: true },
    ]);
    expect(adopt.resources.limits).toEqual({ cpu: "500m", memory: "256Mi", "ephemeral-storage": "256Mi" });
  });

  it("requests and limits disk space, with a limit that covers all of its folders", async () => {
    const { spec, container } = await pod();
    const folders = spec.volumes.flatMap((volume: { emptyDir?: { sizeLimit: string } }) => volume.emptyDir ?? []);
    expect(folders.map(({ sizeLimit }: { sizeLimit: string }) => sizeLimit)).toEqual(["1Gi", "1Gi", "4Gi", "2Gi"]);
    expect(container.resources.requests).toMatchObject({ "ephemeral-storage": "2Gi" });
    expect(container.resources.limits).toMatchObject({ "ephemeral-storage": "8Gi" });
  });

  it("leaves the number of pods to the autoscaler, with a minimum of two", async () => {
    const resources = await recordLangFlow();
    expect(manifest(resources, "Deployment").spec).not.toHaveProperty("replicas");
    const { spec } = manifest(resources, "HorizontalPodAutoscaler");
    expect(spec).toMatchObject({
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "langflow-us-east" },
      minReplicas: 2,
      maxReplicas: 10,
    });
    expect(spec.metrics).toHaveLength(1);
    expect(spec.metrics[0].resource.name).toBe("cpu");
  });

  it("never reduces the number of pods in a rollout, and allows one eviction at a time", async () => {
    const resources = await recordLangFlow();
    const { strategy } = manifest(resources, "Deployment").spec;
    expect(strategy).toEqual({ type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } });
    expect(manifest(resources, "PodDisruptionBudget").spec.maxUnavailable).toBe(1);
  });

  it("selects pods by the same release-independent labels in every selector", async () => {
    const resources = await recordLangFlow();
    const { selector, template } = manifest(resources, "Deployment").spec;
    expect(selector.matchLabels).not.toHaveProperty("app.kubernetes.io/version");
    expect(template.metadata.labels).toMatchObject({ ...selector.matchLabels, "app.kubernetes.io/version": "1.13.0" });
    expect(manifest(resources, "PodDisruptionBudget").spec.selector).toEqual(selector);
    expect(manifest(resources, "Service", "langflow").spec.selector).toEqual(selector.matchLabels);
    expect(manifest(resources, "Service", "langflow-public").spec.selector).toEqual(selector.matchLabels);
  });

  it("requires each generation of pods to span two zones, and prefers different hosts", async () => {
    const { spec, deployment } = await pod();
    const [zone, host] = spec.topologySpreadConstraints;
    expect(zone).toMatchObject({
      topologyKey: "topology.kubernetes.io/zone",
      whenUnsatisfiable: "DoNotSchedule",
      maxSkew: 1,
      // Otherwise a zone without a node would not count, and both of two pods could run in the first zone.
      minDomains: 2,
      nodeTaintsPolicy: "Honor",
      matchLabelKeys: ["pod-template-hash"],
      labelSelector: deployment.spec.selector,
    });
    expect(host).toMatchObject({ topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway" });
  });

  it("sets no spread constraints if all pods may run on one node", async () => {
    expect((await pod({ spread: "none" })).spec).not.toHaveProperty("topologySpreadConstraints");
    expect((await pod({ spread: "zones" })).spec.topologySpreadConstraints).toHaveLength(2);
  });

  it("probes liveness on /health, and startup and readiness on /healthz", async () => {
    const { container } = await pod();
    expect(container.livenessProbe.httpGet.path).toBe("/health");
    expect(container.startupProbe.httpGet.path).toBe("/healthz");
    expect(container.readinessProbe.httpGet.path).toBe("/healthz");
  });

  it("gives LangFlow five minutes to start and detects its start within two seconds", async () => {
    const { periodSeconds, failureThreshold } = (await pod()).container.startupProbe;
    expect([periodSeconds * failureThreshold, periodSeconds]).toEqual([300, 2]);
  });

  it("serves for longer than the load balancer drains, with time left to stop", async () => {
    const resources = await recordLangFlow();
    const { spec } = manifest(resources, "Deployment").spec.template;
    const attributes =
      manifest(resources, "Service", "langflow-public").metadata.annotations?.[
        "service.beta.kubernetes.io/aws-load-balancer-target-group-attributes"
      ] ?? "";
    const drain = Number(/deregistration_delay\.timeout_seconds=(\d+)/.exec(attributes)?.[1]);
    const sleep = spec.containers[0].lifecycle.preStop.sleep.seconds;
    expect(sleep).toBeGreaterThan(drain);
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(sleep + 30);
  });

  it("runs without privileges: non-root, read-only root, no capabilities, no token, no service links", async () => {
    const { spec, container } = await pod();
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        runAsGroup: 1000,
        seccompProfile: { type: "RuntimeDefault" },
      },
    });
    for (const each of [container, ...spec.initContainers])
      expect(each.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
    for (const field of ["hostNetwork", "hostPID", "hostIPC"]) expect(spec).not.toHaveProperty(field);
    expect(JSON.stringify(spec)).not.toContain("hostPath");
  });

  it("writes only to volumes: the cache to an emptyDir, and no secret key to the claim", async () => {
    const resources = await recordLangFlow();
    const { spec } = manifest(resources, "Deployment").spec.template;
    const [container] = spec.containers;
    const volumeAt = (path: string) => {
      const mount = container.volumeMounts.find(({ mountPath }: { mountPath: string }) => mountPath === path);
      return spec.volumes.find(({ name }: { name: string }) => name === mount?.name);
    };
    const environment = manifest(resources, "ConfigMap").data;
    expect(environment.XDG_CACHE_HOME).toBe("/cache");
    expect(volumeAt("/cache")).toHaveProperty("emptyDir");
    expect(volumeAt("/tmp")).toHaveProperty("emptyDir");
    // LangFlow stores its secret key below its config folder.
    expect(volumeAt(environment.LANGFLOW_CONFIG_DIR)).toHaveProperty("emptyDir");
    expect(volumeAt("/data").persistentVolumeClaim.claimName).toBe("pvc-langflow-us-east");
    expect(environment.LANGFLOW_KNOWLEDGE_BASES_DIR).toMatch(/^\/data\//);
  });

  it("sets the configured resource requests and limits", async () => {
    const { container } = await pod();
    expect(container.resources).toMatchObject({
      requests: { cpu: "500m", memory: "1Gi" },
      limits: { cpu: "1", memory: "2Gi" },
    });
  });

  it("reads its settings from the ConfigMap and rolls only when a setting changes", async () => {
    const checksum = async (changes = {}) => {
      const { template } = await pod(changes);
      return template.metadata.annotations["langflow-dr/config-sha256"];
    };
    const before = await checksum();
    expect(before).toMatch(/^[0-9a-f]{64}$/);
    expect(await checksum()).toBe(before);
    expect(await checksum({ replicas: { min: 3, max: 9 } })).toBe(before);
    expect(await checksum({ hostname: "flows.example.com" })).not.toBe(before);
    expect((await pod()).container.envFrom).toEqual([{ configMapRef: { name: "langflow" } }]);
  });

  it("has a ClusterIP Service on port 80", async () => {
    const { spec } = manifest(await recordLangFlow(), "Service", "langflow");
    expect(spec.type).toBe("ClusterIP");
    expect(spec.ports).toEqual([{ name: "http", port: 80, targetPort: "http", protocol: "TCP" }]);
  });
});
