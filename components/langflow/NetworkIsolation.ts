import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import { networkRules } from "../../model/networkRules";

export interface NetworkIsolationArgs {
  /** The fleet's name for the region; part of the labels that select pods. */
  region: string;
  /** Namespace that the policies isolate. A change replaces the policies. */
  namespace: string;
  /** CIDR block of the region's VPC, which contains the database and the interface endpoints. */
  vpcCidr: string;
  /**
   * CIDR blocks of the load balancers' subnets. Because client addresses are not preserved (IP targets behind a TLS
   * listener), pods see these addresses as the source. The load balancer itself checks Cloudflare's ranges.
   */
  loadBalancerCidrs: string[];
  /** Namespace of Prometheus, the only client that may read metrics. */
  observabilityNamespace: string;
  /** Whether the agent receives webhooks. If so, its load balancer may reach it. */
  webhook: boolean;
  /** Whether health checks from the observability namespace may reach LangFlow. */
  observed: boolean;
  /** Whether LangFlow sends its spans to the collector in the observability namespace. Default: no. */
  traced?: boolean;
}

/**
 * Denies all traffic of a namespace in both directions, then allows the connections that its components need (listed in
 * `model/networkRules.ts`). The cluster's network policy controller enforces the policies. The kubelet's probes come
 * from the pod's own node and always pass.
 */
export class NetworkIsolation extends pulumi.ComponentResource {
  constructor(name: string, args: NetworkIsolationArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("NetworkIsolation"), name, args, opts);

    const { namespace, ...surroundings } = args;
    for (const [policyName, spec] of Object.entries(networkRules(surroundings)))
      new kubernetes.networking.v1.NetworkPolicy(
        `${name}-${policyName}`,
        { metadata: { name: policyName, namespace }, spec },
        { parent: this },
      );

    this.registerOutputs({});
  }
}
