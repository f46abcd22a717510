import type { types } from "@pulumi/kubernetes";
import { AGENT_METRICS_PORT } from "./agent";
import { componentLabels, type FlowComponent, HTTP_PORT, METRICS_PORT, NAMESPACE } from "./langflow";
import {
  defaultDeny,
  dns,
  inNamespace,
  internet,
  into,
  networks,
  outOf,
  podIdentityAgent,
  tcp,
  type Way,
} from "./networkRules";
import { ADDON_NAMESPACES, PORTS, type Program, programLabels } from "./observability";

type Peer = types.input.networking.v1.NetworkPolicyPeer;
type PolicySpec = types.input.networking.v1.NetworkPolicySpec;

/** What lies around the namespace of observability. */
export interface ObservabilityNetwork {
  /** Our name of the region. */
  readonly region: string;
  /** The region's private network: nodes, the Kubernetes API and interface endpoints are in it. */
  readonly vpcCidr: string;
  /** Ports of mail servers that alerts are sent through. */
  readonly mailPorts: readonly number[];
  /** Whether Grafana runs there, which asks Prometheus. */
  readonly grafana: boolean;
  /** Whether the collector runs there, which LangFlow sends spans to. */
  readonly collector: boolean;
  /** Port outside that Prometheus sends its series on to; absent where it sends them nowhere. */
  readonly writePort?: number | undefined;
}

/** Networks that EKS chooses Services' addresses from where nobody does (EKS user guide, "serviceIpv4Cidr"). */
const SERVICE_NETWORKS = ["10.100.0.0/16", "172.20.0.0/16"];

/** The network policies of the namespace, by name: all is closed, then each program gets its own ways and no more. */
export function observabilityNetworkRules(around: ObservabilityNetwork): Record<string, PolicySpec> {
  const { region, vpcCidr, mailPorts, grafana, collector, writePort } = around;
  const labels = (name: Program) => programLabels(region, name);
  const program = (name: Program): Peer => ({ podSelector: { matchLabels: labels(name) } });
  const flows = (component: FlowComponent, port: number): Way => ({
    peers: [inNamespace(NAMESPACE, componentLabels(region, component))],
    ports: [tcp(port)],
  });
  const to = (name: Program): Way => ({ peers: [program(name)], ports: [tcp(PORTS[name])] });
  const kubernetes: Way = { peers: networks(vpcCidr, ...SERVICE_NETWORKS), ports: [tcp(443)] };
  const nodes: Way = { peers: networks(vpcCidr), ports: [tcp(PORTS.kubelet), tcp(PORTS["node-exporter"])] };
  const kubeStateMetrics: Way = {
    peers: [inNamespace(ADDON_NAMESPACES["kube-state-metrics"])],
    ports: [tcp(PORTS["kube-state-metrics"])],
  };
  const collected: Way = { peers: [program("collector")], ports: [tcp(PORTS["collector-metrics"])] };

  const only = (name: Program, from: Program): PolicySpec =>
    into(labels(name), { peers: [program(from)], ports: [tcp(PORTS[name])] });

  return {
    "default-deny": defaultDeny,
    "prometheus-egress": outOf(
      labels("prometheus"),
      dns,
      kubernetes,
      nodes,
      kubeStateMetrics,
      flows("server", METRICS_PORT),
      flows("flow-sync", AGENT_METRICS_PORT),
      to("alertmanager"),
      to("blackbox-exporter"),
      ...(collector ? [collected] : []),
      ...(writePort === undefined ? [] : [podIdentityAgent, internet(writePort)]),
    ),
    "alertmanager-ingress": only("alertmanager", "prometheus"),
    "alertmanager-egress": outOf(
      labels("alertmanager"),
      dns,
      podIdentityAgent,
      kubernetes,
      internet(443, ...mailPorts),
    ),
    "blackbox-exporter-ingress": only("blackbox-exporter", "prometheus"),
    "blackbox-exporter-egress": outOf(labels("blackbox-exporter"), dns, internet(443), flows("server", HTTP_PORT)),
    ...(collector && {
      "collector-ingress": into(labels("collector"), flows("server", PORTS.collector), {
        peers: [program("prometheus")],
        ports: collected.ports,
      }),
    }),
    ...(grafana && {
      "prometheus-ingress": only("prometheus", "grafana"),
      "grafana-egress": outOf(labels("grafana"), dns, to("prometheus")),
    }),
  };
}
