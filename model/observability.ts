/** Names and addresses of a region's monitoring, for the scrape configuration and the network policies. */

/** Namespace of the region's monitoring. */
export const OBSERVABILITY_NAMESPACE = "observability";

/** Namespaces in which EKS installs the community add-ons (EKS user guide, "Community add-ons"). */
export const ADDON_NAMESPACES = {
  "kube-state-metrics": "kube-state-metrics",
  "node-exporter": "prometheus-node-exporter",
} as const;

/** Ports of the programs: each program's own default. */
export const PORTS = {
  prometheus: 9090,
  alertmanager: 9093,
  "blackbox-exporter": 9115,
  grafana: 3000,
  /** OpenTelemetry's port for spans over HTTP, and the collector's ports for derived metrics and for health checks. */
  collector: 4318,
  "collector-metrics": 8889,
  "collector-health": 13133,
  "kube-state-metrics": 8080,
  "node-exporter": 9100,
  kubelet: 10250,
} as const;

/** Our monitoring programs, named after their Services. */
export type Program = "prometheus" | "alertmanager" | "blackbox-exporter" | "grafana" | "collector";

/**
 * Returns the host and port of a program inside the cluster.
 *
 * @param port one of the program's additional ports. Default: the program's main port
 */
export function address(program: Program, port: number = PORTS[program]): string {
  return `${program}.${OBSERVABILITY_NAMESPACE}.svc.cluster.local:${port}`;
}

/**
 * Pattern of a Prometheus workspace's ARN (service authorization reference, "Amazon Managed Service for Prometheus").
 */
export const WORKSPACE_ARN = /^arn:(aws[\w-]*):aps:([a-z]{2}(?:-[a-z]+)+-\d):\d{12}:workspace\/(ws-[\w-]+)$/;

/** The collector's endpoint for LangFlow's spans (OTLP over HTTP). */
export const SPANS_URL = `http://${address("collector")}/v1/traces`;

/** Labels of all objects of a program. They are also the pods' selector, so never add a version. */
export function programLabels(region: string, program: Program): Record<string, string> {
  return {
    "app.kubernetes.io/name": program,
    "app.kubernetes.io/instance": `${program}-${region}`,
    "app.kubernetes.io/component": "observability",
  };
}
