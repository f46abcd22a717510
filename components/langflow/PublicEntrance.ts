import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { SHUTDOWN } from "../../model/langflow";
import { typeToken } from "../../model/names";

export interface PublicEntranceArgs {
  /** Namespace of the Service. A change replaces the load balancer. */
  namespace: string;
  /**
   * Name of the workload behind the load balancer, from which the Service's name is derived. A change replaces the load
   * balancer.
   */
  service: string;
  /** Labels of the pods behind it. */
  labels: Record<string, string>;
  /** Name of the pods' port that receives traffic. Updates in place. */
  port: string;
  /**
   * Path that must answer 200 before a pod receives connections. Default: none; the pod's port only has to accept
   * connections.
   */
  healthPath?: string;
  /** Ids of the public subnets for the load balancer, one per zone. */
  publicSubnetIds: pulumi.Input<string[]>;
  /**
   * ARNs of ACM certificates for the load balancer's host names, in the same AWS region. Clients without SNI get the
   * first. Updates in place.
   */
  certificateArns: pulumi.Input<string>[];
  /** IPv4 CIDR blocks that may connect: Cloudflare's published ranges. */
  sourceRanges: pulumi.Input<string[]>;
}

/**
 * Security policy: TLS 1.3, and TLS 1.2 with forward secrecy (Elastic Load Balancing, "Security policies for your
 * NLB").
 */
const TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/** Formats `key=value` pairs for the load balancer controller. */
const attributes = (pairs: Record<string, string | number | boolean>): string =>
  Object.entries(pairs)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

/**
 * Public entrance of a region: a network load balancer of EKS Auto Mode that admits only the given ranges, terminates
 * TLS and forwards to the pods' IP addresses. It holds no data and can be recreated at any time, so it has no deletion
 * protection, which would leave a Service that cannot be deleted.
 */
export class PublicEntrance extends pulumi.ComponentResource {
  /** DNS name of the load balancer; it changes only when the load balancer is recreated. */
  readonly hostname: pulumi.Output<string>;

  constructor(name: string, args: PublicEntranceArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("PublicEntrance"), name, args, opts);

    const service = new kubernetes.core.v1.Service(
      `${name}-public`,
      {
        metadata: {
          name: `${args.service}-public`,
          namespace: args.namespace,
          labels: args.labels,
          annotations: annotations(args),
        },
        spec: {
          type: "LoadBalancer",
          loadBalancerClass: "eks.amazonaws.com/nlb",
          // IP targets need no NodePort.
          allocateLoadBalancerNodePorts: false,
          loadBalancerSourceRanges: args.sourceRanges,
          selector: args.labels,
          ports: [{ name: "https", port: 443, targetPort: args.port, protocol: "TCP" }],
        },
      },
      { parent: this, customTimeouts: { create: "20m", update: "20m" } },
    );

    this.hostname = service.status.apply((status) => {
      const hostname = status?.loadBalancer?.ingress?.[0]?.hostname;
      if (hostname) return hostname;
      // A server-side dry run returns an empty status, so the host name is unknown instead of missing.
      if (pulumi.runtime.isDryRun()) return pulumi.unknown as unknown as string;
      throw new Error(`the load balancer of ${args.service}-public has no host name yet: run the update again`);
    });
    this.registerOutputs({ hostname: this.hostname });
  }
}

/**
 * Returns the Service's annotations (EKS user guide, "Use Service Annotations to configure Network Load Balancers",
 * Auto Mode).
 */
function annotations(args: PublicEntranceArgs): Record<string, pulumi.Input<string>> {
  const values: Record<string, pulumi.Input<string>> = {
    scheme: "internet-facing",
    "nlb-target-type": "ip",
    "ip-address-type": "ipv4",
    subnets: pulumi.output(args.publicSubnetIds).apply((ids) => ids.join(",")),
    "ssl-cert": pulumi.all(args.certificateArns).apply((arns) => arns.join(",")),
    "ssl-ports": "443",
    "ssl-negotiation-policy": TLS_POLICY,
    "backend-protocol": "tcp",
    ...(args.healthPath === undefined
      ? { "healthcheck-protocol": "TCP", "healthcheck-port": "traffic-port" }
      : {
          "healthcheck-protocol": "HTTP",
          "healthcheck-port": "traffic-port",
          "healthcheck-path": args.healthPath,
        }),
    "healthcheck-interval": "10",
    "healthcheck-healthy-threshold": "2",
    "healthcheck-unhealthy-threshold": "2",
    // With few pods across several zones, each zone's address must reach all pods.
    attributes: attributes({ "load_balancing.cross_zone.enabled": true }),
    "target-group-attributes": attributes({
      "deregistration_delay.timeout_seconds": SHUTDOWN.deregistrationDelaySeconds,
      // Cloudflare's headers contain the visitor's address. For the pods, the load balancer's own address allows a
      // stricter network policy.
      "preserve_client_ip.enabled": false,
    }),
  };
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [`service.beta.kubernetes.io/aws-load-balancer-${key}`, value]),
  );
}
