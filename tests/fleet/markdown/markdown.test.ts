import { comment } from "../../../fleet/markdown/comment";
import { driftReport } from "../../../fleet/markdown/driftReport";
import type { Change } from "../../../fleet/stacks/changes";
import type { StackRun } from "../../../fleet/stacks/stackRun";

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

describe("the pull-request comment", () => {
  it("is empty where nothing changes", () => {
    expect(comment([run([]), run([], { stack: "edge" })], [])).toBe("");
  });

  it("says of each change what, which, and the properties that differ; in bold those that force a replacement", () => {
    const text = comment([run([change("update", "kept"), change("replace", "moved")])], []);
    expect(text).toContain("| `foundation` | 1 to update, 1 to replace | 7 |");
    expect(text).toContain("- update `aws.ec2.Subnet` `kept`: `tags.owner`");
    expect(text).toContain("- **replace** `aws.ec2.Subnet` `moved`: **`tags.owner`** in `foundation`");
  });

  it.each([
    ["replace", "aws:rds/instance:Instance"],
    ["delete", "aws:s3/bucket:Bucket"],
    ["replace", "random:index/randomBytes:RandomBytes"],
  ] as const)("shouts before anything else when it would %s %s", (operation, type) => {
    const text = comment([run([change("delete", "other"), change(operation, "precious", type)])], []);
    expect(text.startsWith("## Preview\n\n> [!CAUTION]\n> **Data would be replaced or deleted**\n>\n")).toBe(true);
    expect(text).toMatch(new RegExp(`^> - \\*\\*${operation}\\*\\* .* \`precious\``, "m"));
    expect(text).toContain("### Replaced or deleted\n\n- **delete** `aws.ec2.Subnet` `other`");
  });

  it("does not shout where data is only changed", () => {
    expect(comment([run([change("update", "kept", "aws:s3/bucket:Bucket")])], [])).not.toContain("CAUTION");
  });

  it("shows a failure whole, whatever backticks are in it", () => {
    const failure = { message: "```\nno access\n```", exitCode: 3 };
    const text = comment([run([], { outcome: "failed", failure })], []);
    expect(text).toContain("### `foundation` failed\n\n````\n```\nno access\n```\n````");
  });

  it("speaks of a stack that is deployed and no longer in the config, though nothing else changes", () => {
    const left = run([], { stack: "ap-southeast", outcome: "skipped", notes: ["not in the config any more"] });
    expect(comment([run([]), left], [])).toContain("| `ap-southeast` | not in the config any more |");
  });

  it("names what breaks an invariant by the resource's own name", () => {
    const resource = "urn:pulumi:edge::langflow-dr::cloudflare:index/loadBalancer:LoadBalancer::edge";
    const text = comment([run([])], [{ rule: "pools-two", resource, message: "has one", fix: "add one" }]);
    expect(text).toContain("> - **pools-two** `edge`: has one; add one");
  });

  it("lets no name of a resource break out of its place", () => {
    const text = comment([run([change("create", "`<img src=x>\n# Approved")])], []);
    expect(text).toContain("create `aws.ec2.Subnet` `'<img src=x>'# Approved`");
  });
});

describe("the report of drift", () => {
  it("is empty where nothing drifted, whatever noise was left out", () => {
    expect(driftReport([run([], { notes: ["left out: edge: modifiedOn"] })])).toBe("");
  });

  it("says what drifted, the way out, and what was left out", () => {
    const text = driftReport([run([change("update")], { notes: ["left out: edge: modifiedOn"] })]);
    expect(text).toContain("npm run fleet -- up --refresh");
    expect(text).toContain("- update `aws.ec2.Subnet` `us-east`: `tags.owner`");
    expect(text).toContain("- `foundation`: left out: edge: modifiedOn");
  });
});
