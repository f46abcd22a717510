import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ExitCode } from "../../model/errors";
import { type Answer, LocalFleet, listed } from "./localFleet";

jest.setTimeout(300_000);

describe("a local fleet on the real engine", () => {
  const local = new LocalFleet();
  let first: Answer;

  beforeAll(async () => {
    first = await local.deploy();
  });
  afterAll(() => local.remove());
  afterEach(() => local.reset());

  it("deploys all stacks from scratch and prints its URL", () => {
    expect(first.stderr).toContain("edge:");
    expect(first.exitCode).toBe(ExitCode.Success);
    const stacks = Object.fromEntries(first.json.stacks.map((each: { stack: string }) => [each.stack, each]));
    expect(Object.keys(stacks)).toEqual(["foundation", "us-east", "eu-west", "edge"]);
    expect(stacks.edge.outputs.url).toBe("https://langflow.example.com");
    for (const region of ["us-east", "eu-west"]) {
      expect(stacks[region].outputs.originHostname).toMatch(/\.elb\.[\w-]+\.amazonaws\.com$/);
      expect(stacks[region].resources).toBeGreaterThan(100);
    }
    expect(stacks["us-east"].outputs.image).not.toBe(stacks["eu-west"].outputs.image);
    const digest = (region: string) => stacks[region].outputs.image.split("@")[1];
    expect(digest("us-east")).toBe(digest("eu-west"));
  });

  it("previews a one-line config change as exactly the affected property", async () => {
    local.edit("Pulumi.us-east.yaml", ({ config }) => {
      config["langflow-dr:replicas"].max = 12;
    });
    const preview = await local.run(["preview"]);
    expect(preview.exitCode).toBe(ExitCode.Success);
    expect(preview.json.violations).toEqual([]);
    expect(listed(preview)).toEqual([
      "us-east update kubernetes:autoscaling/v2:HorizontalPodAutoscaler us-east: spec.maxReplicas",
    ]);
  });

  it("passes the foundation's outputs to the regions, and the regions' outputs to the edge", async () => {
    const outputs = Object.fromEntries(
      first.json.stacks.map(({ stack, outputs: own }: { stack: string; outputs: object }) => [stack, own]),
    );
    const origin = await local.resource("cloudflare:index/loadBalancerPool:LoadBalancerPool", "us-east");
    expect(JSON.stringify(origin.inputs)).toContain(outputs["us-east"].originHostname);
    expect(outputs["eu-west"].image.startsWith(outputs.foundation.regions["eu-west"].registry)).toBe(true);
  });
});

describe("an invalid config", () => {
  const local = new LocalFleet();
  afterAll(() => local.remove());

  it("is rejected with one message before anything is created", async () => {
    local.edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:image"].value = "langflow:latest";
      config["langflow-dr:regions"].value[1].cidr = "10.16.0.0/16";
    });
    const up = await local.run(["up"]);
    expect(up.exitCode).toBe(ExitCode.BadInput);
    expect(up.stdout).toBe("");
    expect(up.stderr).toContain("langflow-dr:image");
    expect(up.stderr).toContain("overlaps 10.16.0.0/16 of us-east");
    expect(existsSync(local.fleet)).toBe(false);
  });

  it("is also reported in the pull request comment", async () => {
    const file = join(local.directory, "comment.md");
    const preview = await local.run(["preview", "--markdown", file]);
    expect(preview.exitCode).toBe(ExitCode.BadInput);
    expect(readFileSync(file, "utf8")).toMatch(
      /The preview failed before the first stack\n\n```\nThe config is invalid[\s\S]*latest can change/,
    );
  });
});
