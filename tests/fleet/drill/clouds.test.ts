import Fastify from "fastify";
import { cloudFaults } from "../../../fleet/drill/cloudFaults";
import { FAULTS, type Fault, isCloudFault, KINDS } from "../../../fleet/drill/faults";
import { newestBackup } from "../../../fleet/drill/survivor";
import { componentLabels } from "../../../model/langflow";

const BY_ACL: readonly Fault[] = ["silent", "stale-return", "edge-api", "zone"];

/** Answers of EC2 and EKS about a VPC and about a drill's network ACL. tests/judges check the calls themselves. */
const ACL_ANSWERS: Readonly<Record<string, string>> = {
  "describe-cluster": "vpc-1\n",
  "describe-subnets": '["subnet-1"]',
  "describe-network-acls": JSON.stringify([
    {
      NetworkAclId: "acl-1",
      Associations: [{ NetworkAclAssociationId: "association-1", SubnetId: "subnet-1" }],
      Tags: [{ Key: "replaces", Value: "acl-0" }],
    },
  ]),
  "create-network-acl": '"acl-2"',
};

/** Answers of FIS about an experiment that starts at once, and of RDS about the database's zone. */
const FIS_ANSWERS: Readonly<Record<string, string>> = {
  "start-experiment": "EXP1\n",
  "get-experiment": "running\n",
  "describe-db-instances": "us-east-1b\n",
};

describe("a drill's faults on the clouds", () => {
  const cloudflare = Fastify();
  const commands: string[] = [];
  beforeAll(async () => {
    cloudflare.patch("/accounts/account/load_balancers/pools/:id", async ({ params, body }) => {
      commands.push(`pool ${(params as { id: string }).id} ${JSON.stringify(body)}`);
      return { success: true, errors: [], messages: [], result: { id: "p", enabled: true } };
    });
    await cloudflare.listen({ host: "127.0.0.1", port: 0 });
    process.env.CLOUDFLARE_BASE_URL = cloudflare.listeningOrigin;
    process.env.CLOUDFLARE_API_TOKEN = "token";
  });
  afterAll(async () => {
    delete process.env.CLOUDFLARE_BASE_URL;
    delete process.env.CLOUDFLARE_API_TOKEN;
    await cloudflare.close();
  });
  beforeEach(() => {
    commands.length = 0;
  });
  const faults = cloudFaults({
    accountId: "account",
    pools: { "us-east": "pool-east", "eu-west": "pool-west" },
    regions: ["us-east", "eu-west"],
    replicas: () => 3,
    database: () => ({ identifier: "langflow-dr-us-east-database", awsRegion: "us-east-1" }),
    kubectl: async (region, args) => {
      commands.push(`${region}: kubectl ${args.join(" ")}`);
      return args[0] === "get" ? "pod/langflow-us-east-1\npod/langflow-us-east-2\n" : "";
    },
    cluster: () => ({ awsRegion: "us-east-1", clusterName: "langflow-dr-us-east" }),
    pause: () => ({ templateId: "EXT1", awsRegion: "us-east-1" }),
    aws: async (args) => {
      commands.push(`aws ${args.join(" ")}`);
      return ACL_ANSWERS[args[1] ?? ""] ?? FIS_ANSWERS[args[1] ?? ""] ?? "";
    },
  });

  it("disable the region's own pool, and enable the pool again", async () => {
    await faults.takeAway("pool", "us-east");
    await faults.putBack("pool", "us-east");
    expect(commands).toEqual(['pool pool-east {"enabled":false}', 'pool pool-east {"enabled":true}']);
  });

  it("scale a region to zero and back, and wait until its pods are deleted or ready", async () => {
    await faults.takeAway("region", "us-east");
    const labels = Object.entries(componentLabels("us-east", "server")).map((each) => each.join("="));
    expect(commands).toEqual([
      "us-east: kubectl scale deployment langflow-us-east --replicas=0",
      `us-east: kubectl wait --for=delete pods --selector=${labels.join(",")} --timeout=15m`,
      "us-east: kubectl scale deployment flow-sync-us-east --replicas=0",
    ]);
    commands.length = 0;
    await faults.putBack("region", "us-east");
    expect(commands).toEqual([
      "us-east: kubectl scale deployment langflow-us-east --replicas=3",
      "us-east: kubectl rollout status deployment langflow-us-east --timeout=15m",
      "us-east: kubectl scale deployment flow-sync-us-east --replicas=1",
      "us-east: kubectl rollout status deployment flow-sync-us-east --timeout=15m",
    ]);
  });

  const changed = () => commands.filter((each) => / scale | set env /.test(each)).sort();
  const withoutGit = (region: string) =>
    `${region}: kubectl set env deployment flow-sync-${region} AGENT_GIT_URL=https://git.invalid/flows.git`;
  const withGit = (region: string) => `${region}: kubectl set env deployment flow-sync-${region} AGENT_GIT_URL-`;

  it("point all agents at an unreachable Git host and back, and wait for each rollout", async () => {
    await faults.takeAway("git", "us-east");
    const rolled = ["eu-west", "us-east"].map(
      (region) => `${region}: kubectl rollout status deployment flow-sync-${region} --timeout=15m`,
    );
    expect(commands.toSorted()).toEqual([...rolled, ...["eu-west", "us-east"].map(withoutGit)].sort());
    commands.length = 0;
    await faults.putBack("git", "us-east");
    expect(commands.toSorted()).toEqual([...rolled, ...["eu-west", "us-east"].map(withGit)].sort());
  });

  it("for `partition` scale the region's agent to zero", async () => {
    await faults.takeAway("partition", "us-east");
    expect(commands).toEqual(["us-east: kubectl scale deployment flow-sync-us-east --replicas=0"]);
  });

  it("for `region+git` stop one region and the other agents' Git access, and revert both", async () => {
    await faults.takeAway("region+git", "us-east");
    expect(changed()).toEqual([
      withoutGit("eu-west"),
      "us-east: kubectl scale deployment flow-sync-us-east --replicas=0",
      "us-east: kubectl scale deployment langflow-us-east --replicas=0",
    ]);
    commands.length = 0;
    await faults.putBack("region+git", "us-east");
    expect(changed()).toEqual([
      withGit("eu-west"),
      "us-east: kubectl scale deployment flow-sync-us-east --replicas=1",
      "us-east: kubectl scale deployment langflow-us-east --replicas=3",
    ]);
  });

  it("for `edge-api` silence the region and leave Cloudflare's pools unchanged", async () => {
    await faults.takeAway("edge-api", "us-east");
    await faults.putBack("edge-api", "us-east");
    expect(commands.filter((each) => each.startsWith("pool"))).toEqual([]);
    expect(commands.map((each) => each.split(" ")[2])).toEqual(
      expect.arrayContaining(["create-network-acl", "delete-network-acl"]),
    );
  });

  it.each(FAULTS.filter((fault) => !isCloudFault(fault)))(
    "do not include %s, which the clouds do not support",
    async (fault) => {
      const said = `${fault}: ${KINDS[fault].notOnClouds?.because}`;
      expect(said).toMatch(/ AWS| EKS/);
      await expect(faults.takeAway(fault, "us-east")).rejects.toThrow(said);
      await expect(faults.putBack(fault, "us-east")).rejects.toThrow(said);
      expect(commands).toEqual([]);
    },
  );

  it.each(["silent", "stale-return"] as const)(
    "inject %s by replacing the region's network ACL, and restore the original ACL before they delete the drill's own ACL",
    async (fault) => {
      const changes = () =>
        commands.filter((each) => !each.includes("describe")).map((each) => each.split(" ").slice(1));
      await faults.takeAway(fault, "us-east");
      expect(changes().map(([, command]) => command)).toEqual([
        "create-network-acl",
        "replace-network-acl-association",
      ]);
      expect(changes().at(-1)?.slice(-2)).toEqual(["--network-acl-id", "acl-2"]);
      commands.length = 0;
      await faults.putBack(fault, "us-east");
      expect(changes().map(([, command]) => command)).toEqual([
        "replace-network-acl-association",
        "delete-network-acl",
      ]);
      expect(changes()[0]?.slice(-2)).toEqual(["--network-acl-id", "acl-0"]);
    },
  );

  it("fail over the database at once, and wait until the failover is complete", async () => {
    const which = "--region us-east-1 --db-instance-identifier langflow-dr-us-east-database";
    await faults.takeAway("database-failover", "us-east");
    expect(commands).toEqual([`aws rds reboot-db-instance --force-failover ${which}`]);
    commands.length = 0;
    await faults.putBack("database-failover", "us-east");
    expect(commands).toEqual([`aws rds wait db-instance-available ${which}`]);
  });

  it("for `zone` silence the database's zone, and revert by waiting for the standby and the pods", async () => {
    await faults.takeAway("zone", "us-east");
    expect(commands[0]).toMatch(
      /^aws rds describe-db-instances .* --db-instance-identifier langflow-dr-us-east-database$/,
    );
    expect(commands.find((each) => each.includes("describe-subnets"))).toContain(
      "Name=vpc-id,Values=vpc-1 Name=availability-zone,Values=us-east-1b",
    );
    expect(commands.at(-1)).toContain("replace-network-acl-association");
    commands.length = 0;
    await faults.putBack("zone", "us-east");
    expect(commands.slice(-3).map((each) => each.split(" --")[0])).toEqual([
      "aws ec2 delete-network-acl",
      "aws rds wait db-instance-available",
      "us-east: kubectl rollout status deployment langflow-us-east",
    ]);
  });

  it("pause a region's replication with AWS FIS, and return once the experiment is running", async () => {
    await faults.takeAway("replication-paused", "us-east");
    expect(commands.map((each) => each.split(" --query")[0])).toEqual([
      "aws fis start-experiment --region us-east-1 --experiment-template-id EXT1",
      "aws fis get-experiment --region us-east-1 --id EXP1",
    ]);
  });

  it("for `half` force-delete one LangFlow pod, and wait until its replacement is ready", async () => {
    const labels = Object.entries(componentLabels("us-east", "server"))
      .map(([name, value]) => `${name}=${value}`)
      .join(",");
    await faults.takeAway("half", "us-east");
    expect(commands).toEqual([
      `us-east: kubectl get pods --selector=${labels} --output=name`,
      "us-east: kubectl delete pod/langflow-us-east-1 --force --grace-period=0",
    ]);
    commands.length = 0;
    await faults.putBack("half", "us-east");
    expect(commands).toEqual(["us-east: kubectl rollout status deployment langflow-us-east --timeout=15m"]);
  });

  it("are reverted with the same tools that injected them", async () => {
    const tools = (lines: readonly string[]) =>
      new Set(
        lines.map((line) =>
          line.split(/--replicas|AGENT_GIT_URL|\{|rollout|wait|-db-instance/)[0]?.replace(/st(op|art)$/, ""),
        ),
      );
    // The tests above, or tests/judges with the real AWS CLI, cover these faults.
    const byItself: readonly Fault[] = ["database-failover", "half", "replication-paused"];
    for (const fault of FAULTS.filter((each) => isCloudFault(each) && ![...BY_ACL, ...byItself].includes(each))) {
      commands.length = 0;
      await faults.takeAway(fault, "us-east");
      const taken = tools(commands);
      commands.length = 0;
      await faults.putBack(fault, "us-east");
      for (const tool of taken) expect(tools(commands)).toContain(tool);
    }
  });
});

describe("the time of the newest backup", () => {
  const key = (region: string, id: string, name = "manifest.json") => `backups/${region}/${id}/${name}`;

  it("is that of the region's newest backup with a manifest", () => {
    const keys = [
      key("us-east", "20261124T031700000Z"),
      key("us-east", "20261125T031700123Z"),
      key("us-east", "20261126T031700000Z", "database.dump"),
      key("eu-west", "20261127T031700000Z"),
    ];
    expect(newestBackup(keys, "us-east")).toBe(Date.parse("2026-11-25T03:17:00.123Z"));
  });

  it("is undefined if the region has no backup", () => {
    expect(newestBackup([], "us-east")).toBeUndefined();
  });
});
