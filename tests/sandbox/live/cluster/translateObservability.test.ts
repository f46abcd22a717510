import { parse } from "yaml";
import { alertmanagerFiles, blackboxFiles, collectorFiles, prometheusFiles } from "../../../../observability/files";
import { HEALTH_CHECK } from "../../../../observability/healthChecks";
import { KEPT } from "../../../../observability/metrics";
import { serviceHosts } from "../../../../sandbox/live/cluster/translate";
import { hostsOutside, translatedFile } from "../../../../sandbox/live/cluster/translateObservability";
import { NOTIFICATIONS, RULE_SETTINGS, WATCHED } from "../../../observability/settings";

const service = (namespace: string, name: string, port: number, live: number) =>
  serviceHosts(namespace, name).map((host) => [`${host}:${port}`, live] as const);

const AROUND = {
  addresses: new Map([
    ["localhost:9090", 40001],
    ...service("observability", "alertmanager", 9093, 40002),
    ...service("observability", "blackbox-exporter", 9115, 40003),
    ...service("observability", "collector", 8889, 40016),
    ...service("langflow", "langflow", 80, 40004),
  ]),
  outside: new Map([
    ["eu-west.elb.example.com:443", 40005],
    ["langflow.example.com:443", 40006],
  ]),
  podPorts: [
    { namespace: "langflow", pod: "langflow-us-east-live", containerPort: 7860, port: 40010 },
    { namespace: "langflow", pod: "langflow-us-east-live", containerPort: 9090, port: 40011 },
    { namespace: "observability", pod: "prometheus-us-east-live", containerPort: 9090, port: 40001 },
    { namespace: "other", pod: "other-live", containerPort: 4318, port: 40012 },
    { namespace: "observability", pod: "collector-us-east-live", containerPort: 4318, port: 40013 },
    { namespace: "observability", pod: "collector-us-east-live", containerPort: 8889, port: 40014 },
    { namespace: "observability", pod: "collector-us-east-live", containerPort: 13133, port: 40015 },
  ],
  gitUrl: "http://127.0.0.1:40007/us-east/flows.git",
  notificationsUrl: "http://127.0.0.1:40008/alerts/us-east",
};

interface Scrape {
  job_name: string;
  static_configs: { targets: string[]; labels?: Record<string, string> }[];
  relabel_configs?: Record<string, unknown>[];
}

const FILES = prometheusFiles(WATCHED, RULE_SETTINGS);
const APPLIED = parse(FILES["prometheus.yml"] ?? "");
const LIVE = parse(translatedFile("prometheus.yml", FILES["prometheus.yml"] ?? "", AROUND));
const job = (config: { scrape_configs: Scrape[] }, name: string) =>
  config.scrape_configs.find(({ job_name }) => job_name === name);

describe("Prometheus' files on this machine", () => {
  it("have the applied rules, character by character", () => {
    expect(translatedFile("rules.yml", FILES["rules.yml"] ?? "", AROUND)).toBe(FILES["rules.yml"]);
  });

  it("have every job except those for nodes and for the cluster's add-ons", () => {
    const absent = Object.keys(KEPT).filter((name) => !job(LIVE, name));
    expect(absent.sort()).toEqual(["cadvisor", "kube-state-metrics", "kubelet", "node-exporter"]);
  });

  it("give a job all ports of its namespace with the Kubernetes API's labels, so that the job's own rules select targets", () => {
    const langflow = job(LIVE, "langflow");
    expect(langflow?.relabel_configs).toEqual(job(APPLIED, "langflow")?.relabel_configs);
    expect(langflow?.static_configs.map(({ targets }) => targets)).toEqual([["127.0.0.1:40010"], ["127.0.0.1:40011"]]);
    expect(langflow?.static_configs[1]?.labels).toEqual({
      __meta_kubernetes_namespace: "langflow",
      __meta_kubernetes_pod_name: "langflow-us-east-live",
      __meta_kubernetes_pod_container_port_number: "9090",
      __meta_kubernetes_pod_phase: "Running",
    });
    expect(JSON.stringify(LIVE)).not.toContain("kubernetes_sd_configs");
  });

  it.each([
    ["probe-origin", "https://eu-west.elb.example.com/healthz", "http://127.0.0.1:40005/healthz"],
    ["probe-public", "https://langflow.example.com/healthz", "http://127.0.0.1:40006/healthz"],
    ["probe-own", "http://langflow.langflow.svc.cluster.local/healthz", "http://127.0.0.1:40004/healthz"],
    [
      "probe-git",
      "https://git.example.com/acme/flows.git/info/refs?service=git-upload-pack",
      "http://127.0.0.1:40007/us-east/flows.git/info/refs?service=git-upload-pack",
    ],
  ])(
    "let the job %s probe the local server of a hostname, but keep the hostname in the job's metrics",
    (name, url, asked) => {
      const [applied, live] = [job(APPLIED, name), job(LIVE, name)];
      expect(live?.static_configs).toEqual(applied?.static_configs);
      expect(live?.static_configs.flatMap(({ targets }) => targets)).toEqual([url]);
      // After the rule that sets the label `instance` to the probed URL.
      expect(live?.relabel_configs?.at(-1)).toEqual({
        source_labels: ["__param_target"],
        regex: `\\Q${url}\\E`,
        target_label: "__param_target",
        replacement: asked,
      });
      expect(live?.relabel_configs?.at(-2)).toEqual({ target_label: "__address__", replacement: "127.0.0.1:40003" });
    },
  );

  it("send alerts to the region's own Alertmanager", () => {
    expect(LIVE.alerting.alertmanagers).toEqual([{ static_configs: [{ targets: ["127.0.0.1:40002"] }] }]);
    expect(job(LIVE, "prometheus")?.static_configs).toEqual([{ targets: ["127.0.0.1:40001"] }]);
  });

  it("list the hosts outside of the region that are probed, including the Git host", () => {
    expect(hostsOutside(FILES["prometheus.yml"] ?? "")).toEqual([
      "eu-west.elb.example.com",
      "langflow.example.com",
      "git.example.com",
    ]);
  });
});

describe("Alertmanager's file on this machine", () => {
  const [applied, live] = [
    alertmanagerFiles(NOTIFICATIONS)["alertmanager.yml"] ?? "",
    translatedFile("alertmanager.yml", alertmanagerFiles(NOTIFICATIONS)["alertmanager.yml"] ?? "", AROUND),
  ];

  it("sends all notifications to the supervisor, whatever the receiver, and reads no secret", () => {
    const names = ["dead-mans-switch", "webhook-1", "email-1", "sns-1", "pagerduty-1"];
    expect(parse(live).receivers).toEqual([
      { name: "nobody" },
      ...names.map((name) => ({
        name,
        webhook_configs: [{ url: `${AROUND.notificationsUrl}/${name}`, send_resolved: name !== "dead-mans-switch" }],
      })),
    ]);
    expect(live).not.toContain("_file");
  });

  it("has the routes, waiting times and inhibitions that were applied", () => {
    const { receivers: _, ...rest } = parse(applied);
    expect(parse(live)).toMatchObject(rest);
  });
});

describe("the blackbox exporter's file on this machine", () => {
  it("requires no TLS, and is unchanged otherwise", () => {
    const { "blackbox.yml": applied = "" } = blackboxFiles(WATCHED.hostname, HEALTH_CHECK);
    const expected = applied
      .split("\n")
      .filter((line) => !line.includes("fail_if_not_ssl"))
      .join("\n");
    expect(applied).not.toBe(expected);
    expect(parse(translatedFile("blackbox.yml", applied, AROUND))).toEqual(parse(expected));
  });
});

describe("the collector's file on this machine", () => {
  it("uses the ports of its own pod, on loopback only, and is unchanged otherwise", () => {
    const { "collector.yml": applied = "" } = collectorFiles();
    const expected = applied
      .replace("0.0.0.0:4318", "127.0.0.1:40013")
      .replace("0.0.0.0:8889", "127.0.0.1:40014")
      .replace("0.0.0.0:13133", "127.0.0.1:40015");
    expect(parse(translatedFile("collector.yml", applied, AROUND))).toEqual(parse(expected));
    expect(expected).not.toContain("0.0.0.0");
  });

  it("leads Prometheus to scrape the collector at the address of its Service", () => {
    expect(job(LIVE, "collector")?.static_configs).toEqual([{ targets: ["127.0.0.1:40016"] }]);
  });
});
