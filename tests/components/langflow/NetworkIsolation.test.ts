import { overlapping } from "../../../model/addresses";
import { LANGFLOW_ARGS, manifest, manifests, recordLangFlow, recordRegion } from "../../langflow";

interface Peer {
  ipBlock?: { cidr: string; except?: string[] };
  namespaceSelector?: { matchLabels: Record<string, string> };
  podSelector?: { matchLabels: Record<string, string> };
}
interface Rule {
  ports: { protocol: string; port: number }[];
  from?: Peer[];
  to?: Peer[];
}

const COMPONENT = "app.kubernetes.io/component";
const policy = async (name: string, changes = {}) =>
  manifest(await recordLangFlow(changes), "NetworkPolicy", name).spec;
const open = (rules: Rule[], port: number) => rules.filter(({ ports }) => ports.some((each) => each.port === port));
const ports = (rules: Rule[]) => rules.flatMap((rule) => rule.ports.map(({ port }) => port));
const components = (rules: Rule[], port: number) =>
  open(rules, port).flatMap(({ from, to }) =>
    (from ?? to ?? []).flatMap(({ podSelector }) => podSelector?.matchLabels[COMPONENT] ?? []),
  );

/** Returns whether egress rules allow a connection to an address. */
const reaches = (rules: Rule[], address: string, port: number): boolean =>
  open(rules, port).some(
    ({ to }) =>
      to === undefined ||
      to.some(({ ipBlock }) => {
        const inside = (cidr: string) => overlapping(cidr, `${address}/32`);
        return ipBlock && inside(ipBlock.cidr) && !(ipBlock.except ?? []).some(inside);
      }),
  );

const LOAD_BALANCER = LANGFLOW_ARGS.publicSubnetCidrs.map((cidr) => ({ ipBlock: { cidr } }));
const PROMETHEUS = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "observability" } } };
const SELECTED = ["langflow-egress", "flow-sync-egress", "backup-egress", "restore-egress"];

describe("NetworkIsolation", () => {
  it("denies all traffic of the namespace in both directions by default", async () => {
    expect(await policy("default-deny")).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  });

  it("admits only the load balancer and the flow sync to LangFlow, and only Prometheus to its metrics", async () => {
    const { ingress } = await policy("langflow-ingress");
    expect(ports(ingress)).toEqual([7860, 9090, 7860]);
    expect(open(ingress, 7860)[0]?.from).toEqual(LOAD_BALANCER);
    expect(components(ingress, 7860)).toEqual(["flow-sync"]);
    expect(open(ingress, 9090).flatMap(({ from = [] }) => from)).toEqual([PROMETHEUS]);
  });

  it("admits health checks from the region's own monitoring if it exists", async () => {
    const { ingress } = await policy("langflow-ingress", { observed: true });
    expect(ports(ingress)).toEqual([7860, 9090, 7860, 7860]);
    expect(open(ingress, 7860)[2]?.from).toEqual([PROMETHEUS]);
  });

  it("allows LangFlow to reach the collector only if it sends spans, and no other pod in the collector's namespace", async () => {
    const [before, { egress }] = [await policy("langflow-egress"), await policy("langflow-egress", { traced: true })];
    expect(egress.slice(0, -1)).toEqual(before.egress);
    expect(egress.at(-1)).toEqual({
      to: [
        {
          ...PROMETHEUS,
          podSelector: {
            matchLabels: {
              "app.kubernetes.io/name": "collector",
              "app.kubernetes.io/instance": `collector-${LANGFLOW_ARGS.region}`,
              [COMPONENT]: "observability",
            },
          },
        },
      ],
      ports: [{ protocol: "TCP", port: 4318 }],
    });
  });

  it("admits only Prometheus to the flow sync's metrics", async () => {
    const { ingress } = await policy("flow-sync-ingress");
    expect(ingress).toEqual([{ from: [PROMETHEUS], ports: [{ protocol: "TCP", port: 9091 }] }]);
  });

  it("admits the load balancer's subnets to the webhook if it is enabled", async () => {
    const { ingress } = await policy("flow-sync-ingress", { webhook: true });
    expect(ports(ingress)).toEqual([9091, 8080]);
    expect(open(ingress, 8080).flatMap(({ from = [] }) => from)).toEqual(LOAD_BALANCER);
  });

  it("admits no connections to a backup or a restore", async () => {
    const objects = manifests(await recordLangFlow()).filter(({ kind }) => kind === "NetworkPolicy");
    expect(
      objects
        .map(({ metadata }) => metadata.name)
        .filter((name) => name.endsWith("ingress"))
        .sort(),
    ).toEqual(["flow-sync-ingress", "langflow-ingress"]);
  });

  it.each(SELECTED)("allows DNS, the pod identity agent, AWS and HTTPS to the internet in %s", async (name) => {
    const { egress } = await policy(name);
    for (const [address, port] of [
      ["10.100.0.10", 53],
      ["169.254.170.23", 80],
      ["10.16.200.8", 443],
      ["104.18.6.192", 443],
    ] as const)
      expect([name, address, reaches(egress, address, port)]).toEqual([name, address, true]);
  });

  it.each(SELECTED)("allows no other destinations in %s", async (name) => {
    const { egress } = await policy(name);
    for (const [address, port] of [
      // the nodes' metadata service
      ["169.254.169.254", 80],
      ["169.254.169.254", 443],
      // another region's network and database
      ["10.32.0.5", 443],
      ["10.32.0.5", 5432],
      ["104.18.6.192", 80],
      ["104.18.6.192", 5432],
      // Git over SSH
      ["104.18.6.192", 22],
      // the file system, which only the node mounts
      ["10.16.200.9", 2049],
    ] as const)
      expect([name, address, port, reaches(egress, address, port)]).toEqual([name, address, port, false]);
  });

  it("allows LangFlow and every agent task to reach the database", async () => {
    const reached = await Promise.all(
      SELECTED.map(async (name) => reaches((await policy(name)).egress, "10.16.200.7", 5432)),
    );
    expect(reached).toEqual([true, true, true, true]);
  });

  it("allows only the flow sync to reach LangFlow, on the pods' own port", async () => {
    const reached = await Promise.all(SELECTED.map(async (name) => components((await policy(name)).egress, 7860)));
    expect(reached).toEqual([[], ["server"], [], []]);
  });

  it("selects existing pods, each component's by its own labels", async () => {
    const labels = manifests(await recordRegion())
      .filter(({ kind }) => kind === "Deployment" || kind === "CronJob")
      .map(({ spec }) => (spec.jobTemplate?.spec ?? spec).template.metadata.labels);
    const selectors: Record<string, string>[] = manifests(await recordLangFlow())
      .filter(({ kind, metadata }) => kind === "NetworkPolicy" && metadata.name !== "default-deny")
      .map(({ spec }) => spec.podSelector.matchLabels);
    const selectedBy = (selector: Record<string, string>) =>
      labels.filter((pod) => Object.entries(selector).every(([key, value]) => pod[key] === value));
    expect(labels).toHaveLength(6);
    expect(selectors).toHaveLength(8);
    for (const selector of selectors) expect(selectedBy(selector)).toHaveLength(1);
  });
});
