import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import { parse } from "yaml";
import { Observability, type ObservabilityArgs } from "../../../components/observability/Observability";
import type { RemoteWrite } from "../../../observability/remoteWrite";
import { LANGFLOW_ARGS, type Manifest, manifest, manifests, REGISTRY, SECRET_ARNS } from "../../langflow";
import { expectRegions, type Recorded, record, refusal } from "../../mocks";
import { NOTIFICATIONS, RULE_SETTINGS, WATCHED } from "../../observability/settings";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const ALERTING = SECRET_ARNS.gitToken.replace("git-token", "alerting");
const NOBODY = { receivers: { webhook: [], email: [], sns: [], pagerduty: [] } };

const ARGS: ObservabilityArgs = {
  region: "us-east",
  awsRegion: "us-east-1",
  clusterName: LANGFLOW_ARGS.clusterName,
  kubernetesVersion: "1.35",
  vpcCidr: "10.16.0.0/16",
  keyArn: LANGFLOW_ARGS.keyArn,
  images: {
    prometheus: { repository: "prometheus", version: "v3.16.0", digest: digest("a") },
    alertmanager: { repository: "alertmanager", version: "v0.35.0", digest: digest("b") },
    blackboxExporter: { repository: "blackbox-exporter", version: "v0.28.0", digest: digest("c") },
  },
  registry: REGISTRY,
  watched: { ...WATCHED, remoteWrite: undefined },
  rules: RULE_SETTINGS,
  retentionDays: 35,
  storageGib: 50,
  notifications: NOTIFICATIONS,
  alertingSecretArn: ALERTING,
};

function make(changes: Partial<ObservabilityArgs> = {}): Observability {
  const providers = {
    aws: new aws.Provider("aws", { region: "us-east-1" }),
    kubernetes: new kubernetes.Provider("kubernetes", { kubeconfig: "{}" }),
  };
  return new Observability("us-east", { ...ARGS, ...changes }, { providers });
}

const PROGRAMS = ["prometheus", "alertmanager", "blackbox-exporter"];
const pod = (deployment: Manifest) => deployment.spec.template.spec;
const nameOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`;

describe("Observability", () => {
  let resources: Recorded[];
  const deployment = (program: string) => manifest(resources, "Deployment", `${program}-us-east`);
  beforeAll(async () => {
    resources = await record(() => make());
  });

  it("creates all resources in its own AWS region", () => {
    expectRegions(resources, ["us-east-1"]);
  });

  it("pulls each image by digest from the region's own registry and admits no other images to the namespace", () => {
    const images = PROGRAMS.map((program) => pod(deployment(program)).containers[0].image);
    expect(images).toEqual([
      `${REGISTRY}/prometheus@${digest("a")}`,
      `${REGISTRY}/alertmanager@${digest("b")}`,
      `${REGISTRY}/blackbox-exporter@${digest("c")}`,
    ]);
    const policy = manifest(resources, "ValidatingAdmissionPolicy", "observability-images");
    expect(JSON.stringify(policy.spec.variables)).toContain("123456789012");
  });

  it("runs restricted pods: without root or privileges, and with only the disk writable", () => {
    const { labels } = manifest(resources, "Namespace").metadata;
    expect(labels).toMatchObject({ "pod-security.kubernetes.io/enforce": "restricted" });
    for (const program of PROGRAMS) {
      const { containers, securityContext } = pod(deployment(program));
      expect(containers).toHaveLength(1);
      expect(containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
      expect(Object.keys(containers[0].resources.limits).sort()).toEqual(["cpu", "ephemeral-storage", "memory"]);
    }
  });

  it("gives only Prometheus a Kubernetes token, with read access to nodes and pods", () => {
    expect(PROGRAMS.map((program) => pod(deployment(program)).automountServiceAccountToken)).toEqual([
      true,
      false,
      false,
    ]);
    const { rules } = manifest(resources, "ClusterRole");
    const verbs = rules.flatMap((rule: { verbs: string[] }) => rule.verbs);
    expect(new Set(verbs)).toEqual(new Set(["get", "list", "watch"]));
    const kinds = rules.flatMap((rule: { resources: string[] }) => rule.resources);
    expect(kinds).toEqual(["nodes", "pods", "nodes/metrics"]);
  });

  it("writes the configuration file that each program's arguments name", () => {
    for (const program of PROGRAMS) {
      const [container] = pod(deployment(program)).containers;
      const [, file = ""] = /--config\.file=\/etc\/observability\/(\S+)/.exec(container.args.join(" ")) ?? [];
      const { data } = manifest(resources, "ConfigMap", program);
      expect([program, Object.keys(data)]).toEqual([program, expect.arrayContaining([file])]);
    }
    const { data } = manifest(resources, "ConfigMap", "prometheus");
    expect(parse(data["prometheus.yml"]).rule_files).toEqual(["rules.yml"]);
    expect(Object.keys(data)).toContain("rules.yml");
  });

  it("replaces exactly the pod whose configuration changed", async () => {
    const other = await record(() => make({ watched: { ...WATCHED, hostname: "other.example.com" } }));
    const sum = (all: Recorded[], program: string) =>
      manifest(all, "Deployment", `${program}-us-east`).spec.template.metadata.annotations["langflow-dr/config-sha256"];
    expect(PROGRAMS.map((program) => sum(other, program) === sum(resources, program))).toEqual([false, true, false]);
  });

  it("keeps time series for the configured days and deletes the oldest before the disk is full", () => {
    const { args } = pod(deployment("prometheus")).containers[0];
    expect(args).toEqual(
      expect.arrayContaining(["--storage.tsdb.retention.time=35d", "--storage.tsdb.retention.size=46080MB"]),
    );
    expect(manifest(resources, "PersistentVolumeClaim", "prometheus").spec.resources.requests.storage).toBe("50Gi");
    expect(deployment("prometheus").spec.strategy).toEqual({ type: "Recreate" });
  });

  it("mounts Alertmanager's secrets as files and lets its role use only them and the topics", () => {
    const { spec } = manifest(resources, "SecretProviderClass");
    expect(spec.parameters.objects).toContain(ALERTING);
    const mounts = pod(deployment("alertmanager")).containers[0].volumeMounts;
    expect(mounts).toContainEqual({ name: "secrets", mountPath: "/mnt/secrets", readOnly: true });
    const policies = resources.filter(({ type }) => type === "aws:iam/rolePolicy:RolePolicy");
    expect(policies).toHaveLength(1);
    const statements = JSON.parse(policies[0]?.inputs.policy).Statement;
    expect(statements.map(({ Sid, Resource }: { Sid: string; Resource: unknown }) => [Sid, Resource])).toEqual([
      ["ReadSecrets", [ALERTING]],
      ["UseKeyForSecrets", ARGS.keyArn],
      ["Publish", ["arn:aws:sns:us-west-2:123456789012:alerts"]],
    ]);
  });

  it("gives Alertmanager no role if no receiver needs AWS or a secret", async () => {
    const quiet = await record(() => make({ notifications: NOBODY }));
    expect(quiet.filter(({ type }) => type.startsWith("aws:iam"))).toEqual([]);
    expect(manifests(quiet).some(({ kind }) => kind === "SecretProviderClass")).toBe(false);
  });

  it("rejects a receiver's secret without an alerting secret before it creates any resource", async () => {
    expect(await refusal(() => new Observability("us-east", { ...ARGS, alertingSecretArn: undefined }))).toBe(
      "the alerting secrets of us-east are missing: CHAT_URL, PAGERDUTY_KEY, SMTP_PASSWORD, SWITCH_URL",
    );
  });

  it("denies all incoming connections except Prometheus' to the other programs", () => {
    const policies = manifests(resources).filter(({ kind }) => kind === "NetworkPolicy");
    expect(manifest(resources, "NetworkPolicy", "default-deny").spec).toEqual({
      podSelector: {},
      policyTypes: ["Ingress", "Egress"],
    });
    const ways = policies.flatMap(({ metadata, spec }) =>
      (spec.ingress ?? []).map(({ from, ports }: { from: unknown[]; ports: unknown[] }) => [
        metadata.name,
        from,
        ports,
      ]),
    );
    const prometheus = { podSelector: { matchLabels: deployment("prometheus").spec.selector.matchLabels } };
    expect(ways).toEqual([
      ["alertmanager-ingress", [prometheus], [{ protocol: "TCP", port: 9093 }]],
      ["blackbox-exporter-ingress", [prometheus], [{ protocol: "TCP", port: 9115 }]],
    ]);
    expect(JSON.stringify(manifests(resources).map(({ spec }) => spec?.type))).not.toContain("LoadBalancer");
  });

  it("allows Prometheus connections to its targets but not to the internet", () => {
    const { egress } = manifest(resources, "NetworkPolicy", "prometheus-egress").spec;
    const ports = egress.flatMap((way: { ports: { port: number }[] }) => way.ports.map(({ port }) => port));
    expect(ports).toEqual([53, 53, 443, 10250, 9100, 8080, 9090, 9091, 9093, 9115]);
    expect(JSON.stringify(egress)).not.toContain("0.0.0.0/0");
  });

  it("lets the blackbox exporter reach the internet and LangFlow, and lets Alertmanager reach its mail server", () => {
    const open = (name: string) =>
      manifest(resources, "NetworkPolicy", name).spec.egress.flatMap((way: { ports: { port: number }[] }) =>
        way.ports.map(({ port }) => port),
      );
    expect(open("blackbox-exporter-egress")).toEqual([53, 53, 443, 7860]);
    expect(open("alertmanager-egress")).toEqual([53, 53, 80, 443, 443, 587]);
  });

  describe("with Grafana", () => {
    let shown: Recorded[];
    const grafana = { repository: "grafana", version: "13.2.3", digest: digest("d") };
    beforeAll(async () => {
      shown = await record(() => make({ images: { ...ARGS.images, grafana } }));
    });

    it("adds Grafana's objects and its connection to Prometheus, and changes no other object", () => {
      const keyed = (all: Recorded[]) =>
        new Map(all.map(({ type, name, inputs }) => [`${type} ${name}`, JSON.stringify(inputs)]));
      const [before, after] = [keyed(resources), keyed(shown)];
      const changed = [...before].filter(([key, inputs]) => after.get(key) !== inputs);
      expect(changed.map(([key]) => key)).toEqual(["langflow-dr:index:Observability us-east"]);
      const kinds = manifests(shown)
        .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
        .filter((each) => !manifests(resources).some(({ kind, metadata }) => each === `${kind} ${metadata.name}`));
      expect(kinds.toSorted()).toEqual([
        "ConfigMap grafana",
        "Deployment grafana-us-east",
        "NetworkPolicy grafana-egress",
        "NetworkPolicy prometheus-ingress",
        "Service grafana",
      ]);
    });

    it("runs Grafana as its image's user, with two temporary writable folders and without a token", () => {
      const spec = pod(manifest(shown, "Deployment", "grafana-us-east"));
      expect(spec).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 472, runAsGroup: 472, fsGroup: 472 },
      });
      const [{ image, securityContext, volumeMounts, resources: asked }] = spec.containers;
      expect(image).toBe(`${REGISTRY}/grafana@${digest("d")}`);
      expect(securityContext.readOnlyRootFilesystem).toBe(true);
      const written = volumeMounts.filter(({ readOnly }: { readOnly?: boolean }) => readOnly !== true);
      expect(written.map(({ mountPath }: { mountPath: string }) => mountPath)).toEqual(["/var/lib/grafana", "/tmp"]);
      const scratch = spec.volumes.filter((volume: object) => "emptyDir" in volume);
      expect(scratch.map((volume: { emptyDir: object }) => volume.emptyDir)).toEqual([
        { sizeLimit: "256Mi" },
        { sizeLimit: "64Mi" },
      ]);
      expect(asked.limits["ephemeral-storage"]).toBe("1Gi");
    });

    it("mounts each file at the path that Grafana's environment names, from flat ConfigMap keys", () => {
      const spec = pod(manifest(shown, "Deployment", "grafana-us-east"));
      const { data } = manifest(shown, "ConfigMap", "grafana");
      expect(Object.keys(data).every((key) => /^[-._a-zA-Z0-9]+$/.test(key))).toBe(true);
      const [{ configMap }] = spec.volumes;
      expect(configMap.items.map(({ key }: { key: string }) => key).toSorted()).toEqual(Object.keys(data).toSorted());
      expect(spec.containers[0].env).toEqual([
        { name: "GF_PATHS_CONFIG", value: "/etc/observability/grafana.ini" },
        { name: "GF_PATHS_PROVISIONING", value: "/etc/observability/provisioning" },
      ]);
      expect(configMap.items.map(({ path }: { path: string }) => path)).toContain("grafana.ini");
    });

    it("lets Grafana reach only Prometheus, and lets no other pod reach Grafana", () => {
      const labels = (program: string) => manifest(shown, "Deployment", `${program}-us-east`).spec.selector.matchLabels;
      const peer = (program: string) => ({ podSelector: { matchLabels: labels(program) } });
      const { spec } = manifest(shown, "NetworkPolicy", "prometheus-ingress");
      expect(spec).toEqual({
        podSelector: { matchLabels: labels("prometheus") },
        policyTypes: ["Ingress"],
        ingress: [{ from: [peer("grafana")], ports: [{ protocol: "TCP", port: 9090 }] }],
      });
      const { egress } = manifest(shown, "NetworkPolicy", "grafana-egress").spec;
      expect(egress.slice(1)).toEqual([{ to: [peer("prometheus")], ports: [{ protocol: "TCP", port: 9090 }] }]);
      expect(egress[0].ports.map(({ port }: { port: number }) => port)).toEqual([53, 53]);
      const into = manifests(shown).filter(
        ({ kind, spec }) =>
          kind === "NetworkPolicy" && spec.ingress && JSON.stringify(spec.podSelector).includes('"grafana"'),
      );
      expect(into).toEqual([]);
    });

    it("replaces Grafana's pod when the thresholds of the rules change", async () => {
      const rules = { ...RULE_SETTINGS, sync: { ...RULE_SETTINGS.sync, intervalSeconds: 600 } };
      const other = await record(() => make({ images: { ...ARGS.images, grafana }, rules }));
      const sum = (each: Recorded[]) =>
        manifest(each, "Deployment", "grafana-us-east").spec.template.metadata.annotations["langflow-dr/config-sha256"];
      expect(sum(other)).not.toBe(sum(shown));
    });
  });

  describe("with the collector", () => {
    let counted: Recorded[];
    const collector = { repository: "collector", version: "0.165.1", digest: digest("e") };
    beforeAll(async () => {
      counted = await record(() => make({ images: { ...ARGS.images, collector } }));
    });

    it("adds the collector's objects and changes only Prometheus' network policy", () => {
      const named = (all: Recorded[]) => new Map(manifests(all).map((each) => [nameOf(each), JSON.stringify(each)]));
      const [before, after] = [named(resources), named(counted)];
      expect([...before].filter(([name, text]) => after.get(name) !== text).map(([name]) => name)).toEqual([
        "NetworkPolicy prometheus-egress",
      ]);
      expect([...after.keys()].filter((name) => !before.has(name)).toSorted()).toEqual([
        "ConfigMap collector",
        "Deployment collector-us-east",
        "NetworkPolicy collector-ingress",
        "Service collector",
      ]);
    });

    it("lets only LangFlow send spans to the collector and only Prometheus scrape it, and lets the collector reach nothing", () => {
      const { spec } = manifest(counted, "NetworkPolicy", "collector-ingress");
      const labels = (program: string) =>
        manifest(counted, "Deployment", `${program}-us-east`).spec.selector.matchLabels;
      expect(spec.podSelector.matchLabels).toEqual(labels("collector"));
      expect(spec.ingress).toEqual([
        {
          from: [
            {
              namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "langflow" } },
              podSelector: {
                matchLabels: {
                  "app.kubernetes.io/name": "langflow",
                  "app.kubernetes.io/instance": "langflow-us-east",
                  "app.kubernetes.io/component": "server",
                },
              },
            },
          ],
          ports: [{ protocol: "TCP", port: 4318 }],
        },
        {
          from: [{ podSelector: { matchLabels: labels("prometheus") } }],
          ports: [{ protocol: "TCP", port: 8889 }],
        },
      ]);
      const egress = manifests(counted).filter(
        ({ kind, spec: rules }) =>
          kind === "NetworkPolicy" &&
          rules.egress &&
          rules.podSelector.matchLabels?.["app.kubernetes.io/name"] === "collector",
      );
      expect(egress).toEqual([]);
    });

    it("serves the collector's spans, metrics and probes on separate ports through one Service", () => {
      const [container] = pod(manifest(counted, "Deployment", "collector-us-east")).containers;
      const ports = container.ports.map(({ name, containerPort }: { name: string; containerPort: number }) => [
        name,
        containerPort,
      ]);
      expect(ports).toEqual([
        ["http", 4318],
        ["metrics", 8889],
        ["health", 13133],
      ]);
      for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"])
        expect(container[probe].httpGet).toEqual({ path: "/", port: "health" });
      const { spec } = manifest(counted, "Service", "collector");
      expect(
        spec.ports.map(({ port, targetPort }: { port: number; targetPort: string }) => [targetPort, port]),
      ).toEqual(ports);
    });
  });

  describe("with remote write", () => {
    const sent = (remoteWrite: RemoteWrite, changes: Partial<ObservabilityArgs> = {}) =>
      record(() => make({ watched: { ...WATCHED, remoteWrite }, notifications: NOBODY, ...changes }));
    const workspaceArn = "arn:aws:aps:us-west-2:123456789012:workspace/ws-1a2b";
    const policy = (all: Recorded[]) =>
      all
        .filter(({ type }) => type === "aws:iam/rolePolicy:RolePolicy")
        .flatMap(({ inputs }) => JSON.parse(inputs.policy).Statement)
        .map(({ Action, Resource }: { Action: unknown; Resource: unknown }) => [Action, Resource]);
    const ways = (all: Recorded[]) =>
      manifest(all, "NetworkPolicy", "prometheus-egress").spec.egress.flatMap((way: { ports: { port: number }[] }) =>
        way.ports.map(({ port }) => port),
      );

    it("writes to an AWS workspace with a minimal role, bound to the existing ServiceAccount", async () => {
      const all = await sent({ workspaceArn });
      expect(policy(all)).toEqual([["aps:RemoteWrite", workspaceArn]]);
      const accounts = manifests(all).filter(({ kind }) => kind === "ServiceAccount");
      expect(accounts.map(({ metadata }) => metadata.name)).toEqual(["prometheus"]);
      expect(manifests(all).some(({ kind }) => kind === "SecretProviderClass")).toBe(false);
      expect(ways(all).slice(-2)).toEqual([80, 443]);
    });

    it("mounts only the token of a third-party endpoint, and uses the port of its URL", async () => {
      const all = await sent({ url: "https://series.example.com:8443/write", secret: "STORE_TOKEN" });
      expect(policy(all).map(([, resource]: unknown[]) => resource)).toEqual([[ALERTING], ARGS.keyArn]);
      const classes = manifests(all).filter(({ kind }) => kind === "SecretProviderClass");
      const own = classes.find(({ metadata }) => metadata.name.startsWith("prometheus-"));
      expect(own?.spec.parameters.objects).toContain("STORE_TOKEN");
      const { data } = manifest(all, "ConfigMap", "prometheus");
      const [{ authorization }] = parse(data["prometheus.yml"]).remote_write;
      const [{ volumeMounts }] = pod(manifest(all, "Deployment", "prometheus-us-east")).containers;
      const { mountPath } = volumeMounts.find(({ name }: { name: string }) => name === "secrets");
      expect(authorization).toEqual({ credentials_file: `${mountPath}/STORE_TOKEN` });
      expect(ways(all).at(-1)).toBe(8443);
    });

    it("rejects a token without an alerting secret", async () => {
      const watched = { ...WATCHED, remoteWrite: { url: "https://series.example.com", secret: "STORE_TOKEN" } };
      const args = { ...ARGS, watched, notifications: NOBODY, alertingSecretArn: undefined };
      expect(await refusal(() => new Observability("us-east", args))).toBe(
        "the alerting secrets of us-east are missing: STORE_TOKEN",
      );
    });
  });

  it("installs the two EKS add-ons", () => {
    const addons = resources.filter(({ type }) => type === "aws:eks/addon:Addon").map(({ inputs }) => inputs.addonName);
    expect(addons).toEqual(["kube-state-metrics", "prometheus-node-exporter"]);
  });

  it("has no secret values in its manifests, only the paths of mounted files", () => {
    const text = JSON.stringify(manifests(resources));
    expect(text).toContain("/mnt/secrets/PAGERDUTY_KEY");
    expect(text).not.toMatch(/routing_key: |auth_password: /);
  });
});
