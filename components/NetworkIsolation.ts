import type { types } from "@pulumi/kubernetes";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { HTTP_PORT, METRICS_PORT } from "../model/langflow";
import { typeToken } from "../model/names";

export interface NetworkIsolationArgs {
  /** Namespace that is closed. */
  namespace: string;
  /** Labels of LangFlow's pods, for which ways are opened. */
  podLabels: Record<string, string>;
  /** The region's private network: database and interface endpoints are in it. */
  vpcCidr: string;
  /**
   * Networks of the subnets the load balancer stands in. With client addresses not preserved (IP targets behind a TLS
   * listener) these are the sources a pod sees; Cloudflare's ranges are checked before, by the load balancer.
   */
  loadBalancerCidrs: pulumi.Input<string[]>;
  /** Namespace of Prometheus, which alone may read metrics. */
  observabilityNamespace: string;
}

/** PostgreSQL's port. */
const POSTGRES_PORT = 5432;
/** The EKS pod identity agent on each node (EKS user guide, "Pod Identity agent": 169.254.170.23, port 80). */
const POD_IDENTITY_AGENT = "169.254.170.23/32";
/** What is not the Internet: RFC 1918, RFC 6598, and link-local, which holds the nodes' metadata service. */
const PRIVATE_NETWORKS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"];

const tcp = (port: number) => ({ protocol: "TCP", port });
const toNetworks = (...cidrs: string[]) => cidrs.map((cidr) => ({ ipBlock: { cidr } }));

/**
 * Closes a namespace in both directions, then opens what LangFlow needs and no more. Enforced by the cluster's network
 * policy controller; the kubelet's probes come from the pod's own node and always pass.
 */
export class NetworkIsolation extends pulumi.ComponentResource {
  constructor(name: string, args: NetworkIsolationArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("NetworkIsolation"), name, args, opts);

    const { namespace } = args;
    const policy = (policyName: string, spec: types.input.networking.v1.NetworkPolicySpec): void => {
      new kubernetes.networking.v1.NetworkPolicy(
        `${name}-${policyName}`,
        { metadata: { name: policyName, namespace }, spec },
        { parent: this },
      );
    };

    policy("default-deny", { podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    policy("langflow-ingress", {
      podSelector: { matchLabels: args.podLabels },
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: pulumi.output(args.loadBalancerCidrs).apply((cidrs) => toNetworks(...cidrs)),
          ports: [tcp(HTTP_PORT)],
        },
        {
          from: [
            { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": args.observabilityNamespace } } },
          ],
          ports: [tcp(METRICS_PORT)],
        },
      ],
    });
    policy("langflow-egress", {
      podSelector: { matchLabels: args.podLabels },
      policyTypes: ["Egress"],
      egress: [
        // No destination: EKS Auto Mode answers DNS on the node itself, which no pod selector matches.
        { ports: [{ protocol: "UDP", port: 53 }, tcp(53)] },
        { to: toNetworks(POD_IDENTITY_AGENT), ports: [tcp(80)] },
        { to: toNetworks(args.vpcCidr), ports: [tcp(POSTGRES_PORT), tcp(443)] },
        { to: [{ ipBlock: { cidr: "0.0.0.0/0", except: PRIVATE_NETWORKS } }], ports: [tcp(443)] },
      ],
    });

    this.registerOutputs({});
  }
}
