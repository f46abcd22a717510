import { LANGFLOW_ARGS, manifest, manifests, recordLangFlow } from "../../langflow";

const PREFIX = "service.beta.kubernetes.io/aws-load-balancer-";
const entrance = async () => manifest(await recordLangFlow(), "Service", "langflow-public");
const annotation = async (key: string) => (await entrance()).metadata.annotations?.[`${PREFIX}${key}`];

describe("PublicEntrance", () => {
  it("is the only public endpoint: one load balancer of EKS Auto Mode's class", async () => {
    const exposed = manifests(await recordLangFlow()).filter(
      ({ kind, spec }) => kind === "Ingress" || (kind === "Service" && spec.type !== "ClusterIP"),
    );
    expect(exposed.map(({ metadata }) => metadata.name)).toEqual(["langflow-public"]);
    expect(exposed[0]?.spec.loadBalancerClass).toBe("eks.amazonaws.com/nlb");
  });

  it("admits only the given ranges on port 443, without a NodePort", async () => {
    const { spec } = await entrance();
    expect(spec.loadBalancerSourceRanges).toEqual(LANGFLOW_ARGS.sourceRanges);
    expect(spec.ports).toEqual([{ name: "https", port: 443, targetPort: "http", protocol: "TCP" }]);
    expect(spec.allocateLoadBalancerNodePorts).toBe(false);
  });

  it("terminates TLS 1.2 or newer with the host names' certificates", async () => {
    expect(await annotation("ssl-cert")).toBe(LANGFLOW_ARGS.certificateArns.join(","));
    expect(await annotation("ssl-ports")).toBe("443");
    expect(await annotation("ssl-negotiation-policy")).toMatch(/^ELBSecurityPolicy-TLS13-1-2-/);
  });

  it("offers no HTTP/2 to Cloudflare, so that requests reach LangFlow in the form that its server parses", async () => {
    expect(await annotation("alpn-policy")).toBeUndefined();
  });

  it("connects to pods directly from the public subnets and checks their health on /healthz", async () => {
    expect(await annotation("scheme")).toBe("internet-facing");
    expect(await annotation("nlb-target-type")).toBe("ip");
    expect(await annotation("subnets")).toBe("subnet-a,subnet-b,subnet-c");
    expect(await annotation("healthcheck-protocol")).toBe("HTTP");
    expect(await annotation("healthcheck-path")).toBe("/healthz");
  });

  it("uses no annotations that Auto Mode replaced with fields or attributes", async () => {
    const names = Object.keys((await entrance()).metadata.annotations ?? {});
    const replaced = ["type", "internal", "proxy-protocol", "cross-zone-load-balancing-enabled"];
    expect(names.filter((name) => replaced.includes(name.slice(PREFIX.length)))).toEqual([]);
    expect(names).not.toContain("service.beta.kubernetes.io/load-balancer-source-ranges");
    expect(await annotation("attributes")).toBe("load_balancing.cross_zone.enabled=true");
  });
});
