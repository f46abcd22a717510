import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExitCode } from "../../model/errors";
import { type Answer, LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

const VERSIONING = "aws:s3/bucketVersioning:BucketVersioning";

describe("a deployed local fleet", () => {
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

  it("keeps the selected stack, whichever stack it reads", async () => {
    const selected = () => local.text(join(local.fleet, "home", "workspaces"));
    expect(selected()).toContain("/edge");
    expect((await local.run(["preview", "foundation"])).exitCode).toBe(ExitCode.Success);
    expect(selected()).toContain("/edge");
  });

  it("uses no proxy for connections on the same machine", async () => {
    const proxies = ["http_proxy", "https_proxy", "grpc_proxy"].map((name) => [name, "http://127.0.0.1:9"]);
    const preview = await local.run(["preview", "foundation"], undefined, Object.fromEntries(proxies));
    expect([preview.exitCode, preview.stderr]).toEqual([ExitCode.Success, expect.not.stringContaining("proxy")]);
  });

  it("deletes an engine lock that a full disk truncated, but keeps intact locks", async () => {
    const locks = join(local.fleet, "state/.pulumi/locks/organization/langflow-dr/foundation");
    mkdirSync(locks, { recursive: true });
    const [cutOff, whole] = [join(locks, "cut-off.json"), join(locks, "../whole.json")];
    writeFileSync(cutOff, "");
    writeFileSync(whole, "{}");
    for (const file of [cutOff, whole]) utimesSync(file, 0, 0);
    expect((await local.run(["up", "foundation"])).exitCode).toBe(ExitCode.Success);
    expect([existsSync(cutOff), existsSync(whole)]).toEqual([false, true]);
    rmSync(whole);
  });

  it("reports exactly one property if a bucket's versioning was disabled manually", async () => {
    const { key } = await local.resource(VERSIONING, "us-east");
    await local.cloud("PATCH", `/resources/${encodeURIComponent(key)}`, {
      versioningConfiguration: { status: "Suspended" },
    });
    const drift = await local.run(["drift", "foundation"]);
    expect(drift.exitCode).toBe(ExitCode.Drift);
    expect(listed(drift)).toEqual([`foundation update ${VERSIONING} us-east: versioningConfiguration.status`]);
  });

  it("reports manual changes at Cloudflare, including those that its provider does not detect", async () => {
    const BALANCER = "cloudflare:index/loadBalancer:LoadBalancer";
    const MONITOR = "cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor";
    const [pool] = Object.values(first.json.stacks.at(-1).outputs.pools);
    const keys = await Promise.all([BALANCER, MONITOR].map(async (type) => (await local.resource(type, "edge")).key));
    const set = (properties: object[]) =>
      Promise.all(properties.map((each, index) => local.cloud("PATCH", `/resources/${keys[index]}`, each)));
    const rules = [{ name: "to the dashboard", condition: 'http.request.uri.path eq "/"', fixedResponse: {} }];
    await set([
      { rules, countryPools: { DE: [pool] }, popPools: { FRA: [pool] }, regionPools: { WEU: [pool] } },
      { consecutiveUp: 9, consecutiveDown: 8, port: 8443 },
    ]);
    const drift = await local.run(["drift", "edge"]);
    await set([
      { rules: null, countryPools: null, popPools: null, regionPools: null },
      { consecutiveUp: 2, consecutiveDown: 3, port: 443 },
    ]);
    expect(drift.exitCode).toBe(ExitCode.Drift);
    expect(listed(drift)).toEqual([
      `edge update ${BALANCER} edge: popPools.FRA, regionPools.WEU, countryPools, rules`,
      `edge update ${MONITOR} edge: consecutiveDown, consecutiveUp, port`,
    ]);
    expect(drift.json.stacks[0].notes).toContainEqual(expect.stringContaining("port edited at Cloudflare"));
  });

  it("shows a replacement with the property that forces it", async () => {
    local.edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:regions"].value[0].cidr = "10.64.0.0/16";
    });
    const preview = await local.run(["preview", "us-east"]);
    expect(listed(preview)).toContain("us-east replace aws:ec2/vpc:Vpc us-east: cidrBlock");
  });

  it("refuses to replace protected resources", async () => {
    local.edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:regions"].value[1].awsRegion = "eu-central-1";
    });
    const up = await local.run(["up", "foundation"]);
    expect(up.exitCode).toBe(ExitCode.Refused);
    expect(up.json.stacks[0].failure.message).toContain("protect");
  });

  it("stores secrets encrypted in the state and omits them from all outputs", async () => {
    const stored = local.text(join(local.fleet, "cloud", "resources"));
    const [secretKey] = [...stored.matchAll(/"base64": ?\{[^}]*?"value": ?"([^"]{40,})"/g)].map(([, value]) => value);
    const passwords = [...stored.matchAll(/"result": ?(?:\{[^}]*?"value": ?)?"([^"[]{24,})"/g)].map(
      ([, value]) => value,
    );
    const secrets = [secretKey, ...passwords].filter((value) => value !== undefined);
    expect(secrets.length).toBeGreaterThan(2);
    const state = local.text(join(local.fleet, "state"));
    expect(state).toContain('"ciphertext"');
    const said = first.stdout + first.stderr + (await local.run(["status"])).stdout;
    const leaks = secrets.filter((secret) => state.includes(secret) || said.includes(secret));
    expect(leaks).toEqual([]);
  });

  it("distinguishes a stopped local cloud from drift", async () => {
    await local.cloud("POST", "/stop");
    const drift = await local.run(["drift"]);
    expect(drift.exitCode).toBe(ExitCode.Unreachable);
    expect(drift.stderr).toContain("up --local");
  });
});
