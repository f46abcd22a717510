import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fastify from "fastify";
import { pausedReplication } from "../../fleet/drill/cloudReplication";
import { SUBNETS, silence } from "../../fleet/drill/cloudSilence";
import { freePort } from "../../sandbox/live/ports";
import { awsCli, awsPython, run } from "./tools";

jest.setTimeout(300_000);

const CLUSTER = { awsRegion: "eu-west-1", clusterName: "eu-west" };
const READY_MS = 60_000;

/** Subnets of each network ACL, by ACL id. */
type Acls = Readonly<Record<string, readonly string[]>>;

describe("a drill's pause of replication through the AWS CLI", () => {
  /** Fake FIS: an experiment needs two status requests to start and two to stop. */
  class Fis {
    readonly experiments = new Map<string, { template: string; states: string[] }>();
    readonly api = fastify();

    constructor(private readonly begins: string[] = ["initiating", "running"]) {
      const shown = (id: string) => {
        const { template = "", states = [] } = this.experiments.get(id) ?? {};
        const status = states.length > 1 ? states.shift() : states[0];
        return { id, experimentTemplateId: template, state: { status, reason: `it is ${status}` } };
      };
      this.api.post("/experiments", async ({ body }) => {
        const id = `EXP${this.experiments.size + 1}`;
        const { experimentTemplateId: template } = body as { experimentTemplateId: string };
        this.experiments.set(id, { template, states: [...this.begins] });
        return { experiment: shown(id) };
      });
      this.api.get("/experiments", async ({ query }) => {
        const { experimentTemplateId } = query as Record<string, string>;
        const of = [...this.experiments].filter(([, { template }]) => template === experimentTemplateId);
        return { experiments: of.map(([id]) => shown(id)) };
      });
      this.api.get("/experiments/:id", async ({ params }) => ({ experiment: shown((params as { id: string }).id) }));
      this.api.delete("/experiments/:id", async ({ params }) => {
        const { id } = params as { id: string };
        this.experiments.get(id)?.states.splice(0, Number.POSITIVE_INFINITY, "stopping", "stopping", "stopped");
        return { experiment: shown(id) };
      });
    }
  }

  async function withFis(fis: Fis, work: (aws: (args: readonly string[]) => Promise<string>) => Promise<void>) {
    const cli = await awsCli();
    const AWS_ENDPOINT_URL = await fis.api.listen({ host: "127.0.0.1", port: 0 });
    const credentials = { AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "x", HOME: "/nowhere", AWS_PAGER: "" };
    const environment = { PATH: process.env.PATH, ...credentials, AWS_ENDPOINT_URL };
    await work((args) => run(cli, args, "", [0], environment)).finally(() => fis.api.close());
  }
  const OURS = { templateId: "EXT1", awsRegion: "eu-west-1" };

  it("begins once the experiment runs, can be ended by another process, and leaves other experiments running", async () => {
    const fis = new Fis();
    fis.experiments.set("OTHER", { template: "EXT2", states: ["running"] });
    await withFis(fis, async (aws) => {
      await pausedReplication(OURS, aws, 10).begin();
      expect(fis.experiments.get("EXP2")).toEqual({ template: "EXT1", states: ["running"] });
      await pausedReplication(OURS, aws, 10).end();
      expect(fis.experiments.get("EXP2")?.states).toEqual(["stopped"]);
      expect(fis.experiments.get("OTHER")?.states).toEqual(["running"]);
      await pausedReplication(OURS, aws, 10).end();
    });
  });

  it("fails with the reason from FIS if FIS cannot start the experiment", async () => {
    await withFis(new Fis(["initiating", "failed"]), async (aws) => {
      await expect(pausedReplication(OURS, aws, 10).begin()).rejects.toThrow(
        "the experiment EXP1 is failed: it is failed",
      );
    });
  });
});

describe("a drill's silence of a region through the AWS CLI and moto's EC2", () => {
  let server: ReturnType<typeof spawn>;
  let aws: (args: readonly string[]) => Promise<string>;
  let subnets: { open: string[]; inner: string };
  let vpcId: string;

  beforeAll(async () => {
    const [cli, python, port] = [await awsCli(), await awsPython(), await freePort()];
    const endpoint = `http://127.0.0.1:${port}`;
    server = spawn(join(dirname(python), "moto_server"), ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
    const environment = {
      PATH: process.env.PATH,
      AWS_ACCESS_KEY_ID: "x",
      AWS_SECRET_ACCESS_KEY: "x",
      HOME: "/nowhere",
    };
    aws = (args) => run(cli, args, "", [0], { ...environment, AWS_ENDPOINT_URL: endpoint, AWS_PAGER: "" });
    for (const deadline = Date.now() + READY_MS; ; await sleep(200)) {
      const answers = await fetch(endpoint).then(
        () => true,
        () => false,
      );
      if (answers) break;
      if (Date.now() > deadline) throw new Error("moto does not answer");
    }
    const ec2 = async (...args: string[]) =>
      (await aws(["ec2", ...args, "--region", CLUSTER.awsRegion, "--output", "text"])).trim();
    vpcId = await ec2("create-vpc", "--cidr-block", "10.0.0.0/16", "--query", "Vpc.VpcId");
    const subnet = (index: number, ...more: string[]) =>
      ec2(
        "create-subnet",
        "--vpc-id",
        vpcId,
        "--cidr-block",
        `10.0.${index}.0/24`,
        "--query",
        "Subnet.SubnetId",
        ...more,
      );
    const tags = ["--tag-specifications", "ResourceType=subnet,Tags=[{Key=kubernetes.io/role/elb,Value=1}]"];
    const inner = await subnet(9);
    subnets = { open: [await subnet(0, ...tags), await subnet(1, ...tags), await subnet(2, ...tags)], inner };
    // Real EKS returns the cluster's subnets. moto returns only what the request set, which the CLI cannot set.
    const signature = `Credential=x/20260101/${CLUSTER.awsRegion}/eks/aws4_request, SignedHeaders=host, Signature=x`;
    const made = await fetch(`${endpoint}/clusters`, {
      method: "POST",
      headers: { authorization: `AWS4-HMAC-SHA256 ${signature}`, "content-type": "application/json" },
      body: JSON.stringify({
        name: CLUSTER.clusterName,
        roleArn: "arn:aws:iam::123456789012:role/cluster",
        resourcesVpcConfig: { subnetIds: [...subnets.open, inner], vpcId },
      }),
    });
    if (!made.ok) throw new Error(await made.text());
  });
  afterAll(() => server?.kill());

  const acls = async (): Promise<Acls> => {
    const asked = ["--filters", `Name=vpc-id,Values=${vpcId}`, "--output", "json"];
    const said = await aws(["ec2", "describe-network-acls", "--region", CLUSTER.awsRegion, ...asked]);
    const found = JSON.parse(said).NetworkAcls as { NetworkAclId: string; Associations: { SubnetId: string }[] }[];
    return Object.fromEntries(
      found.map(({ NetworkAclId, Associations }) => [
        NetworkAclId,
        Associations.map(({ SubnetId }) => SubnetId).sort(),
      ]),
    );
  };
  /** Returns the rules of an ACL that allow traffic. */
  const allowing = async (acl: string) => {
    const query = ["--query", "NetworkAcls[0].Entries[?RuleAction=='allow']", "--output", "json"];
    const asked = ["--region", CLUSTER.awsRegion, "--network-acl-ids", acl, ...query];
    return JSON.parse(await aws(["ec2", "describe-network-acls", ...asked]));
  };

  it("blocks all traffic of the public subnets only, and is undone completely", async () => {
    const before = await acls();
    await silence(CLUSTER, aws).begin(SUBNETS.public);
    const { [Object.keys(before)[0] ?? ""]: left, ...made } = await acls();
    expect(left).toEqual([subnets.inner]);
    expect(Object.values(made)).toEqual([subnets.open.toSorted()]);
    expect(await allowing(Object.keys(made)[0] ?? "")).toEqual([]);
    await silence(CLUSTER, aws).end();
    expect(await acls()).toEqual(before);
    await silence(CLUSTER, aws).end();
    expect(await acls()).toEqual(before);
  });

  it("is undone after it was only partially applied", async () => {
    const before = await acls();
    let replaced = 0;
    const breaking = silence(CLUSTER, async (args) => {
      if (args.includes("replace-network-acl-association") && ++replaced > 1) throw new Error("broken off");
      return aws(args);
    });
    await expect(breaking.begin(SUBNETS.public)).rejects.toThrow("broken off");
    expect(Object.values(await acls())).toHaveLength(2);
    await silence(CLUSTER, aws).end();
    expect(await acls()).toEqual(before);
  });

  it("is refused if the public subnets have several ACLs, because the original ACLs could not be restored", async () => {
    const made = await aws(
      ["ec2", "create-network-acl", "--region", CLUSTER.awsRegion, "--vpc-id", vpcId].concat([
        "--query",
        "NetworkAcl.NetworkAclId",
        "--output",
        "text",
      ]),
    );
    const query = ["--query", `NetworkAcls[].Associations[?SubnetId=='${subnets.open[0]}'][]`, "--output", "json"];
    const said = await aws(["ec2", "describe-network-acls", "--region", CLUSTER.awsRegion, ...query]);
    const [{ NetworkAclAssociationId }] = JSON.parse(said);
    await aws(
      ["ec2", "replace-network-acl-association", "--region", CLUSTER.awsRegion].concat([
        "--association-id",
        NetworkAclAssociationId,
        "--network-acl-id",
        made.trim(),
      ]),
    );
    await expect(silence(CLUSTER, aws).begin(SUBNETS.public)).rejects.toThrow("have 2 network ACLs instead of one");
  });
});
