/**
 * The files of what watches a region, said as this machine names things. All else in them (rules, routes, intervals,
 * relabelling) reaches the programs as it was applied.
 *
 * | in the applied file                                  | in the live one                                                 |
 * | ---------------------------------------------------- | --------------------------------------------------------------- |
 * | host and port of a Service, or of the pod itself     | 127.0.0.1 and the port it has here                              |
 * | a job that finds pods by the Kubernetes API          | each port of that namespace's pods, with the labels that the API gives them: the job's own rules choose |
 * | kube-state-metrics' pods                             | what of it tells of Jobs (`jobMetrics.ts`)                      |
 * | a job of what is not here (nodes, node exporters)    | (left out)                                                      |
 * | where series are sent on to                          | (left out): nothing of this machine leaves it                   |
 * | the URL of a health check                            | in the label `instance` the same; asked is the Service, the load balancer or Git of this machine |
 * | fail_if_not_ssl of a health check                    | (left out): nothing on this machine has TLS                     |
 * | there, 0.0.0.0 and a port of the collector's pod     | 127.0.0.1 and that port's own                                   |
 * | a receiver of notifications                          | a webhook of the supervisor's, by the receiver's name           |
 */
import { parse, stringify } from "yaml";
import { OBSERVABILITY_NAMESPACE } from "../../../model/observability";
import { list, type Properties, record } from "../../resources/values";
import { type Places, translatedUrl } from "./translate";

/** A port of a pod, as the Kubernetes API would tell of it. */
export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly containerPort: number;
  /** On loopback. */
  readonly port: number;
}

/** What the programs watch, and whom they tell. */
export interface Watched {
  readonly podPorts: readonly PodPort[];
  /** Loopback port behind each `host:port` outside the region. */
  readonly outside: ReadonlyMap<string, number>;
  /** Where notifications are taken; a receiver's name follows. */
  readonly notificationsUrl: string;
}

const COLLECTOR_FILE = "collector.yml";
const EVERY_ADDRESS = /^0\.0\.0\.0:(\d+)$/;

type Around = Watched & Pick<Places, "addresses" | "gitUrl">;

/** What every Git client asks first (Git's documentation, "HTTP transfer protocols"). */
const GIT = /\/info\/refs\?service=git-upload-pack$/;
/** Where the blackbox exporter makes a health check, as a scrape of it. */
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

/** A file of a program's configuration as the live program reads it. */
export function translatedFile(name: string, content: string, around: Around): string {
  const translated = FILES[name];
  if (!translated) return content;
  const located = (_key: unknown, value: unknown) => {
    const port = typeof value === "string" ? (around.addresses.get(value) ?? ownPort(name, value, around)) : undefined;
    return port === undefined ? value : `127.0.0.1:${port}`;
  };
  return stringify(translated(record(parse(content, located)), around));
}

/** The port of its pod that a program listens at by its file: the collector alone does not say it by an option. */
function ownPort(name: string, value: string, { podPorts }: Around): number | undefined {
  const containerPort = Number(EVERY_ADDRESS.exec(value)?.[1]);
  if (name !== COLLECTOR_FILE) return undefined;
  return podPorts.find((each) => each.namespace === OBSERVABILITY_NAMESPACE && each.containerPort === containerPort)
    ?.port;
}

/** Hosts that the health checks ask over HTTPS: what is outside the region. */
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

/** By rules behind the applied ones, which have put the URL into the label `instance` by then. */
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
