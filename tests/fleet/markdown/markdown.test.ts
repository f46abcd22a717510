import type { Change } from "../../../fleet/engine/changes";
import { comment } from "../../../fleet/markdown/comment";
import { driftReport } from "../../../fleet/markdown/driftReport";
import type { StackRun } from "../../../fleet/stacks/stackRun";
import { capacities, type RegionSize } from "../../../model/capacity";

const change = (operation: Change["operation"], name = "us-east", type = "aws:ec2/subnet:Subnet"): Change => ({
  urn: `urn:${name}`,
  type,
  name,
  operation,
  properties:
    operation === "update" || operation === "replace"
      ? [{ path: "tags.owner", replaces: operation === "replace" }]
      : [],
});

const run = (changes: Change[], more: Partial<StackRun> = {}): StackRun => ({
  stack: "foundation",
  outcome: "done",
  seconds: 1,
  changes,
  unchanged: 7,
  resources: [],
  outputs: {},
  notes: [],
  leftOut: [],
  ...more,
});

const size = (region: string, max: number): RegionSize => ({
  region,
  replicas: { min: 2, max },
  requests: { cpu: "1", memory: "2Gi" },
  instanceClass: "db.m7g.large",
});
const ROOM = capacities([size("us-east", 10), size("eu-west", 10)], "one");
const TIGHT = capacities([size("us-east", 10), size("eu-west", 12)], "one");
const changed = (type: string, path: string): Change => ({
  ...change("update", "us-east", type),
  properties: [{ path, replaces: false }],
});

describe("the pull-request comment's section on capacity", () => {
  it("shows the figures of each region", () => {
    const text = comment([run([changed("aws:rds/instance:Instance", "instanceClass")])], [], ROOM);
    expect(text).toContain("### Capacity");
    expect(text.replaceAll(/ +/g, " ")).toContain(
      "| `eu-west` | `db.m7g.large` | 68 | 608 | 728 | 248 | 812 | 4 of 10 | 17 of 256 | 34 of 1024 GiB |",
    );
    expect(text).not.toContain("WARNING");
  });

  it.each([
    ["kubernetes:autoscaling/v2:HorizontalPodAutoscaler", "spec.maxReplicas"],
    ["kubernetes:autoscaling/v2:HorizontalPodAutoscaler", "spec.minReplicas"],
    ["kubernetes:apps/v1:Deployment", "spec.template.spec.containers[0].resources.requests.cpu"],
    ["kubernetes:core/v1:ConfigMap", "data.LANGFLOW_DB_CONNECTION_SETTINGS"],
    ["aws:rds/instance:Instance", "instanceClass"],
    ["cloudflare:index/loadBalancer:LoadBalancer", "steeringPolicy"],
  ])("is included if a resource of type %s changes in %s", (type, path) => {
    expect(comment([run([changed(type, path)])], [], ROOM)).toContain("### Capacity");
  });

  it.each(["create", "delete"] as const)("is included if a preview would %s a region", (operation) => {
    const preview = run([change(operation, "south", "aws:rds/instance:Instance")]);
    expect(comment([preview], [], ROOM)).toContain("### Capacity");
  });

  it.each([
    ["kubernetes:apps/v1:Deployment", "spec.template.spec.containers[0].image"],
    ["aws:rds/instance:Instance", "backupRetentionPeriod"],
    ["cloudflare:index/loadBalancer:LoadBalancer", "sessionAffinity"],
  ])("is omitted if a resource of type %s changes only in %s", (type, path) => {
    expect(comment([run([changed(type, path)])], [], ROOM)).not.toContain("Capacity");
  });

  it("shows capacity shortages if anything changes; a shortage alone causes no comment", () => {
    const text = comment([run([change("update")])], [], TIGHT);
    expect(text).toMatch(
      /> \[!WARNING\]\n> - `eu-west`: langflow-dr:replicas\.max is 12: .*allows 812.*; set replicas\.max to 10/,
    );
    expect(comment([run([])], [], TIGHT)).toBe("");
  });
});

describe("the pull-request comment", () => {
  it("is empty without changes", () => {
    expect(comment([run([]), run([], { stack: "edge" })], [])).toBe("");
  });

  it("lists each change with its properties, and prints properties that force a replacement in bold", () => {
    const text = comment([run([change("update", "kept"), change("replace", "moved")])], []);
    expect(text).toMatch(/^\| `foundation` \| 1 to update, 1 to replace \| +7 \|$/m);
    expect(text).toContain("- update `aws.ec2.Subnet` `kept`: `tags.owner`");
    expect(text).toContain("- **replace** `aws.ec2.Subnet` `moved`: **`tags.owner`** in `foundation`");
  });

  it.each([
    ["replace", "aws:rds/instance:Instance"],
    ["delete", "aws:s3/bucket:Bucket"],
    ["replace", "random:index/randomBytes:RandomBytes"],
  ] as const)("begins with a warning if the preview would %s %s", (operation, type) => {
    const text = comment([run([change("delete", "other"), change(operation, "precious", type)])], []);
    expect(text.startsWith("## Preview\n\n> [!CAUTION]\n> **Data would be replaced or deleted**\n>\n")).toBe(true);
    expect(text).toMatch(new RegExp(`^> - \\*\\*${operation}\\*\\* .* \`precious\``, "m"));
    expect(text).toContain("### Replaced or deleted\n\n- **delete** `aws.ec2.Subnet` `other`");
  });

  it("does not warn if data is only updated", () => {
    expect(comment([run([change("update", "kept", "aws:s3/bucket:Bucket")])], [])).not.toContain("CAUTION");
  });

  it("shows a complete failure message, even if that message contains backticks", () => {
    const failure = { message: "```\nno access\n```", exitCode: 3 };
    const text = comment([run([], { outcome: "failed", failure })], []);
    expect(text).toContain("### `foundation` failed\n\n````\n```\nno access\n```\n````");
  });

  it("mentions a deployed stack that the config no longer contains, even without other changes", () => {
    const left = run([], { stack: "ap-southeast", outcome: "skipped", notes: ["not in the config any more"] });
    expect(comment([run([]), left], [])).toContain("| `ap-southeast` | not in the config any more |");
  });

  it("names the resource that violates an invariant", () => {
    const resource = "urn:pulumi:edge::langflow-dr::cloudflare:index/loadBalancer:LoadBalancer::edge";
    const text = comment([run([])], [{ rule: "pools-two", resource, message: "has one", fix: "add one" }]);
    expect(text).toContain("> - **pools-two** `edge`: has one; add one");
  });

  it("escapes resource names, so that they cannot break the markup", () => {
    const text = comment([run([change("create", "`<img src=x>\n# Approved")])], []);
    expect(text).toContain("create `aws.ec2.Subnet` `'<img src=x>'# Approved`");
  });
});

describe("the drift report", () => {
  it("is empty without drift, whatever noise was filtered out", () => {
    expect(driftReport([run([], { notes: ["left out: edge: modifiedOn"] })])).toBe("");
  });

  it("lists the drift, how to fix it, and what was filtered out", () => {
    const text = driftReport([run([change("update")], { notes: ["left out: edge: modifiedOn"] })]);
    expect(text).toContain("npm run fleet -- up --refresh");
    expect(text).toContain("- update `aws.ec2.Subnet` `us-east`: `tags.owner`");
    expect(text).toContain("- `foundation`: left out: edge: modifiedOn");
  });
});
