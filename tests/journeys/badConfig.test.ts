import { existsSync } from "node:fs";
import { ExitCode } from "../../model/errors";
import { LocalFleet } from "../engine/localFleet";

jest.setTimeout(180_000);

// biome-ignore lint/suspicious/noExplicitAny: a test edits YAML freely
type Edit = (config: any) => void;
const set =
  (key: string, value: unknown): Edit =>
  (config) => {
    config[`langflow-dr:${key}`] = value;
  };
const region =
  (index: number, change: object): Edit =>
  (config) => {
    Object.assign(config["langflow-dr:regions"].value[index], change);
  };

const IMAGE = "langflow:1.13.0";

describe("an invalid config", () => {
  const local = new LocalFleet();
  afterEach(() => local.reset());
  afterAll(() => local.remove());

  it.each<[string, string, Edit, string]>([
    ["overlapping networks", "Pulumi.yaml", region(1, { cidr: "10.16.128.0/17" }), "overlaps 10.16.0.0/16"],
    ["an image without a digest", "Pulumi.yaml", set("image", { value: IMAGE }), "has no digest"],
    ["the tag latest", "Pulumi.yaml", set("image", { value: "langflow:latest" }), "latest can change"],
    ["fewer than two regions", "Pulumi.yaml", (config) => config["langflow-dr:regions"].value.pop(), "two regions"],
    [
      "a backup region outside the fleet",
      "Pulumi.yaml",
      region(0, { backupRegion: "mars" }),
      "must be a different region",
    ],
    ["two regions in the same AWS region", "Pulumi.yaml", region(1, { awsRegion: "us-east-1" }), "fail together"],
    [
      "a host outside the zone",
      "Pulumi.yaml",
      set("hostname", { value: "langflow.example.org" }),
      "outside|not inside",
    ],
    ["an unknown topology", "Pulumi.yaml", set("topology", { value: "mesh" }), "active-active, active-standby"],
    ["a build region outside the fleet", "Pulumi.yaml", set("buildRegion", { value: "mars" }), "one of the regions"],
    [
      "a monitor interval that is not a multiple of 5",
      "Pulumi.edge.yaml",
      set("monitor", { intervalSeconds: 17 }),
      "multiple of 5",
    ],
    [
      "an unknown region in the pool order",
      "Pulumi.edge.yaml",
      set("poolOrder", ["us-east", "mars"]),
      "each region once",
    ],
    ["an unknown check region", "Pulumi.edge.yaml", set("monitor", { checkRegions: ["MARS"] }), "WNAM"],
    ["one replica", "Pulumi.us-east.yaml", set("replicas", { min: 1, max: 1 }), "at least 2"],
    [
      "more pods than the database has connections for",
      "Pulumi.us-east.yaml",
      set("replicas", { min: 2, max: 100 }),
      "6008 .* allows 812; set",
    ],
    ["a misspelled key", "Pulumi.eu-west.yaml", set("replica", 3), "replica is unknown: did you mean replicas"],
    ["a misspelled AWS region", "Pulumi.yaml", region(0, { awsRegion: "us-esat-1" }), "did you mean us-east-1"],
    [
      "a public name in a stack's file",
      "Pulumi.edge.yaml",
      set("hostname", "other.example.com"),
      "applies to the whole fleet",
    ],
    [
      "an unsupported Kubernetes version",
      "Pulumi.us-east.yaml",
      set("cluster", { version: "1.20" }),
      "no longer supported",
    ],
    ["an invalid cron time", "Pulumi.us-east.yaml", set("backup", { schedule: "61 25 * * *" }), "hour 0-23"],
    ["a secret in plain text", "Pulumi.foundation.yaml", set("gitToken", "ghp-very-secret"), "is in plain text"],
  ])("is rejected because of %s before anything is created", async (_, file, edit, message) => {
    local.edit(file, ({ config }) => edit(config));
    const { exitCode, stdout, stderr } = await local.run(["up"]);
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(stdout).toBe("");
    expect(stderr).toMatch(new RegExp(message));
    expect(stderr.match(/^The config is invalid/gm)).toHaveLength(1);
    expect(stderr).toContain(file);
    expect(stderr).not.toContain("very-secret");
    expect(existsSync(local.fleet)).toBe(false);
  });

  it("is rejected before anything is created if nobody could administer the clusters", async () => {
    local.edit("Pulumi.yaml", ({ config }) => delete config["langflow-dr:githubRepository"]);
    const { exitCode, stderr } = await local.run(["up"]);
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(stderr).toMatch(/Pulumi\.us-east\.yaml\n {2}langflow-dr:cluster\.adminRoleArns is \[\]; must contain/);
    expect(existsSync(local.fleet)).toBe(false);
  });
});
