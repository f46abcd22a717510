import { execFileSync } from "node:child_process";
import { table } from "../../fleet/terminal/table";
import { AGENT_METRICS_PORT, WEBHOOK_PORT } from "../../formats/agentEndpoints";
import { HTTP_PORT, LISTENERS_PORT, METRICS_PORT, NAMESPACE } from "../../model/langflow";
import { type Manifest, manifest, manifests, recordLangFlow, recordRegion } from "../langflow";
import { ApiServer } from "./apiServer";
import { type Broken, brokenPolicies } from "./brokenPolicies";
import { findTool, NETWORK_VERDICTS } from "./tools";

/** One end of a flow in the format of Cyclonus: an address and, for a pod, its namespace and labels. */
interface Peer {
  readonly IP: string;
  readonly Internal?: {
    readonly Namespace: string;
    readonly NamespaceLabels: Record<string, string>;
    readonly PodLabels: Record<string, string>;
  };
}
interface Destination {
  readonly peer: Peer;
  readonly port: number;
  readonly protocol?: "TCP" | "UDP";
}

const pod = (IP: string, Namespace: string, PodLabels: Record<string, string> = {}): Peer => ({
  IP,
  Internal: { Namespace, NamespaceLabels: { "kubernetes.io/metadata.name": Namespace }, PodLabels },
});
const outside = (IP: string): Peer => ({ IP });

/**
 * Returns the sources and destinations of flows: pods with the labels from their controllers, and external addresses.
 */
async function endpoints(): Promise<{ sources: Record<string, Peer>; destinations: Record<string, Destination> }> {
  const recorded = await recordRegion();
  const labels = (kind: string, name: string) => {
    const { spec } = manifest(recorded, kind, name);
    return (spec.jobTemplate?.spec ?? spec).template.metadata.labels;
  };
  const langflow = pod("10.16.64.1", NAMESPACE, labels("Deployment", "langflow-us-east"));
  const listeners = pod("10.16.64.9", NAMESPACE, labels("Deployment", "langflow-listeners-us-east"));
  const flowSync = pod("10.16.64.2", NAMESPACE, labels("Deployment", "flow-sync-us-east"));
  const backup = pod("10.16.64.3", NAMESPACE, labels("CronJob", "backup-us-east"));
  const restore = pod("10.16.64.4", NAMESPACE, labels("CronJob", "restore-us-east"));
  const moveIn = pod("10.16.64.8", NAMESPACE, labels("CronJob", "move-in-us-east"));
  const stranger = pod("10.16.64.5", NAMESPACE);
  const prometheus = pod("10.16.64.6", "observability");
  const elsewhere = pod("10.16.64.7", "default");
  const to = (peer: Peer, port: number, protocol?: "UDP"): Destination => ({
    peer,
    port,
    ...(protocol && { protocol }),
  });
  const privately = (IP: string) => to(outside(IP), 443);
  const otherRegion = outside("10.32.0.5");
  const internet = outside("104.18.6.192");
  return {
    sources: {
      langflow,
      listeners,
      "flow-sync": flowSync,
      backup,
      restore,
      "move-in": moveIn,
      stranger,
      prometheus,
      elsewhere,
      "balancer a": outside("10.16.0.10"),
      "balancer b": outside("10.16.4.10"),
      "balancer c": outside("10.16.8.10"),
      node: outside("10.16.64.200"),
      internet: outside("203.0.113.7"),
    },
    destinations: {
      langflow: to(langflow, HTTP_PORT),
      "langflow metrics": to(langflow, METRICS_PORT),
      "listeners health": to(listeners, LISTENERS_PORT),
      "flow-sync metrics": to(flowSync, AGENT_METRICS_PORT),
      "flow-sync webhook": to(flowSync, WEBHOOK_PORT),
      backup: to(backup, HTTP_PORT),
      "backup metrics": to(backup, AGENT_METRICS_PORT),
      restore: to(restore, HTTP_PORT),
      stranger: to(stranger, HTTP_PORT),
      elsewhere: to(elsewhere, 80),
      database: to(outside("10.16.200.7"), 5432),
      "AWS endpoint": privately("10.16.200.8"),
      "file system": to(outside("10.16.200.9"), 2049),
      "internet TLS": to(internet, 443),
      "internet plain": to(internet, 80),
      "internet SSH": to(internet, 22),
      "identity agent": to(outside("169.254.170.23"), 80),
      "identity agent 443": privately("169.254.170.23"),
      "node metadata": to(outside("169.254.169.254"), 80),
      "node metadata 443": privately("169.254.169.254"),
      "DNS UDP": to(outside("10.16.0.2"), 53, "UDP"),
      "DNS TCP": to(outside("10.16.0.2"), 53),
      "other region TLS": to(otherRegion, 443),
      "other region database": to(otherRegion, 5432),
      "other region plain": to(otherRegion, 80),
      "other region langflow": to(otherRegion, HTTP_PORT),
      "172.16.0.1": privately("172.16.0.1"),
      "192.168.0.1": privately("192.168.0.1"),
      "100.64.0.1": privately("100.64.0.1"),
    },
  };
}

/**
 * Expected verdicts: one row per destination, one column per source, in the order of `endpoints`. `x` means that the
 * flow
 * passes, `>` that only egress allows it, `<` that only ingress allows it, `.` that neither does. A blank marks a flow
 * between two external ends. External ends allow everything.
 */
const EXPECTED = {
  langflow: "..x....>>xxx>>",
  "langflow metrics": ".......x>>>>>>",
  "listeners health": ".......>>>>>>>",
  "flow-sync metrics": ".......x>>>>>>",
  "flow-sync webhook": ".......>>xxx>>",
  backup: ".......>>>>>>>",
  "backup metrics": ".......>>>>>>>",
  restore: ".......>>>>>>>",
  stranger: ".......>>>>>>>",
  elsewhere: "<<<<<<<xxxxxxx",
  database: "xxxxxx<xx     ",
  "AWS endpoint": "xxxxxx<xx     ",
  "file system": "<<<<<<<xx     ",
  "internet TLS": "xxxxxx<xx     ",
  "internet plain": "<<<<<<<xx     ",
  "internet SSH": "<<<<<<<xx     ",
  "identity agent": "xxxxxx<xx     ",
  "identity agent 443": "<<<<<<<xx     ",
  "node metadata": "<<<<<<<xx     ",
  "node metadata 443": "<<<<<<<xx     ",
  "DNS UDP": "xxxxxx<xx     ",
  "DNS TCP": "xxxxxx<xx     ",
  "other region TLS": "<<<<<<<xx     ",
  "other region database": "<<<<<<<xx     ",
  "other region plain": "<<<<<<<xx     ",
  "other region langflow": "<<<<<<<xx     ",
  "172.16.0.1": "<<<<<<<xx     ",
  "192.168.0.1": "<<<<<<<xx     ",
  "100.64.0.1": "<<<<<<<xx     ",
};

/**
 * Row for a port of ours that no source may reach: our pods have neither egress nor ingress, and other sources have
 * only
 * their own egress.
 */
const CLOSED = ".......>>>>>>>";

function sign({ Out, In }: { Out: boolean; In: boolean }): string {
  if (Out) return In ? "x" : ">";
  return In ? "<" : ".";
}

type Matrix = Record<string, string>;

/** Time limit for setup: the first build of the evaluator takes a minute. */
const BUILD_TIMEOUT_MS = 30 * 60_000;

describe("the network policies of the namespace, as stored by an API server,", () => {
  let server: ApiServer;
  let policies: Manifest[];
  let ends: Awaited<ReturnType<typeof endpoints>>;
  let evaluator: string;

  beforeAll(async () => {
    evaluator = await findTool(NETWORK_VERDICTS);
    ends = await endpoints();
    server = await ApiServer.start();
    const recorded = manifests(await recordLangFlow({ webhook: true }));
    for (const object of recorded.filter(({ kind }) => kind === "Namespace" || kind === "NetworkPolicy"))
      expect((await server.create(object)).status).toBe(201);
    policies = await server.list("networking.k8s.io/v1", "NetworkPolicy");
  }, BUILD_TIMEOUT_MS);
  afterAll(() => server?.stop());

  const flows = () =>
    Object.entries(ends.destinations).flatMap(([to, { peer, port, protocol = "TCP" }]) =>
      Object.entries(ends.sources)
        .filter(([, source]) => source.Internal || peer.Internal)
        .map(([from, source]) => ({
          from,
          to,
          flow: { Source: source, Destination: peer, ResolvedPort: port, Protocol: protocol },
        })),
    );

  function matrix(under: readonly Manifest[]): Matrix {
    const asked = flows();
    const input = JSON.stringify({ policies: under, flows: asked.map(({ flow }) => flow) });
    const verdicts: { Out: boolean; In: boolean }[] = JSON.parse(execFileSync(evaluator, { input, encoding: "utf8" }));
    const signs = new Map(asked.map(({ from, to }, index) => [`${from} ${to}`, sign(verdicts[index] as never)]));
    return Object.fromEntries(
      Object.keys(ends.destinations).map((to) => [
        to,
        Object.keys(ends.sources)
          .map((from) => signs.get(`${from} ${to}`) ?? " ")
          .join(""),
      ]),
    );
  }

  it("allow exactly the connections in the test's table", () => {
    const found = matrix(policies);
    const all = Object.values(found).join("").replaceAll(" ", "");
    process.stdout.write(
      `${table(
        ["to \\ from", ...Object.keys(ends.sources)],
        Object.entries(found).map(([to, row]) => [to, ...row]),
      )}\n${all.length} flows, ${all.replaceAll(/[^x]/g, "").length} pass\n`,
    );
    expect(found).toEqual(EXPECTED);
  });

  it("close the webhook's port if there is no webhook, and change nothing else", async () => {
    const without = manifests(await recordLangFlow()).filter(({ kind }) => kind === "NetworkPolicy");
    const { "flow-sync webhook": webhook, ...others } = matrix(without);
    expect(webhook).toBe(CLOSED);
    const { "flow-sync webhook": _, ...expected } = EXPECTED;
    expect(others).toEqual(expected);
  });

  it("no longer match the test's table if any single clause of any policy is broken", () => {
    const right = JSON.stringify(matrix(policies));
    const variants: Broken[] = [...brokenPolicies(policies)];
    const missed = variants.filter((variant) => JSON.stringify(matrix(variant.policies)) === right);
    process.stdout.write(`network: caught ${variants.length - missed.length} of ${variants.length}\n`);
    expect(missed.map(({ what }) => what)).toEqual([]);
    expect(variants.length).toBeGreaterThan(60);
  });
});
