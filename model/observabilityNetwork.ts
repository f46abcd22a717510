import type { types } from "@pulumi/kubernetes";
import { AGENT_METRICS_PORT } from "../formats/agentEndpoints";
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

/** Surroundings of the observability namespace. */
export interface ObservabilityNetwork {
  /** The fleet's name for the region. */
  readonly region: string;
  /** CIDR block of the region's VPC, which contains the nodes, the Kubernetes API and the interface endpoints. */
  readonly vpcCidr: string;
  /** Ports of the mail servers that send alerts. */
  readonly mailPorts: readonly number[];
  /** Whether Grafana runs in the namespace and queries Prometheus. */
  readonly grafana: boolean;
  /** Whether the collector runs in the namespace and receives LangFlow's spans. */
  readonly collector: boolean;
  /** Port of the remote write endpoint; absent without remote write. */
  readonly writePort?: number | undefined;
}

/** CIDR blocks from which EKS assigns Service addresses by default (EKS user guide, "serviceIpv4Cidr"). */
const SERVICE_NETWORKS = ["10.100.0.0/16", "172.20.0.0/16"];

/**
 * Returns the network policies of the namespace by name: a default-deny policy, and policies for each program's allowed
 * connections.
 */
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
