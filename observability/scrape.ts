/** Prometheus' configuration: targets, scrape intervals and kept metrics. */
import { AGENT_METRICS_PORT } from "../formats/agentEndpoints";
import { HEALTH_PATH, METRICS_PORT, NAMESPACE } from "../model/langflow";
import { ADDON_NAMESPACES, address, OBSERVABILITY_NAMESPACE, PORTS } from "../model/observability";
import type { HealthCheckTimes, Module } from "./healthChecks";
import { type Job, KEPT } from "./metrics";
import { duration } from "./promql";
import { type RemoteWrite, remoteWriteConfig } from "./remoteWrite";

/** A different region whose health this one checks. */
export interface ObservedPeer {
  /** Our name of the region. */
  readonly region: string;
  /** DNS name of its load balancer. Absent if it is unknown: its origin is then not checked. */
  readonly origin?: string;
}

/** Targets of a region's Prometheus outside its cluster. */
export interface Watched {
  /** Our name of the region. */
  readonly region: string;
  /** Public hostname of the whole fleet. */
  readonly hostname: string;
  readonly peers: readonly ObservedPeer[];
  /**
   * `https://…` of the flow repository. A path, as in a fleet on one machine, is not checked. Absent: the fleet has no
   * repository.
   */
  readonly repositoryUrl?: string | undefined;
  readonly healthCheck: HealthCheckTimes;
  /** Whether a collector counts runs by flow. */
  readonly hasCollector: boolean;
  /** External store of the series. Absent: no remote write. */
  readonly remoteWrite?: RemoteWrite | undefined;
}

/** Seconds between two scrapes, and between two evaluations of rules without an own interval. */
export const SCRAPE_SECONDS = 30;
/** Timeout of a scrape, in seconds. Longer than the timeout of a health check, which runs during the scrape. */
const TIMEOUT_SECONDS = 10;

/** Rule file of Prometheus, in its configuration folder. */
export const RULE_FILE = "rules.yml";

/** Folder of a pod's token and the cluster's certificate authority. */
const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

interface Relabeling {
  readonly source_labels?: readonly string[];
  readonly regex?: string;
  readonly target_label?: string;
  readonly replacement?: string;
  readonly action?: "keep" | "drop" | "labeldrop";
}

interface Scrape {
  readonly job_name: Job;
  readonly metric_relabel_configs: readonly Relabeling[];
  readonly [setting: string]: unknown;
}

/** Labels that identify a pod of the cluster in its series. */
const POD_LABELS: readonly Relabeling[] = [
  { source_labels: ["__meta_kubernetes_namespace"], target_label: "namespace" },
  { source_labels: ["__meta_kubernetes_pod_name"], target_label: "pod" },
];

const keep = (source: string | readonly string[], regex: string): Relabeling => ({
  source_labels: [source].flat(),
  regex,
  action: "keep",
});

/** Keeps only the metrics that rules and dashboards use. */
const kept = (job: Job): Relabeling => keep("__name__", KEPT[job].join("|"));

/** Matches our own namespaces. */
const OURS = `${NAMESPACE}|${OBSERVABILITY_NAMESPACE}`;

/** Drops the LangFlow process that the collector heard first, because the counts are those of all processes. */
const WITHOUT_SENDER: Relabeling = { regex: "exported_(job|instance)", action: "labeldrop" };

/**
 * Keeps only the counts of runs. Counts of other spans have no status; neither do counts beyond the limit of
 * combinations, which have the overflow label.
 */
const RUNS_ALONE = keep(["status", "otel_metric_overflow"], ".+;|;.+");

/** Drops the instrumentation scope, which is the same in every series of a metric. */
const WITHOUT_SCOPE: Relabeling = { regex: "otel_scope_(name|version|schema_url)", action: "labeldrop" };

/**
 * Returns the configuration, as an object to be written as YAML. Other regions appear only as probed origins, so
 * monitoring does not depend on them.
 */
export function prometheusConfig(watched: Watched): object {
  return {
    global: {
      scrape_interval: duration(SCRAPE_SECONDS),
      scrape_timeout: duration(TIMEOUT_SECONDS),
      evaluation_interval: duration(SCRAPE_SECONDS),
      external_labels: { region: watched.region },
    },
    rule_files: [RULE_FILE],
    ...(watched.remoteWrite && { remote_write: [remoteWriteConfig(watched.remoteWrite)] }),
    alerting: { alertmanagers: [{ static_configs: [{ targets: [address("alertmanager")] }] }] },
    scrape_configs: [...podScrapes(), ...nodeScrapes(), ...ownScrapes(watched), ...probes(watched)],
  };
}

/** Returns a job that discovers pods by a port and adds labels of these pods to their series. */
function pods(job: Job, namespace: string, port: number, metrics: readonly Relabeling[] = []): Scrape {
  const found = tellers(job, namespace, port, metrics);
  return { ...found, relabel_configs: [...found.relabel_configs, ...POD_LABELS] };
}

/** Returns a job that discovers pods whose series describe other objects. */
function tellers(job: Job, namespace: string, port: number, metrics: readonly Relabeling[]) {
  return {
    job_name: job,
    kubernetes_sd_configs: [{ role: "pod", namespaces: { names: [namespace] } }],
    relabel_configs: [
      keep("__meta_kubernetes_pod_container_port_number", `${port}`),
      { source_labels: ["__meta_kubernetes_pod_phase"], regex: "Succeeded|Failed", action: "drop" as const },
    ],
    metric_relabel_configs: [kept(job), ...metrics],
  };
}

function podScrapes(): Scrape[] {
  return [
    pods("langflow", NAMESPACE, METRICS_PORT, [WITHOUT_SCOPE]),
    pods("agent", NAMESPACE, AGENT_METRICS_PORT),
    {
      // The pods' own namespace is not added, because series about nodes, which have none, would get it.
      ...tellers("kube-state-metrics", ADDON_NAMESPACES["kube-state-metrics"], PORTS["kube-state-metrics"], [
        keep("namespace", `${OURS}|`),
      ]),
      honor_labels: true,
    },
    pods("node-exporter", ADDON_NAMESPACES["node-exporter"], PORTS["node-exporter"]),
  ];
}

/**
 * Returns the jobs for each node's kubelet, which has a certificate of the cluster's authority. Prometheus
 * authenticates with its own pod's token.
 */
function nodeScrapes(): Scrape[] {
  const kubelet = {
    scheme: "https",
    authorization: { credentials_file: `${SERVICE_ACCOUNT}/token` },
    tls_config: { ca_file: `${SERVICE_ACCOUNT}/ca.crt` },
    kubernetes_sd_configs: [{ role: "node" }],
    relabel_configs: [{ source_labels: ["__meta_kubernetes_node_name"], target_label: "node" }],
  };
  return [
    { job_name: "kubelet", ...kubelet, metric_relabel_configs: [kept("kubelet"), keep("namespace", `${OURS}|`)] },
    {
      job_name: "cadvisor",
      ...kubelet,
      metrics_path: "/metrics/cadvisor",
      metric_relabel_configs: [
        kept("cadvisor"),
        keep("namespace", OURS),
        // Series of a whole pod and of its sandbox have no container.
        keep("container", ".+"),
      ],
    },
  ];
}

function ownScrapes({ hasCollector }: Watched): Scrape[] {
  const own = (job: "prometheus" | "alertmanager" | "collector", target: string): Scrape => ({
    job_name: job,
    static_configs: [{ targets: [target] }],
    metric_relabel_configs: [kept(job)],
  });
  const collector = own("collector", address("collector", PORTS["collector-metrics"]));
  return [
    own("prometheus", `localhost:${PORTS.prometheus}`),
    own("alertmanager", address("alertmanager")),
    ...(hasCollector
      ? [
          {
            ...collector,
            metric_relabel_configs: [...collector.metric_relabel_configs, RUNS_ALONE, WITHOUT_SCOPE, WITHOUT_SENDER],
          },
        ]
      : []),
  ];
}

interface Probe {
  readonly job: Job;
  readonly module: Module;
  /** URLs, each with the region that it belongs to, if any. */
  readonly targets: readonly { readonly url: string; readonly region?: string }[];
}

/** Returns the health checks: each is a scrape of the blackbox exporter, which makes the request during the scrape. */
function probes(watched: Watched): Scrape[] {
  const { region, hostname, peers, repositoryUrl } = watched;
  const all: Probe[] = [
    {
      job: "probe-origin",
      module: "origin",
      targets: peers.flatMap(({ region: peer, origin }) =>
        origin === undefined ? [] : [{ url: `https://${origin}${HEALTH_PATH}`, region: peer }],
      ),
    },
    {
      job: "probe-own",
      module: "own",
      targets: [{ url: `http://langflow.${NAMESPACE}.svc.cluster.local${HEALTH_PATH}`, region }],
    },
    { job: "probe-public", module: "public", targets: [{ url: `https://${hostname}${HEALTH_PATH}` }] },
    {
      job: "probe-git",
      module: "git",
      targets: repositoryUrl?.startsWith("https://") ? [{ url: gitUrl(repositoryUrl) }] : [],
    },
  ];
  return all.filter(({ targets }) => targets.length > 0).map((each) => probe(each, watched.healthCheck));
}

function probe({ job, module, targets }: Probe, { intervalSeconds }: HealthCheckTimes): Scrape {
  return {
    job_name: job,
    scrape_interval: duration(intervalSeconds),
    metrics_path: "/probe",
    params: { module: [module] },
    static_configs: targets.map(({ url, region }) => ({
      targets: [url],
      ...(region !== undefined && { labels: { target_region: region } }),
    })),
    relabel_configs: [
      { source_labels: ["__address__"], target_label: "__param_target" },
      { source_labels: ["__param_target"], target_label: "instance" },
      { target_label: "__address__", replacement: address("blackbox-exporter") },
    ],
    metric_relabel_configs: [kept(job)],
  };
}

/** Returns the first request of every Git client (Git's documentation, "HTTP transfer protocols"). */
function gitUrl(repositoryUrl: string): string {
  return `${repositoryUrl.replace(/\/$/, "")}/info/refs?service=git-upload-pack`;
}
