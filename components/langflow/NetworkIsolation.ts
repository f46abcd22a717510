import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import { networkRules } from "../../model/networkRules";

export interface NetworkIsolationArgs {
  /** Our name of the region; part of the labels pods are selected by. */
  region: string;
  /** Namespace that is closed. A change replaces the policies. */
  namespace: string;
  /** The region's private network: database and interface endpoints are in it. */
  vpcCidr: string;
  /**
   * Networks of the subnets the load balancers stand in. With client addresses not preserved (IP targets behind a TLS
   * listener) these are the sources a pod sees; Cloudflare's ranges are checked before, by the load balancer.
   */
  loadBalancerCidrs: string[];
  /** Namespace of Prometheus, which alone may read metrics. */
  observabilityNamespace: string;
  /** Whether the agent takes webhooks, so that its load balancer may reach it. */
  webhook: boolean;
  /** Whether health checks out of that namespace may ask LangFlow itself. */
  observed: boolean;
  /** Whether LangFlow sends its spans to the collector of that namespace. Default: no. */
  traced?: boolean;
}

/**
 * Closes a namespace in both directions, then opens what its components need and no more (the table is in
 * `model/networkRules.ts`). Enforced by the cluster's network policy controller; the kubelet's probes come from the
 * pod's own node and always pass.
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
