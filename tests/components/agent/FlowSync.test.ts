import type { Statement } from "../../../model/policies/document";
import { allows } from "../../iam";
import {
  AGENT_DIGEST,
  DATABASE_SECRET_ARNS,
  LANGFLOW_ARGS,
  manifest,
  manifests,
  PEER,
  REGISTRY,
  recordSync,
  WEBHOOK,
  WITNESS,
} from "../../langflow";
import { expectRegions, only, type Recorded, settled } from "../../mocks";

const template = (resources: Recorded[]) => manifest(resources, "Deployment").spec.template;
const container = (resources: Recorded[]) => template(resources).spec.containers[0];

const statements = (made: Recorded[]): Statement[] =>
  JSON.parse(only(made, "aws:iam/rolePolicy:RolePolicy").inputs.policy).Statement;

describe("FlowSync", () => {
  let resources: Recorded[];
  let hooked: Recorded[];
  beforeAll(async () => {
    resources = await recordSync();
    hooked = await recordSync({ webhook: WEBHOOK });
  });

  it("runs one pod per region and never two at a time", () => {
    const { metadata, spec } = manifest(resources, "Deployment");
    expect(metadata.name).toBe("flow-sync-us-east");
    expect(spec).toMatchObject({ replicas: 1, strategy: { type: "Recreate" } });
    expect(manifests(resources).map(({ kind }) => kind)).not.toContain("HorizontalPodAutoscaler");
  });

  it("never prevents a node drain", () => {
    expect(manifests(resources).map(({ kind }) => kind)).not.toContain("PodDisruptionBudget");
    expect(template(resources).spec).not.toHaveProperty("topologySpreadConstraints");
  });

  it("runs `agent sync` of the agent's image, from the region's own registry, by digest only", () => {
    expect(container(resources)).toMatchObject({
      image: `${REGISTRY}/langflow-agent@${AGENT_DIGEST}`,
      command: ["agent", "sync"],
    });
    expect(template(resources).spec.containers).toHaveLength(1);
  });

  it("configures region, LangFlow, Git, interval, delete limits, buckets and the schedules' region", () => {
    expect(manifest(resources, "ConfigMap", "flow-sync").data).toEqual({
      AGENT_REGION: "us-east",
      AGENT_BUCKET: "langflow-dr-us-east-flows",
      AGENT_BACKUP_PREFIX: "backups",
      AGENT_DRILLS_PREFIX: "drills/summaries",
      AGENT_FILES_PREFIX: "files",
      AWS_REGION: "us-east-1",
      LANGFLOW_URL: "http://langflow.langflow.svc.cluster.local",
      LANGFLOW_SUPERUSER: "admin",
      AGENT_PROJECT: "langflow-dr",
      AGENT_HOST: "0.0.0.0",
      AGENT_PORT: "8080",
      AGENT_METRICS_PORT: "9091",
      AGENT_GIT_URL: "https://git.example.com/acme/flows.git",
      AGENT_GIT_BRANCH: "main",
      AGENT_INTERVAL_SECONDS: "10",
      AGENT_REGION_DELETES: '{"users":5,"rows":20,"share":0.1}',
      AGENT_DELETES_SHARE: "0.2",
      AGENT_DELETES_NUMBER: "10",
      AGENT_ALLOWED_SECRETS: "[]",
      AGENT_ACCOUNTS_PREFIX: "accounts",
      AGENT_PEERS: '{"eu-west":{"bucket":"langflow-dr-eu-west-flows","awsRegion":"eu-west-1"}}',
      AGENT_SCHEDULES_REGION: "us-east",
      AGENT_WITNESS: '{"bucket":"langflow-dr-witness-us-west-2-123456789012","awsRegion":"us-west-2"}',
      AGENT_STATE_DIR: "/var/lib/agent",
    });
    expect(container(resources).envFrom).toEqual([{ configMapRef: { name: "flow-sync" } }]);
  });

  it("sets no Git variables and grants no access to the Git token without a flow repository", async () => {
    const without = await recordSync({ repository: undefined });
    const { data } = manifest(without, "ConfigMap", "flow-sync");
    expect(Object.keys(data).filter((name) => /GIT|AGENT_DELETES|ALLOWED/.test(name))).toEqual([]);
    expect(data).toMatchObject({ AGENT_INTERVAL_SECONDS: "10", AGENT_SCHEDULES_REGION: "us-east" });
    expect(container(without).env.map(({ name }: { name: string }) => name)).toEqual([
      "LANGFLOW_SECRET_KEY",
      "LANGFLOW_DATABASE_URL",
    ]);
    const token = manifest(resources, "SecretProviderClass").spec.parameters.objects.match(/"([^"]*git-?token[^"]*)"/i);
    const may = (made: Recorded[]) =>
      allows(statements(made), { action: "secretsmanager:GetSecretValue", resource: token?.[1] ?? "" });
    expect([may(resources), may(without)]).toEqual([true, false]);
  });

  it("replaces the pod when a setting changes", async () => {
    const checksum = (made: Recorded[]) => template(made).metadata.annotations["langflow-dr/config-sha256"];
    for (const changes of [
      { intervalSeconds: 30 },
      { deletes: { share: 0.2, number: 11 } },
      { allowedSecrets: ["0a1b2c3d-0000-4000-8000-000000000001/aws"] },
      { peers: [] },
      { schedules: { region: "us-east" } },
    ])
      expect(checksum(await recordSync(changes))).not.toBe(checksum(resources));
    expect(checksum(await recordSync())).toBe(checksum(resources));
  });

  it("may publish its own accounts to every region's bucket, and hold the lease if there is a witness", async () => {
    const may = (made: Recorded[], action: string, resource: string) => allows(statements(made), { action, resource });
    for (const bucket of [LANGFLOW_ARGS.bucketArn, PEER.bucketArn]) {
      expect(may(resources, "s3:PutObject", `${bucket}/accounts/us-east/x`)).toBe(true);
      expect(may(resources, "s3:PutObject", `${bucket}/accounts/eu-west/x`)).toBe(false);
    }
    const lease = `${WITNESS.bucketArn}/schedules/lease.json`;
    expect(may(resources, "s3:PutObject", lease)).toBe(true);
    expect(may(await recordSync({ schedules: { region: "us-east" } }), "s3:PutObject", lease)).toBe(false);
  });

  it("may query CloudWatch about the database and replication only with a database identifier", async () => {
    const asking = await recordSync({ databaseIdentifier: "langflow-dr-us-east-database" });
    const [own, peer] = ["langflow-dr-us-east-flows", PEER.bucketName];
    expect(JSON.parse(manifest(asking, "ConfigMap", "flow-sync").data.AGENT_CLOUDWATCH)).toEqual({
      database: "langflow-dr-us-east-database",
      replications: [
        { from: "us-east", to: "eu-west", source: own, destination: peer, rule: "to-eu-west" },
        { from: "eu-west", to: "us-east", source: peer, destination: own, rule: "to-us-east" },
      ],
    });
    const may = (made: Recorded[]) => allows(statements(made), { action: "cloudwatch:GetMetricData", resource: "*" });
    expect([may(asking), may(resources)]).toEqual([true, false]);
  });

  it("gets its secrets by reference, from its own SecretProviderClass", () => {
    const { env } = container(resources);
    expect(env).toEqual(
      ["LANGFLOW_SECRET_KEY", "LANGFLOW_DATABASE_URL", "AGENT_GIT_TOKEN"].map((name) => ({
        name,
        valueFrom: { secretKeyRef: { name: expect.stringMatching(/^flow-sync-accounts-[0-9a-f]{8}$/), key: name } },
      })),
    );
    const { volumes } = template(resources).spec;
    expect(volumes.find(({ name }: { name: string }) => name === "secrets").csi.volumeAttributes).toEqual({
      secretProviderClass: expect.stringMatching(/^flow-sync-accounts-[0-9a-f]{8}$/),
    });
    const { metadata, spec } = manifest(resources, "SecretProviderClass");
    expect(metadata.name).toMatch(/^flow-sync-accounts-[0-9a-f]{8}$/);
    expect(JSON.parse(spec.parameters.objects)).toContainEqual(
      expect.objectContaining({
        objectName: DATABASE_SECRET_ARNS.owner,
        jmesPath: [
          { path: "url", objectAlias: "LANGFLOW_DATABASE_URL" },
          { path: "authorities", objectAlias: "database-authorities" },
        ],
      }),
    );
  });

  it("serves all three probes on /healthz of the metrics port", () => {
    const { ports, startupProbe, readinessProbe, livenessProbe } = container(resources);
    expect(ports).toEqual([{ name: "metrics", containerPort: 9091, protocol: "TCP" }]);
    for (const probe of [startupProbe, readinessProbe, livenessProbe])
      expect(probe.httpGet).toEqual({ path: "/healthz", port: "metrics" });
  });

  it("requests few resources, with limits for ten thousand flows plus an operator's command", () => {
    expect(container(resources).resources).toEqual({
      requests: { cpu: "100m", memory: "192Mi", "ephemeral-storage": "1Gi" },
      limits: { cpu: "1", memory: "512Mi", "ephemeral-storage": "4Gi" },
    });
  });

  it("mounts a writable volume at its state directory, where operators store releases", () => {
    const { AGENT_STATE_DIR } = manifest(resources, "ConfigMap", "flow-sync").data;
    const mount = container(resources).volumeMounts.find(
      ({ mountPath }: { mountPath: string }) => mountPath === AGENT_STATE_DIR,
    );
    expect(mount).toEqual({ name: "state", mountPath: "/var/lib/agent" });
    expect(template(resources).spec.volumes).toContainEqual({ name: "state", emptyDir: { sizeLimit: "2Gi" } });
  });

  it("runs without privileges, with only its state and /tmp writable, both lost with the pod", () => {
    const { spec } = template(resources);
    expect(spec).toMatchObject({
      serviceAccountName: "flow-sync",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } },
    });
    expect(container(resources).securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    const kinds = spec.volumes.map(({ name, ...source }: { name: string }) => [name, Object.keys(source)[0]]);
    expect(kinds).toEqual([
      ["state", "emptyDir"],
      ["temporary", "emptyDir"],
      ["secrets", "csi"],
    ]);
  });

  it("has no Service, port or secret for webhooks if webhooks are disabled", async () => {
    expect(manifests(resources).map(({ kind }) => kind)).not.toContain("Service");
    expect(JSON.stringify(manifests(resources))).not.toContain("WEBHOOK_SECRET");
    let hostname: unknown = "unset";
    await recordSync({}, (sync) => {
      hostname = sync.webhookHostname;
    });
    expect(hostname).toBeUndefined();
  });

  it("receives webhooks through its own TLS load balancer from Cloudflare's ranges on port 8080", async () => {
    const service = manifest(hooked, "Service");
    expect(service.metadata.name).toBe("flow-sync-public");
    expect(service.spec).toMatchObject({
      type: "LoadBalancer",
      loadBalancerSourceRanges: WEBHOOK?.sourceRanges,
      selector: manifest(hooked, "Deployment").spec.selector.matchLabels,
      ports: [{ name: "https", port: 443, targetPort: "webhook", protocol: "TCP" }],
    });
    const annotation = (key: string) =>
      service.metadata.annotations?.[`service.beta.kubernetes.io/aws-load-balancer-${key}`];
    expect(annotation("ssl-cert")).toBe(WEBHOOK?.certificateArns[0]);
    // The agent serves probes on a different port, which only Prometheus may reach.
    expect(annotation("healthcheck-protocol")).toBe("TCP");
    expect(annotation("healthcheck-path")).toBeUndefined();
    expect(container(hooked).ports).toContainEqual({ name: "webhook", containerPort: 8080, protocol: "TCP" });
    expect(container(hooked).env.map(({ name }: { name: string }) => name)).toContain("AGENT_WEBHOOK_SECRET");
    let hostname = "";
    await recordSync({ webhook: WEBHOOK }, async ({ webhookHostname }) => {
      if (webhookHostname) hostname = await settled(webhookHostname);
    });
    expect(hostname).toMatch(/\.elb\.us-east-1\.amazonaws\.com$/);
  });

  it("creates all resources in its own AWS region", async () => {
    const elsewhere = await recordSync({ region: "eu-west", awsRegion: "eu-west-1", webhook: WEBHOOK });
    expectRegions(elsewhere, ["eu-west-1"]);
    expect(manifest(elsewhere, "Deployment").metadata.name).toBe("flow-sync-eu-west");
  });
});
