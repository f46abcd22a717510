import type { types } from "@pulumi/kubernetes";
import { AGENT_METRICS_PORT, WEBHOOK_PORT } from "../formats/agentEndpoints";
import { componentLabels, type FlowComponent, HTTP_PORT, METRICS_PORT } from "./langflow";
import { PORTS, programLabels } from "./observability";

type Peer = types.input.networking.v1.NetworkPolicyPeer;
type Port = types.input.networking.v1.NetworkPolicyPort;
type PolicySpec = types.input.networking.v1.NetworkPolicySpec;

/** Surroundings of LangFlow's namespace. */
export interface NamespaceNetwork {
  /** The fleet's name for the region. */
  readonly region: string;
  /** CIDR block of the region's VPC, which contains the database and the interface endpoints. */
  readonly vpcCidr: string;
  /** CIDR blocks from which the load balancers connect to pods. */
  readonly loadBalancerCidrs: readonly string[];
  /** Namespace of Prometheus, the only client that may read metrics. */
  readonly observabilityNamespace: string;
  /** Whether the agent receives webhooks from the Git host. */
  readonly webhook: boolean;
  /** Whether health checks from the observability namespace may reach LangFlow. */
  readonly observed: boolean;
  /** Whether LangFlow sends its spans to the collector in the observability namespace. Default: no. */
  readonly traced?: boolean;
}

/** An allowed connection. Without peers: from or to any address. */
export interface Way {
  readonly peers?: readonly Peer[];
  readonly ports: readonly Port[];
}

/** PostgreSQL's port. */
const POSTGRES_PORT = 5432;
/**
 * Address of the EKS Pod Identity agent on each node (EKS user guide, "Pod Identity agent": 169.254.170.23, port 80).
 */
const POD_IDENTITY_AGENT = "169.254.170.23/32";
/** Private networks: RFC 1918, RFC 6598, and link-local, which includes the nodes' metadata service. */
const PRIVATE_NETWORKS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"];

export const tcp = (port: number): Port => ({ protocol: "TCP", port });
export const networks = (...cidrs: readonly string[]): Peer[] => cidrs.map((cidr) => ({ ipBlock: { cidr } }));

/** Connection to the agent that provides a pod's IAM role. */
export const podIdentityAgent: Way = { peers: networks(POD_IDENTITY_AGENT), ports: [tcp(80)] };

/** DNS to any destination: EKS Auto Mode runs DNS on the node itself, which no pod selector matches. */
export const dns: Way = { ports: [{ protocol: "UDP", port: 53 }, tcp(53)] };

/** Selects pods of a different namespace: all of them, or those with the given labels. */
export const inNamespace = (namespace: string, labels?: Record<string, string>): Peer => ({
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
  ...(labels && { podSelector: { matchLabels: labels } }),
});

/** Allows incoming connections to the pods with the given labels. */
export const into = (labels: Record<string, string>, ...ways: Way[]): PolicySpec => ({
  podSelector: { matchLabels: labels },
  policyTypes: ["Ingress"],
  ingress: ways.map(({ peers, ports }) => ({ ...(peers && { from: [...peers] }), ports: [...ports] })),
});

/** Allows outgoing connections from the pods with the given labels. */
export const outOf = (labels: Record<string, string>, ...ways: Way[]): PolicySpec => ({
  podSelector: { matchLabels: labels },
  policyTypes: ["Egress"],
  egress: ways.map(({ peers, ports }) => ({ ...(peers && { to: [...peers] }), ports: [...ports] })),
});

/** Denies all traffic in both directions, except for what other policies of the namespace allow. */
export const defaultDeny: PolicySpec = { podSelector: {}, policyTypes: ["Ingress", "Egress"] };

/** Allows any internet address on the given ports. */
export const internet = (...ports: readonly number[]): Way => ({
  peers: [{ ipBlock: { cidr: "0.0.0.0/0", except: PRIVATE_NETWORKS } }],
  ports: ports.map(tcp),
});

/**
 * Returns the network policies of the namespace by name: a default-deny policy, and one policy per component with its
 * allowed connections. Policies refer to the pods' ports, regardless of a Service's port.
 */
export function networkRules(around: NamespaceNetwork): Record<string, PolicySpec> {
  const { region, vpcCidr, webhook } = around;
  const labels = (component: FlowComponent) => componentLabels(region, component);
  const pods = (component: FlowComponent): Peer => ({
    podSelector: { matchLabels: labels(component) },
  });

  const network = (...ports: number[]): Way => ({ peers: networks(vpcCidr), ports: ports.map(tcp) });
  // AWS' public endpoints (including S3, whose gateway endpoint uses public addresses, and S3 in other AWS regions via
  // NAT), model providers and the Git host. The agent needs the same rule even without a Git host, because the other
  // regions' flow buckets have public addresses.
  const world = internet(443);
  const langFlow: Way = { peers: [pods("server")], ports: [tcp(HTTP_PORT)] };

  const loadBalancer = (port: number): Way => ({ peers: networks(...around.loadBalancerCidrs), ports: [tcp(port)] });
  const prometheus = (port: number): Way => ({
    peers: [inNamespace(around.observabilityNamespace)],
    ports: [tcp(port)],
  });
  const collector: Way = {
    peers: [inNamespace(around.observabilityNamespace, programLabels(region, "collector"))],
    ports: [tcp(PORTS.collector)],
  };
  const langFlowReaches = [
    dns,
    podIdentityAgent,
    network(POSTGRES_PORT, 443),
    world,
    ...(around.traced ? [collector] : []),
  ];
  const agent: Way = { peers: [pods("flow-sync")], ports: [tcp(HTTP_PORT)] };

  return {
    "default-deny": defaultDeny,
    "langflow-ingress": into(
      labels("server"),
      loadBalancer(HTTP_PORT),
      prometheus(METRICS_PORT),
      agent,
      ...(around.observed ? [prometheus(HTTP_PORT)] : []),
    ),
    "langflow-egress": outOf(labels("server"), ...langFlowReaches),
    "listeners-egress": outOf(labels("listeners"), ...langFlowReaches),
    "flow-sync-ingress": into(
      labels("flow-sync"),
      prometheus(AGENT_METRICS_PORT),
      ...(webhook ? [loadBalancer(WEBHOOK_PORT)] : []),
    ),
    "flow-sync-egress": outOf(labels("flow-sync"), dns, podIdentityAgent, langFlow, network(POSTGRES_PORT, 443), world),
    "backup-egress": outOf(labels("backup"), dns, podIdentityAgent, network(POSTGRES_PORT, 443), world),
    "restore-egress": outOf(labels("restore"), dns, podIdentityAgent, network(POSTGRES_PORT, 443), world),
    "move-in-egress": outOf(labels("move-in"), dns, podIdentityAgent, network(POSTGRES_PORT, 443), world),
  };
}
