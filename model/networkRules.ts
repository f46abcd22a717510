import type { types } from "@pulumi/kubernetes";
import { AGENT_METRICS_PORT, WEBHOOK_PORT } from "./agent";
import { componentLabels, type FlowComponent, HTTP_PORT, METRICS_PORT } from "./langflow";
import { PORTS, programLabels } from "./observability";

type Peer = types.input.networking.v1.NetworkPolicyPeer;
type Port = types.input.networking.v1.NetworkPolicyPort;
type PolicySpec = types.input.networking.v1.NetworkPolicySpec;

/** What lies around the namespace. */
export interface NamespaceNetwork {
  /** Our name of the region. */
  readonly region: string;
  /** The region's private network: database and interface endpoints are in it. */
  readonly vpcCidr: string;
  /** Networks that the load balancers' connections to pods come from. */
  readonly loadBalancerCidrs: readonly string[];
  /** Namespace of Prometheus, which alone may read metrics. */
  readonly observabilityNamespace: string;
  /** Whether the agent takes webhooks of the Git host. */
  readonly webhook: boolean;
  /** Whether that namespace's health checks may ask LangFlow itself. */
  readonly observed: boolean;
  /** Whether LangFlow sends its spans to the collector there. Default: no. */
  readonly traced?: boolean;
}

/** One thing that may be reached, or may come in. Without peers: whatever it is. */
export interface Way {
  readonly peers?: readonly Peer[];
  readonly ports: readonly Port[];
}

/** PostgreSQL's port. */
const POSTGRES_PORT = 5432;
/** The EKS pod identity agent on each node (EKS user guide, "Pod Identity agent": 169.254.170.23, port 80). */
const POD_IDENTITY_AGENT = "169.254.170.23/32";
/** What is not the Internet: RFC 1918, RFC 6598, and link-local, which holds the nodes' metadata service. */
const PRIVATE_NETWORKS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"];

export const tcp = (port: number): Port => ({ protocol: "TCP", port });
export const networks = (...cidrs: readonly string[]): Peer[] => cidrs.map((cidr) => ({ ipBlock: { cidr } }));

/** What gives a pod its IAM role. */
export const podIdentityAgent: Way = { peers: networks(POD_IDENTITY_AGENT), ports: [tcp(80)] };

/** No destination: EKS Auto Mode answers DNS on the node itself, which no pod selector matches. */
export const dns: Way = { ports: [{ protocol: "UDP", port: 53 }, tcp(53)] };

/** Pods of another namespace: all of them, or those with some labels. */
export const inNamespace = (namespace: string, labels?: Record<string, string>): Peer => ({
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
  ...(labels && { podSelector: { matchLabels: labels } }),
});

/** What may come to the pods with some labels. */
export const into = (labels: Record<string, string>, ...ways: Way[]): PolicySpec => ({
  podSelector: { matchLabels: labels },
  policyTypes: ["Ingress"],
  ingress: ways.map(({ peers, ports }) => ({ ...(peers && { from: [...peers] }), ports: [...ports] })),
});

/** What the pods with some labels may reach. */
export const outOf = (labels: Record<string, string>, ...ways: Way[]): PolicySpec => ({
  podSelector: { matchLabels: labels },
  policyTypes: ["Egress"],
  egress: ways.map(({ peers, ports }) => ({ ...(peers && { to: [...peers] }), ports: [...ports] })),
});

/** Nothing comes in and nothing goes out, but for what another policy of the namespace lets through. */
export const defaultDeny: PolicySpec = { podSelector: {}, policyTypes: ["Ingress", "Egress"] };

/** Whatever is on the Internet, by some ports. */
export const internet = (...ports: readonly number[]): Way => ({
  peers: [{ ipBlock: { cidr: "0.0.0.0/0", except: PRIVATE_NETWORKS } }],
  ports: ports.map(tcp),
});

/**
 * The network policies of the namespace, by name: all is closed, then each component gets its own ways and no more. A
 * policy speaks of pods' own ports; that a Service has another one in front changes nothing.
 */
export function networkRules(around: NamespaceNetwork): Record<string, PolicySpec> {
  const { region, vpcCidr, webhook } = around;
  const labels = (component: FlowComponent) => componentLabels(region, component);
  const pods = (component: FlowComponent): Peer => ({
    podSelector: { matchLabels: labels(component) },
  });

  const network = (...ports: number[]): Way => ({ peers: networks(vpcCidr), ports: ports.map(tcp) });
  // AWS' public endpoints (S3 among them, whose gateway keeps its public addresses; that of another AWS region by NAT), model
  // providers, the Git host. The agent's is the same without a Git host: the other regions' flow buckets are out there too.
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
    "langflow-egress": outOf(
      labels("server"),
      dns,
      podIdentityAgent,
      network(POSTGRES_PORT, 443),
      world,
      ...(around.traced ? [collector] : []),
    ),
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
