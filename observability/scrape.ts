/** Prometheus' configuration: whom it asks, how often, and what of the answers it keeps. */
import { AGENT_METRICS_PORT } from "../model/agent";
import { HEALTH_PATH, METRICS_PORT, NAMESPACE } from "../model/langflow";
import { ADDON_NAMESPACES, address, OBSERVABILITY_NAMESPACE, PORTS } from "../model/observability";
import type { HealthCheckTimes, Module } from "./healthChecks";
import { type Job, KEPT } from "./metrics";
import { duration } from "./promql";
import { type RemoteWrite, remoteWriteConfig } from "./remoteWrite";

/** Another region, as this one checks its health. */
export interface ObservedPeer {
  /** Our name of the region. */
  readonly region: string;
  /** DNS name of its load balancer; absent where it is not known, and then its origin is not checked. */
  readonly origin?: string;
}

/** What a region's Prometheus watches beside the cluster that it runs in. */
export interface Watched {
  /** Our name of the region. */
  readonly region: string;
  /** The public host name of the whole fleet. */
  readonly hostname: string;
  readonly peers: readonly ObservedPeer[];
  /** `https://…` of the flow repository; a path, as a fleet on one machine has it, is not checked. Absent: there is none. */
  readonly repositoryUrl?: string | undefined;
  readonly healthCheck: HealthCheckTimes;
  /** Whether a collector counts runs by flow. */
  readonly hasCollector: boolean;
  /** Where the series are sent on to. Absent: nowhere. */
  readonly remoteWrite?: RemoteWrite | undefined;
}

/** Seconds between two scrapes, and between two evaluations of rules that do not say otherwise. */
export const SCRAPE_SECONDS = 30;
/** Seconds of a scrape: above the time limit of a health check, which is made while Prometheus waits. */
const TIMEOUT_SECONDS = 10;

/** Files of Prometheus, below the folder of its configuration. */
export const RULE_FILE = "rules.yml";

/** Where a pod finds its token and the cluster's certificate authority. */
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

/** Labels by which every pod of the cluster is known in its series. */
const POD_LABELS: readonly Relabeling[] = [
  { source_labels: ["__meta_kubernetes_namespace"], target_label: "namespace" },
  { source_labels: ["__meta_kubernetes_pod_name"], target_label: "pod" },
];

const keep = (source: string | readonly string[], regex: string): Relabeling => ({
  source_labels: [source].flat(),
  regex,
  action: "keep",
});

/** Only the metrics that something looks at. */
const kept = (job: Job): Relabeling => keep("__name__", KEPT[job].join("|"));

/** Only what is said of our own namespaces, or of none. */
const OURS = `${NAMESPACE}|${OBSERVABILITY_NAMESPACE}`;

/** The process of LangFlow that the collector heard first: the counts are of all of them. */
const WITHOUT_SENDER: Relabeling = { regex: "exported_(job|instance)", action: "labeldrop" };

/** What the collector counts of spans that are no run's has no status; nor has what came after all that it counts apart. */
const RUNS_ALONE = keep(["status", "otel_metric_overflow"], ".+;|;.+");

/** The same of every series of a metric: who in LangFlow measured it. */
const WITHOUT_SCOPE: Relabeling = { regex: "otel_scope_(name|version|schema_url)", action: "labeldrop" };

/**
 * The configuration, as an object to be written as YAML. It names no other region's anything but what is probed from
 * outside: with all of them dead it is the same.
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

/** A job that finds pods by a port of theirs; their series are of them, and say so. */
function pods(job: Job, namespace: string, port: number, metrics: readonly Relabeling[] = []): Scrape {
  const found = tellers(job, namespace, port, metrics);
  return { ...found, relabel_configs: [...found.relabel_configs, ...POD_LABELS] };
}

/** A job that finds pods whose series are of others. */
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
      // Not even its own namespace, which a node's series would get, having none.
      ...tellers("kube-state-metrics", ADDON_NAMESPACES["kube-state-metrics"], PORTS["kube-state-metrics"], [
        keep("namespace", `${OURS}|`),
      ]),
      honor_labels: true,
    },
    pods("node-exporter", ADDON_NAMESPACES["node-exporter"], PORTS["node-exporter"]),
  ];
}

/** The kubelet of each node: by the certificate it has from the cluster's authority, in the name of Prometheus' own pod. */
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
        // A pod's sum and its sandbox have no container.
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
  /** URLs, each with the region it is of, where it is one's. */
  readonly targets: readonly { readonly url: string; readonly region?: string }[];
}

/** The health checks: each is a scrape of the blackbox exporter, which makes the request meanwhile. */
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

/** What every Git client asks first (Git's documentation, "HTTP transfer protocols"). */
function gitUrl(repositoryUrl: string): string {
  return `${repositoryUrl.replace(/\/$/, "")}/info/refs?service=git-upload-pack`;
}
