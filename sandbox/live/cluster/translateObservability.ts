/**
 * Translates addresses in the configuration files of a region's monitoring to their equivalents on this machine. The rest
 * of the files (rules, routes, intervals, relabelling) reaches the programs as applied.
 *
 * | in the applied file                                  | in the live file                                                |
 * | ---------------------------------------------------- | --------------------------------------------------------------- |
 * | host and port of a Service, or of the pod itself     | 127.0.0.1 and the loopback port                                 |
 * | a job that discovers pods by the Kubernetes API      | each port of that namespace's pods, with the API's labels: the job's own rules select |
 * | kube-state-metrics' pods                             | the metrics about Jobs (`jobMetrics.ts`)                        |
 * | a job for missing targets (nodes, node exporters)    | (omitted)                                                       |
 * | remote write                                         | (omitted): no data leaves this machine                          |
 * | the URL of a health check                            | unchanged in the label `instance`; the probe asks the local Service, load balancer or Git server |
 * | fail_if_not_ssl of a health check                    | (omitted): no local server uses TLS                             |
 * | 0.0.0.0 and a port of the collector's pod            | 127.0.0.1 and the loopback port                                 |
 * | a receiver of notifications                          | a webhook of the supervisor with the receiver's name            |
 */
import { parse, stringify } from "yaml";
import { OBSERVABILITY_NAMESPACE } from "../../../model/observability";
import { list, type Properties, record } from "../../resources/values";
import { type Places, translatedUrl } from "./translate";

/** A port of a pod, as the Kubernetes API would report it. */
export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly containerPort: number;
  /** Loopback port. */
  readonly port: number;
}

/** Targets of the monitoring programs, and the receiver of their notifications. */
export interface Watched {
  readonly podPorts: readonly PodPort[];
  /** Loopback port behind each `host:port` outside the region. */
  readonly outside: ReadonlyMap<string, number>;
  /** URL that receives notifications; the receiver's name is appended. */
  readonly notificationsUrl: string;
}

const COLLECTOR_FILE = "collector.yml";
const EVERY_ADDRESS = /^0\.0\.0\.0:(\d+)$/;

type Around = Watched & Pick<Places, "addresses" | "gitUrl">;

/** First request of every Git client (Git's documentation, "HTTP transfer protocols"). */
const GIT = /\/info\/refs\?service=git-upload-pack$/;
/** Path at which the blackbox exporter runs a health check, as a scrape. */
const CHECK = "/probe";

const FILES: Readonly<Record<string, (content: Properties, around: Around) => Properties>> = {
  "prometheus.yml": ({ remote_write: _, ...config }, around) => ({
    ...config,
    scrape_configs: list(config.scrape_configs).flatMap((each) => translatedScrape(record(each), around)),
  }),
  "alertmanager.yml": (config, around) => ({
    ...config,
    receivers: list(config.receivers).map((each) => translatedReceiver(record(each), around)),
  }),
  [COLLECTOR_FILE]: (config) => config,
  "blackbox.yml": ({ modules, ...config }) => ({
    ...config,
    modules: Object.fromEntries(
      Object.entries(record(modules)).map(([name, module]) => [name, withoutTls(record(module))]),
    ),
  }),
};

/** Returns the content of a configuration file for the live program. */
export function translatedFile(name: string, content: string, around: Around): string {
  const translated = FILES[name];
  if (!translated) return content;
  const located = (_key: unknown, value: unknown) => {
    const port = typeof value === "string" ? (around.addresses.get(value) ?? ownPort(name, value, around)) : undefined;
    return port === undefined ? value : `127.0.0.1:${port}`;
  };
  return stringify(translated(record(parse(content, located)), around));
}

/**
 * Returns the loopback port for a pod port on which a program listens according to its file. Only the collector
 * configures its ports there; the others use options.
 */
function ownPort(name: string, value: string, { podPorts }: Around): number | undefined {
  const containerPort = Number(EVERY_ADDRESS.exec(value)?.[1]);
  if (name !== COLLECTOR_FILE) return undefined;
  return podPorts.find((each) => each.namespace === OBSERVABILITY_NAMESPACE && each.containerPort === containerPort)
    ?.port;
}

/** Returns the hosts that the health checks probe over HTTPS, all of which are outside the region. */
export function hostsOutside(prometheusConfig: string): string[] {
  const urls = list(record(parse(prometheusConfig)).scrape_configs)
    .map(record)
    .filter(({ metrics_path }) => metrics_path === CHECK)
    .flatMap(targetsOf)
    .map((target) => new URL(target));
  return [...new Set(urls.filter(({ protocol }) => protocol === "https:").map(({ hostname }) => hostname))];
}

function translatedScrape({ kubernetes_sd_configs: discovery, ...scrape }: Properties, around: Around): Properties[] {
  if (discovery === undefined) return [scrape.metrics_path === CHECK ? translatedCheck(scrape, around) : scrape];
  const namespaces = list(discovery)
    .map(record)
    .filter(({ role }) => role === "pod")
    .flatMap((each) => list(record(each.namespaces).names));
  const found = around.podPorts.filter(({ namespace }) => namespaces.includes(namespace));
  return found.length === 0 ? [] : [{ ...scrape, static_configs: found.map(asDiscovered) }];
}

function asDiscovered({ namespace, pod, containerPort, port }: PodPort) {
  return {
    targets: [`127.0.0.1:${port}`],
    labels: {
      __meta_kubernetes_namespace: namespace,
      __meta_kubernetes_pod_name: pod,
      __meta_kubernetes_pod_container_port_number: `${containerPort}`,
      __meta_kubernetes_pod_phase: "Running",
    },
  };
}

/**
 * Redirects a health check with relabel rules that follow the applied ones. By then the applied rules have copied the
 * URL to the label `instance`.
 */
function translatedCheck(scrape: Properties, around: Around): Properties {
  const places = { addresses: new Map([...around.addresses, ...around.outside]) };
  const asked = targetsOf(scrape).flatMap((target) => {
    const [path] = GIT.exec(target) ?? [];
    const replacement = path === undefined ? translatedUrl(target, places) : `${around.gitUrl}${path}`;
    const rule = { source_labels: ["__param_target"], regex: `\\Q${target}\\E`, target_label: "__param_target" };
    return replacement === undefined ? [] : [{ ...rule, replacement }];
  });
  return { ...scrape, relabel_configs: [...list(scrape.relabel_configs), ...asked] };
}

const targetsOf = ({ static_configs: groups }: Properties): string[] =>
  list(groups).flatMap((group) => list(record(group).targets).map(String));

function translatedReceiver({ name, ...ways }: Properties, { notificationsUrl }: Around): Properties {
  const [way] = Object.values(ways).flatMap(list).map(record);
  if (!way) return { name };
  return { name, webhook_configs: [{ url: `${notificationsUrl}/${name}`, send_resolved: way.send_resolved }] };
}

function withoutTls({ http, ...module }: Properties): Properties {
  const { fail_if_not_ssl, ...rest } = record(http);
  return { ...module, http: rest };
}
