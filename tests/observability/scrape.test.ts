import { KEPT } from "../../observability/metrics";
import { prometheusConfig } from "../../observability/scrape";
import { WATCHED } from "./settings";

interface Scrape {
  job_name: string;
  scrape_interval?: string;
  params?: { module: string[] };
  static_configs?: { targets: string[]; labels?: Record<string, string> }[];
  relabel_configs?: { target_label?: string }[];
  metric_relabel_configs: { source_labels?: string[]; regex?: string; action?: string }[];
}
const scrapes = (changes = {}) =>
  (prometheusConfig({ ...WATCHED, ...changes }) as { scrape_configs: Scrape[] }).scrape_configs;
const job = (name: string, changes = {}) => scrapes(changes).find(({ job_name }) => job_name === name);

describe("Prometheus' configuration", () => {
  it("keeps only metrics that rules or dashboards use, for each job", () => {
    for (const { job_name, metric_relabel_configs } of scrapes())
      expect([job_name, metric_relabel_configs[0]]).toEqual([
        job_name,
        { source_labels: ["__name__"], regex: KEPT[job_name as keyof typeof KEPT].join("|"), action: "keep" },
      ]);
    expect(
      scrapes()
        .map(({ job_name }) => job_name)
        .sort(),
    ).toEqual(Object.keys(KEPT).sort());
  });

  it("checks every other region with a known load balancer and labels the checks with the region", () => {
    expect(job("probe-origin")?.static_configs).toEqual([
      { targets: ["https://eu-west.elb.example.com/healthz"], labels: { target_region: "eu-west" } },
    ]);
    expect(job("probe-origin", { peers: [] })).toBeUndefined();
  });

  it("does not change if all other regions are down, because all targets are in its own cluster", () => {
    const without = ({ job_name }: Scrape) => job_name !== "probe-origin";
    expect(scrapes({ peers: [] })).toEqual(scrapes().filter(without));
  });

  it("adds no pod labels to kube-state-metrics, because node metrics would then be dropped", () => {
    const labels = (name: string) =>
      (job(name)?.relabel_configs ?? []).flatMap(({ target_label }) => target_label ?? []);
    expect(labels("kube-state-metrics")).toEqual([]);
    expect(labels("langflow")).toEqual(["namespace", "pod"]);
    const [, ours] = job("kube-state-metrics")?.metric_relabel_configs ?? [];
    const passes = (namespace: string) => new RegExp(`^(?:${ours?.regex})$`).test(namespace);
    expect(["", "langflow", "observability", "kube-system"].map(passes)).toEqual([true, true, true, false]);
  });

  it("sends a Git client's first request to the Git host, and nothing if the repository is a folder or absent", () => {
    expect(job("probe-git")?.static_configs?.[0]?.targets).toEqual([
      "https://git.example.com/acme/flows.git/info/refs?service=git-upload-pack",
    ]);
    expect(job("probe-git", { repositoryUrl: "/srv/flows" })).toBeUndefined();
    expect(job("probe-git", { repositoryUrl: undefined })).toBeUndefined();
  });

  it("checks at the interval that the alerts assume", () => {
    for (const name of ["probe-origin", "probe-own", "probe-public", "probe-git"])
      expect(job(name)?.scrape_interval).toBe("15s");
  });

  it("keeps only the collector's series of runs and overflow, without the labels of the collector itself", () => {
    const [, runs, ...dropped] = job("collector")?.metric_relabel_configs ?? [];
    const keeps = (status: string, overflow: string) =>
      runs?.action === "keep" && new RegExp(`^(?:${runs.regex})$`).test(`${status};${overflow}`);
    expect(runs?.source_labels).toEqual(["status", "otel_metric_overflow"]);
    expect([keeps("ok", ""), keeps("", "true"), keeps("", "")]).toEqual([true, true, false]);
    expect(dropped.map(({ action }) => action)).toEqual(["labeldrop", "labeldrop"]);
    expect(job("collector", { hasCollector: false })).toBeUndefined();
  });

  it("contains no secrets, and no tokens except paths of mounted files", () => {
    const text = JSON.stringify(prometheusConfig(WATCHED));
    expect(text).not.toMatch(/password|bearer_token"|"credentials"|client_secret/);
    expect(text.match(/"credentials_file":"[^"]*"/g)).toEqual([
      '"credentials_file":"/mnt/secrets/STORE_TOKEN"',
      '"credentials_file":"/var/run/secrets/kubernetes.io/serviceaccount/token"',
      '"credentials_file":"/var/run/secrets/kubernetes.io/serviceaccount/token"',
    ]);
  });
});
