import { z } from "zod";
import { NAMESPACE, SHUTDOWN } from "../../../model/langflow";
import {
  answered,
  type Deployment,
  differences,
  foundationOf,
  onlyProblem,
  outputsOf,
  type RegionAssumption,
  type RegionStack,
} from "../assumption";

const serviceShape = z.object({
  loadBalancerClass: z.string().optional(),
  loadBalancerSourceRanges: z.array(z.string()).default([]),
});
const networksShape = z.object({ ipv4_cidrs: z.array(z.string()) });

const entrance: RegionAssumption = {
  name: "entrance",
  of: "region",
  why: "Cloudflare's IP ranges change, and a Service without source ranges is open to the internet",
  fix: "run `up` to write Cloudflare's current ranges to the Service",
  async look({ clouds }, { region }) {
    const services = await clouds.objects(region.name, "services");
    const service = services.find(({ metadata }) => metadata.name === "langflow-public");
    if (!service) return onlyProblem(`the cluster has no Service ${NAMESPACE}/langflow-public`);
    const { loadBalancerSourceRanges: ranges } = answered(serviceShape, "the Service", service.spec);
    const { ipv4_cidrs: networks } = answered(networksShape, "Cloudflare's networks", await clouds.cloudflare("/ips"));
    const problems = [
      ...ranges
        .filter((each) => !networks.includes(each))
        .map((each) => `${each} is allowed, but is not one of Cloudflare's networks`),
      ...networks.filter((each) => !ranges.includes(each)).map((each) => `Cloudflare's network ${each} is not allowed`),
      ...(ranges.length === 0 ? ["the Service has no source ranges, so every network is allowed"] : []),
    ];
    return { summary: `allows only Cloudflare's ${networks.length} networks`, problems };
  },
};

const balancersShape = z.object({
  LoadBalancers: z.array(z.object({ LoadBalancerArn: z.string(), DNSName: z.string(), Scheme: z.string() })),
});
const listenersShape = z.object({
  Listeners: z.array(
    z.object({
      Port: z.number(),
      Protocol: z.string(),
      SslPolicy: z.string().optional(),
      Certificates: z.array(z.object({ CertificateArn: z.string() })).default([]),
    }),
  ),
});
const groupsShape = z.object({
  TargetGroups: z.array(
    z.object({
      TargetGroupArn: z.string(),
      Protocol: z.string(),
      TargetType: z.string(),
      HealthCheckProtocol: z.string(),
      HealthCheckPath: z.string().optional(),
    }),
  ),
});
const attributesShape = z.object({ Attributes: z.array(z.object({ Key: z.string(), Value: z.string() })) });
const targetsShape = z.object({
  TargetHealthDescriptions: z.array(z.object({ TargetHealth: z.object({ State: z.string() }) })),
});

/** Elastic Load Balancing, "Security policies for your Network Load Balancer". */
const TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06";
const TARGETS = 2;

const loadBalancer: RegionAssumption = {
  name: "load balancer",
  of: "region",
  why: "Auto Mode documents only some annotations; the load balancer shows whether the others took effect",
  fix: "compare with the annotations in components/langflow/PublicEntrance.ts; report the one that has no effect",
  async look(deployment, stack) {
    const ask = (operation: string, input: object) =>
      deployment.clouds.aws(stack.region.awsRegion, "elbv2", operation, input);
    const { originHostname } = outputsOf(deployment, stack);
    const all = answered(balancersShape, "the load balancers", await ask("describe-load-balancers", {}));
    const found = all.LoadBalancers.find(({ DNSName }) => DNSName === originHostname);
    if (!found) return onlyProblem(`AWS has no load balancer ${originHostname}`);
    const { LoadBalancerArn } = found;
    const listeners = answered(listenersShape, "its listeners", await ask("describe-listeners", { LoadBalancerArn }));
    const groups = answered(groupsShape, "its target groups", await ask("describe-target-groups", { LoadBalancerArn }));
    const [[listener], [group]] = [listeners.Listeners, groups.TargetGroups];
    if (!listener || !group || listeners.Listeners.length > 1)
      return onlyProblem(
        `the load balancer has ${listeners.Listeners.length} listeners and ${groups.TargetGroups.length} target groups, not one of each`,
      );
    const { TargetGroupArn } = group;
    const attributes = answered(
      attributesShape,
      "its target group's attributes",
      await ask("describe-target-group-attributes", { TargetGroupArn }),
    ).Attributes;
    const attribute = (key: string) => attributes.find(({ Key }) => Key === key)?.Value;
    const { TargetHealthDescriptions } = answered(
      targetsShape,
      "its targets",
      await ask("describe-target-health", { TargetGroupArn }),
    );
    const healthy = TargetHealthDescriptions.filter(({ TargetHealth }) => TargetHealth.State === "healthy").length;
    const delay = attribute("deregistration_delay.timeout_seconds");
    const problems = differences("load balancer", {
      scheme: [found.Scheme, "internet-facing"],
      listener: [`${listener.Protocol} ${listener.Port}`, "TLS 443"],
      "TLS policy": [listener.SslPolicy, TLS_POLICY],
      certificate: [listener.Certificates[0]?.CertificateArn, foundationOf(deployment, stack).certificateArn],
      targets: [`${group.TargetType} by ${group.Protocol}`, "ip by TCP"],
      "health check": [`${group.HealthCheckProtocol} ${group.HealthCheckPath}`, "HTTP /healthz"],
      "deregistration delay": [delay, `${SHUTDOWN.deregistrationDelaySeconds}`],
      "client IP preserved": [attribute("preserve_client_ip.enabled"), "false"],
    });
    if (healthy < TARGETS) problems.push(`${healthy} healthy targets, needed: ${TARGETS}`);
    return { summary: `TLS policy ${TLS_POLICY}, ${healthy} healthy targets`, problems };
  },
};

const closed: RegionAssumption = {
  name: "origin closed to strangers",
  of: "region",
  why: "the load balancer must accept connections only from the Service's `loadBalancerSourceRanges`",
  fix: "check the load balancer's security groups; if this machine is inside Cloudflare's networks, test from a different machine",
  async look(deployment, stack) {
    const { originHostname, webhookHostname } = outputsOf(deployment, stack);
    const hosts = [originHostname, ...(webhookHostname === undefined ? [] : [webhookHostname])];
    const open = await Promise.all(hosts.map((host) => deployment.clouds.connects(host, 443)));
    const problems = hosts
      .filter((_, index) => open[index])
      .map((host) => `${host}:443 accepts connections from this machine`);
    return { summary: `${hosts.length} host names accept no connection from this machine`, problems };
  },
};

const certificateShape = z.object({
  Certificate: z.object({
    Status: z.string(),
    DomainName: z.string(),
    NotAfter: z.string().optional(),
    RenewalEligibility: z.string().optional(),
  }),
});
/** Minimum remaining validity, in days. ACM renews 60 days before expiry, so a certificate with less was not renewed. */
const CERTIFICATE_DAYS = 30;

export const certificate: RegionAssumption = {
  name: "certificate",
  of: "region",
  why: "ACM renews a certificate only while it is in use and its DNS validation record exists",
  fix: "restore the validation record (see `aws acm describe-certificate`): ACM renews 60 days before expiry",
  async look(deployment, stack) {
    const own = foundationOf(deployment, stack);
    const arns = [own.certificateArn, ...(own.webhookCertificateArn ? [own.webhookCertificateArn] : [])];
    const problems = await Promise.all(arns.map((arn) => expiry(deployment, stack, arn)));
    return {
      summary: `${arns.length} issued, valid for more than ${CERTIFICATE_DAYS} days`,
      problems: problems.flat(),
    };
  },
};

async function expiry(deployment: Deployment, { region }: RegionStack, CertificateArn: string): Promise<string[]> {
  const answer = await deployment.clouds.aws(region.awsRegion, "acm", "describe-certificate", { CertificateArn });
  const { Certificate } = answered(certificateShape, "the certificate", answer);
  const what = `certificate of ${Certificate.DomainName}`;
  const days = Math.floor((Date.parse(Certificate.NotAfter ?? "") - Date.now()) / 86_400_000);
  return [
    ...differences(what, { status: [Certificate.Status, "ISSUED"] }),
    ...(days > CERTIFICATE_DAYS
      ? []
      : [`${what}: ${Number.isNaN(days) ? "it has no expiry date" : `days until expiry: ${days}`}`]),
  ];
}

/** Assumptions about the public entrance and its restrictions. */
export const ENTRANCE: readonly RegionAssumption[] = [entrance, loadBalancer, closed, certificate];
