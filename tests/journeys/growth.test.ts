import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { ExitCode } from "../../model/errors";
import { type Answer, LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

const unchanged = (answer: Answer): boolean =>
  answer.exitCode === 0 && answer.json.stacks.every(({ outcome }: { outcome: string }) => outcome === "done");

describe("a growing fleet", () => {
  const local = new LocalFleet();
  beforeAll(() => local.deploy());
  afterAll(() => local.remove());

  it("does not change in a second `up`", async () => {
    const second = await local.run(["up"]);
    expect(unchanged(second)).toBe(true);
    expect(listed(second)).toEqual([]);
    const counts = ({ json }: Answer) => json.stacks.map(({ resources }: { resources: number }) => resources);
    expect(counts(await local.run(["status"]))).toEqual(counts(second));
  });

  it("refuses to destroy protected data, and then destroys nothing else either", async () => {
    const destroy = await local.run(["destroy", "--yes"]);
    expect(destroy.exitCode).toBe(ExitCode.Refused);
    expect(destroy.stderr).toContain("foundation: aws.s3.Bucket us-east");
    expect((await local.run(["status"])).exitCode).toBe(ExitCode.Success);
  });

  it("is rendered as files without secrets, and `render` replaces only folders that it created", async () => {
    const out = join(local.directory, "out");
    expect((await local.run(["render", "--dir", out])).exitCode).toBe(ExitCode.Success);
    expect(readdirSync(out).filter((name) => !name.startsWith("."))).toEqual([
      "edge",
      "eu-west",
      "foundation",
      "us-east",
    ]);
    const deployment = readFileSync(join(out, "us-east/kubernetes/apps.Deployment-us-east.yaml"), "utf8");
    expect(deployment).toMatch(/image: \d{12}\.dkr\.ecr\.us-east-1\.amazonaws\.com\/langflow@sha256:[0-9a-f]{64}/);
    const text = local.text(out);
    const stored = local.text(join(local.fleet, "cloud", "resources"));
    const passwords = [...stored.matchAll(/"result": ?(?:\{[^}]*?"value": ?)?"([^"[]{24,})"/g)].map(
      ([, value]) => value,
    );
    expect(passwords.length).toBeGreaterThan(2);
    expect(passwords.filter((password) => password !== undefined && text.includes(password))).toEqual([]);
    const version = readFileSync(join(out, "us-east/aws/secretsmanager.SecretVersion-us-east-database.json"), "utf8");
    expect(JSON.parse(version).inputs.secretString).toBe("[secret]");
    const made = (await local.cloud("GET", "/resources")) as { provider: string }[];
    expect(readdirSync(out, { recursive: true }).filter((name) => /\.(json|yaml)$/.test(String(name)))).toHaveLength(
      made.filter(({ provider }) => provider !== "random").length,
    );
    expect((await local.run(["render", "edge", "--dir", local.project])).exitCode).toBe(ExitCode.Refused);
    expect(existsSync(join(local.project, "Pulumi.yaml"))).toBe(true);
  });

  it("adds a third region from config alone: with replication both ways, a pool, and updated agents", async () => {
    local.edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:regions"].value.push({
        name: "ap-southeast",
        awsRegion: "ap-southeast-1",
        cidr: "10.48.0.0/16",
        backupRegion: "us-east",
      });
    });
    local.add("Pulumi.ap-southeast.yaml", stringify({ config: {} }));
    const up = await local.run(["up"]);
    expect(up.exitCode).toBe(ExitCode.Success);
    const changed = listed(up).filter((line) => !line.includes(" create "));
    expect(changed.filter((line) => / (replace|delete) /.test(line))).toEqual([]);
    // Each flow sync gets the new bucket and the permission to write to it. Nothing else changes in existing regions.
    for (const region of ["us-east", "eu-west"])
      expect(changed.filter((line) => line.startsWith(`${region} `)).map((line) => line.split(": ")[0])).toEqual([
        `${region} update kubernetes:apps/v1:Deployment ${region}-flow-sync`,
        `${region} update kubernetes:core/v1:ConfigMap ${region}-flow-sync`,
        `${region} update aws:iam/rolePolicy:RolePolicy ${region}-flow-sync`,
      ]);
    const replication = await local.resource("aws:s3/bucketReplicationConfig:BucketReplicationConfig", "ap-southeast");
    expect((replication.inputs.rules as unknown[]).length).toBe(2);
    const balancer = up.json.stacks.find(({ stack }: { stack: string }) => stack === "edge");
    expect(Object.keys(balancer.outputs.pools).sort()).toEqual(["ap-southeast", "eu-west", "us-east"]);
  });

  it("has no drift in any region", async () => {
    const drift = await local.run(["drift"]);
    expect(listed(drift)).toEqual([]);
    expect(drift.exitCode).toBe(ExitCode.Success);
  });

  it("reports a resource that was deleted outside of Pulumi, and recreates it with `up --refresh`", async () => {
    const { key } = await local.resource("aws:kms/alias:Alias", "eu-west");
    await local.cloud("DELETE", `/resources/${encodeURIComponent(key)}`);
    const drift = await local.run(["drift", "foundation"]);
    expect(listed(drift)).toContain("foundation create aws:kms/alias:Alias eu-west");
    expect((await local.run(["up", "foundation", "--refresh"])).exitCode).toBe(ExitCode.Success);
    expect((await local.run(["drift", "foundation"])).exitCode).toBe(ExitCode.Success);
  });

  it("continues with the other regions and the edge if one region's cluster rejects a change", async () => {
    for (const region of ["us-east", "eu-west"])
      local.edit(`Pulumi.${region}.yaml`, ({ config }) => {
        config["langflow-dr:replicas"].max = 12;
      });
    const type = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler";
    await local.cloud("POST", "/faults", { type, method: "update", kind: "throttle" });
    const up = await local.run(["up"]);
    expect(up.exitCode).toBe(ExitCode.ResourceFailed);
    const outcomes = up.json.stacks.map(({ outcome }: { outcome: string }) => outcome);
    expect(outcomes.filter((outcome: string) => outcome === "failed")).toHaveLength(1);
    expect(outcomes.filter((outcome: string) => outcome === "skipped")).toHaveLength(0);
    expect(listed(up).filter((line) => line.includes(`update ${type}`)).length).toBeGreaterThanOrEqual(1);
    expect(outcomes.at(-1)).toBe("done");
  });
});
