import { overlapping } from "../../model/addresses";
import { LANGFLOW_ARGS, manifest, manifests, recordLangFlow } from "../langflow";

interface Peer {
  ipBlock?: { cidr: string; except?: string[] };
  namespaceSelector?: { matchLabels: Record<string, string> };
  podSelector?: unknown;
}
interface Rule {
  ports: { protocol: string; port: number }[];
  from?: Peer[];
  to?: Peer[];
}

const policy = async (name: string) => manifest(await recordLangFlow(), "NetworkPolicy", name).spec;
const open = (rules: Rule[], port: number) => rules.filter(({ ports }) => ports.some((each) => each.port === port));

/** Whether egress rules let a connection to one address pass. */
const reaches = (rules: Rule[], address: string, port: number): boolean =>
  open(rules, port).some(
    ({ to }) =>
      to === undefined ||
      to.some(({ ipBlock }) => {
        const inside = (cidr: string) => overlapping(cidr, `${address}/32`);
        return ipBlock && inside(ipBlock.cidr) && !(ipBlock.except ?? []).some(inside);
      }),
  );

describe("NetworkIsolation", () => {
  it("closes the whole namespace in both directions before anything is opened", async () => {
    expect(await policy("default-deny")).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  });

  it("lets the load balancer's subnets in to LangFlow and Prometheus' namespace to the metrics, no one else", async () => {
    const { ingress } = await policy("langflow-ingress");
    expect(ingress).toHaveLength(2);
    expect(open(ingress, 7860).flatMap(({ from = [] }) => from)).toEqual(
      (LANGFLOW_ARGS.publicSubnetCidrs as string[]).map((cidr) => ({ ipBlock: { cidr } })),
    );
    expect(open(ingress, 9090).flatMap(({ from = [] }) => from)).toEqual([
      { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "observability" } } },
    ]);
  });

  it.each([
    ["DNS", "10.100.0.10", 53],
    ["the pod identity agent", "169.254.170.23", 80],
    ["the database", "10.16.200.7", 5432],
    ["an interface endpoint", "10.16.200.8", 443],
    ["a model provider", "104.18.6.192", 443],
  ])("lets LangFlow out to %s", async (_, address, port) => {
    expect(reaches((await policy("langflow-egress")).egress, address, port)).toBe(true);
  });

  it.each([
    ["the nodes' metadata", "169.254.169.254", 80],
    ["the nodes' metadata by TLS", "169.254.169.254", 443],
    ["another region's network", "10.32.0.5", 443],
    ["another region's database", "10.32.0.5", 5432],
    ["plain HTTP anywhere", "104.18.6.192", 80],
    ["a database on the Internet", "104.18.6.192", 5432],
    ["the file system, which the node mounts", "10.16.200.9", 2049],
  ])("does not let LangFlow out to %s", async (_, address, port) => {
    expect(reaches((await policy("langflow-egress")).egress, address, port)).toBe(false);
  });

  it("selects the pods that exist", async () => {
    const resources = await recordLangFlow();
    const { matchLabels } = manifest(resources, "Deployment").spec.selector;
    const selectors = manifests(resources)
      .filter(({ kind, metadata }) => kind === "NetworkPolicy" && metadata.name !== "default-deny")
      .map(({ spec }) => spec.podSelector.matchLabels);
    expect(selectors).toEqual([matchLabels, matchLabels]);
  });
});
