import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { SHUTDOWN } from "../../model/langflow";
import { typeToken } from "../../model/names";

export interface PublicEntranceArgs {
  /** Namespace of the Service. A change replaces the load balancer. */
  namespace: string;
  /** What is let into: the Service is named for it. A change replaces the load balancer. */
  service: string;
  /** Labels of the pods behind it. */
  labels: Record<string, string>;
  /** Name of the pods' port. Updates in place. */
  port: string;
  /** Path that must answer 200 for a pod to be sent connections. Default: its port accepting a connection is enough. */
  healthPath?: string;
  /** Public subnets, one per zone, that the load balancer stands in. */
  publicSubnetIds: pulumi.Input<string[]>;
  /** ACM certificates of the host names it is reached by, in the same AWS region; the first for who asks by none. Updates in place. */
  certificateArns: pulumi.Input<string>[];
  /** IPv4 networks that may connect: Cloudflare's published ranges. */
  sourceRanges: pulumi.Input<string[]>;
}

/** TLS 1.3, and 1.2 with forward secrecy (Elastic Load Balancing, "Security policies for your NLB"). */
const TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/** `key=value` pairs as the load balancer controller reads them. */
const attributes = (pairs: Record<string, string | number | boolean>): string =>
  Object.entries(pairs)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

/**
 * A way into a region from the world: a network load balancer of EKS Auto Mode that admits only the given ranges, ends
 * TLS and speaks to the pods' own addresses. It holds no data and can be made again at any time, so it is not protected
 * against deletion: that would leave a Service which nothing can remove.
 */
export class PublicEntrance extends pulumi.ComponentResource {
  /** The load balancer's DNS name; changes only when it is made again. */
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
          // IP targets need no port on every node.
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
      // A server-side dry run answers with an empty status: not known yet, rather than missing.
      if (pulumi.runtime.isDryRun()) return pulumi.unknown as unknown as string;
      throw new Error(`the load balancer of ${args.service}-public has no host name yet: run the update again`);
    });
    this.registerOutputs({ hostname: this.hostname });
  }
}

/** EKS user guide, "Use Service Annotations to configure Network Load Balancers" (Auto Mode). */
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
    // Few pods over several zones: each zone's address must reach all of them.
    attributes: attributes({ "load_balancing.cross_zone.enabled": true }),
    "target-group-attributes": attributes({
      "deregistration_delay.timeout_seconds": SHUTDOWN.deregistrationDelaySeconds,
      // The visitor's address comes in Cloudflare's headers; to the pods, the load balancer's own is the tighter rule.
      "preserve_client_ip.enabled": false,
    }),
  };
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [`service.beta.kubernetes.io/aws-load-balancer-${key}`, value]),
  );
}
