/** What stands where in a region's cluster, for those who scrape it and those who let them. */

/** Namespace of what watches a region. */
export const OBSERVABILITY_NAMESPACE = "observability";

/** Namespaces that the EKS community add-ons are installed in (EKS user guide, "Community add-ons"). */
export const ADDON_NAMESPACES = {
  "kube-state-metrics": "kube-state-metrics",
  "node-exporter": "prometheus-node-exporter",
} as const;

/** Ports of the programs, each one's own default. */
export const PORTS = {
  prometheus: 9090,
  alertmanager: 9093,
  "blackbox-exporter": 9115,
  grafana: 3000,
  /** OpenTelemetry's own port for spans over HTTP, and those of the numbers made of them and of its health. */
  collector: 4318,
  "collector-metrics": 8889,
  "collector-health": 13133,
  "kube-state-metrics": 8080,
  "node-exporter": 9100,
  kubelet: 10250,
} as const;

/** The programs of ours, called as their Services. */
export type Program = "prometheus" | "alertmanager" | "blackbox-exporter" | "grafana" | "collector";

/**
 * Host and port by which a program is reached inside the cluster.
 *
 * @param port one of its further ports. Default: its first
 */
export function address(program: Program, port: number = PORTS[program]): string {
  return `${program}.${OBSERVABILITY_NAMESPACE}.svc.cluster.local:${port}`;
}

/** An ARN of a workspace (service authorization reference, "Amazon Managed Service for Prometheus"). */
export const WORKSPACE_ARN = /^arn:(aws[\w-]*):aps:([a-z]{2}(?:-[a-z]+)+-\d):\d{12}:workspace\/(ws-[\w-]+)$/;

/** Where LangFlow sends its spans: the collector's, by OpenTelemetry's protocol over HTTP. */
export const SPANS_URL = `http://${address("collector")}/v1/traces`;

/** Labels of everything that belongs to a program; also the selector of its pods, so never add a version here. */
export function programLabels(region: string, program: Program): Record<string, string> {
  return {
    "app.kubernetes.io/name": program,
    "app.kubernetes.io/instance": `${program}-${region}`,
    "app.kubernetes.io/component": "observability",
  };
}
