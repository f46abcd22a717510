import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "../../fleet/checks/checkResult";
import { ASSUMPTIONS } from "../../fleet/prove/prove";
import { ExitCode } from "../../model/errors";
import { LocalFleet } from "../engine/localFleet";

jest.setTimeout(300_000);

describe("prove on the local fleet", () => {
  const fleet = new LocalFleet();
  const reports = join(fleet.directory, "proofs");
  const prove = async (...args: string[]) => {
    const { exitCode, json } = await fleet.run(["prove", "--reports", reports, ...args]);
    return { exitCode, json, checks: json.checks as Finding[] };
  };

  beforeAll(async () => {
    expect((await fleet.deploy("--yes")).exitCode).toBe(ExitCode.Success);
  });
  afterAll(() => fleet.remove());

  /**
   * Changes made outside of Pulumi: a resource, its change (null deletes the resource), the check that must fail, and
   * the finding.
   */
  const SPOILED: readonly (readonly [
    type: string,
    name: string,
    change: object | null,
    check: string,
    finding: RegExp,
  ])[] = [
    ["aws:eks/cluster:Cluster", "us-east", { deletionProtection: false }, "us-east: cluster", /deletion protection/],
    ["aws:eks/addon:Addon", "us-east-metrics-server", null, "us-east: add-ons", /metrics-server is not installed/],
    [
      "aws:eks/podIdentityAssociation:PodIdentityAssociation",
      "eu-west-backup",
      null,
      "eu-west: pod identities",
      /langflow\/backup has no role/,
    ],
    [
      "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding",
      "us-east-images",
      null,
      "us-east: admission rules",
      /langflow-images has no binding/,
    ],
    [
      "kubernetes:apps/v1:Deployment",
      "eu-west",
      { spec: { template: { spec: { topologySpreadConstraints: [] } } } },
      "eu-west: spread over zones",
      /whenUnsatisfiable is missing/,
    ],
    [
      "kubernetes:apps/v1:Deployment",
      "us-east-flow-sync",
      { spec: { template: { spec: { containers: [{ name: "flow-sync", image: "docker.io/agent:latest" }] } } } },
      "us-east: images",
      /flow-sync runs docker\.io\/agent:latest/,
    ],
    ["aws:kms/key:Key", "eu-west", { isEnabled: false }, "eu-west: key", /state is "Disabled"/],
    [
      "aws:s3/bucketVersioning:BucketVersioning",
      "us-east",
      { versioningConfiguration: { status: "Suspended" } },
      "us-east: flow bucket",
      /versioning is "Suspended"/,
    ],
    [
      "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
      "eu-west",
      { rules: [] },
      "eu-west: flow bucket",
      /no replication rule/,
    ],
    [
      "aws:rds/instance:Instance",
      "us-east",
      { multiAz: false },
      "us-east: database",
      /standby in a different zone is false/,
    ],
    [
      "aws:rds/parameterGroup:ParameterGroup",
      "eu-west",
      { parameters: [{ name: "rds.force_ssl", value: "0" }] },
      "eu-west: database",
      /TLS required is "0"/,
    ],
    [
      "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication",
      "us-east",
      null,
      "us-east: backups of the database abroad",
      /eu-west has no copy of the database's backups/,
    ],
    [
      "aws:secretsmanager/secret:Secret",
      "shared-api-key",
      { replicas: [] },
      "shared secrets",
      /can't find the specified/,
    ],
    [
      "kubernetes:core/v1:Service",
      "eu-west-public",
      { spec: { loadBalancerSourceRanges: ["0.0.0.0/0"] } },
      "eu-west: entrance",
      /0\.0\.0\.0\/0 is allowed/,
    ],
    [
      "aws:acm/certificate:Certificate",
      "us-east-langflow.example.com",
      { status: "EXPIRED" },
      "us-east: certificate",
      /"EXPIRED"/,
    ],
    [
      "cloudflare:index/loadBalancerPool:LoadBalancerPool",
      "eu-west",
      { enabled: false },
      "eu-west: pool",
      /pool: enabled is false/,
    ],
    ["cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor", "edge", { interval: 60 }, "monitor", /interval is 60/],
    ["cloudflare:index/loadBalancer:LoadBalancer", "edge", { steeringPolicy: "off" }, "steering", /policy is "off"/],
    [
      "cloudflare:index/notificationPolicy:NotificationPolicy",
      "edge",
      { enabled: false },
      "alarms",
      /no notification covers the pool/,
    ],
    ["aws:ec2/vpc:Vpc", "us-east", { enableDnsHostnames: false }, "drift", /us-east update .*Vpc us-east differs/],
  ];

  it("passes on a healthy fleet, and explains why it could not check the remaining assumptions", async () => {
    const { exitCode, checks, json } = await prove();
    expect(checks.filter(({ result }) => !["ok", "not checked"].includes(result))).toEqual([]);
    expect(exitCode).toBe(ExitCode.Success);
    const expected = ASSUMPTIONS.filter(({ disturbs }) => !disturbs);
    expect(checks).toHaveLength(expected.reduce((sum, { of }) => sum + (of === "fleet" ? 1 : 2), 0));
    for (const { result, finding } of checks) if (result === "not checked") expect(finding).toMatch(/\w+ \w+/);
    const written = readFileSync(json.report, "utf8");
    expect(JSON.parse(written).findings).toHaveLength(checks.length);
    expect(readFileSync(json.report.replace(/json$/, "md"), "utf8")).toMatch(/\| us-east: cluster +\| ok +\|/);
  });

  it("resumes without repeating passed checks, and rejects a report of an earlier deployment", async () => {
    const { json } = await prove("us-east");
    const began = await fleet.run(["prove", "us-east", "--reports", reports, "--resume", json.report]);
    expect(began.json.checks).toEqual(json.checks);
    // Skipped checks are tried again, and no others.
    expect(began.stderr.match(/^us-east: key/m)).toBeNull();
    expect(began.stderr).toMatch(/^us-east: readers: not checked$/m);
    const report = JSON.parse(readFileSync(json.report, "utf8"));
    const other = join(fleet.directory, "other.json");
    fleet.add("../other.json", JSON.stringify({ ...report, deployed: { ...report.deployed, "us-east": "yesterday" } }));
    const refused = await fleet.run(["prove", "--reports", reports, "--resume", other]);
    expect(refused.exitCode).toBe(ExitCode.BadInput);
    expect(refused.stderr).toMatch(/earlier deployment of us-east/);
  });

  it.each([["edge"], ["us-west"]])("rejects %s, which is not a region", async (name) => {
    const { exitCode, stderr } = await fleet.run(["prove", name, "--reports", reports]);
    expect(exitCode).toBe(ExitCode.BadInput);
    expect(stderr).toMatch(new RegExp(name));
  });

  it(`reports each of ${SPOILED.length} broken resources, and nothing else`, async () => {
    for (const [type, name, change] of SPOILED) {
      const { key } = await fleet.resource(type, name);
      const path = `/resources/${encodeURIComponent(key)}`;
      if (change === null) await fleet.cloud("DELETE", path);
      else await fleet.cloud("PATCH", path, change);
    }
    const { exitCode, checks } = await prove();
    expect(exitCode).toBe(ExitCode.Disproved);
    for (const [, , , check, finding] of SPOILED) {
      const found = checks.find((each) => each.check === check);
      expect(`${check}: ${found?.result}: ${found?.finding}`).toMatch(finding);
      expect(found?.fix).toBeTruthy();
    }
    const spoiled = new Set(SPOILED.map(([, , , check]) => check));
    expect(checks.filter(({ result }) => result === "broken").map(({ check }) => check)).toEqual(
      checks.map(({ check }) => check).filter((check) => spoiled.has(check)),
    );
  });

  it("passes again after `up --refresh` has reverted manual changes", async () => {
    expect((await fleet.run(["up", "--yes", "--refresh"])).exitCode).toBe(ExitCode.Success);
    const { checks } = await prove();
    const left = checks.filter(({ result }) => result === "broken");
    // Only ACM can renew an expired certificate.
    expect(left.map(({ check }) => check)).toEqual(["us-east: certificate"]);
  });
});
