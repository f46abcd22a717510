import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { type Begun, type Inputs, shown, Unsaid } from "../../../fleet/recovery/begun";
import { awsFinders } from "../../../fleet/recovery/finders/aws";
import { cloudflareFinders } from "../../../fleet/recovery/finders/cloudflare";
import { idOf, isRepeatable } from "../../../fleet/recovery/ids";
import { settle } from "../../../fleet/recovery/settle";
import { adopted } from "../../../fleet/recovery/take";
import { aws } from "../../../sandbox/providers/aws";
import { cloudflare } from "../../../sandbox/providers/cloudflare";
import { Store } from "../../../sandbox/resources/store";
import { clusterInputs, Hand, removeTemporaryFolders, temporaryFolder } from "../../sandbox/fixture";

afterAll(removeTemporaryFolders);

const begun = (type: string, inputs: Inputs = {}, name = "one"): Begun => ({
  urn: `urn:pulumi:us-east::langflow-dr::${type}::${name}`,
  type,
  inputs,
});

describe("the id of a resource whose creation was interrupted", () => {
  const ROUTE = "aws:ec2/route:Route";
  const ADDON = "aws:eks/addon:Addon";

  it("follows the real provider's rules", () => {
    const route = { routeTableId: "rtb-1", destinationCidrBlock: "0.0.0.0/0" };
    expect(idOf(begun(ROUTE, route))).toBe("r-rtb-11080289494");
    expect(idOf(begun(ADDON, { clusterName: "c", addonName: "a" }))).toBe("c:a");
    const policy = { clusterName: "c", principalArn: "arn:p", policyArn: "arn:q" };
    expect(idOf(begun("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", policy))).toBe("c#arn:p#arn:q");
  });

  it("is a Kubernetes object's namespace and name, or its name alone", () => {
    const object = (metadata: object) => idOf(begun("kubernetes:core/v1:Service", { metadata }));
    expect(object({ namespace: "n", name: "s" })).toBe("n/s");
    expect(object({ name: "s" })).toBe("s");
    expect(object({})).toBeUndefined();
  });

  it("is undefined if an input is missing or secret", () => {
    expect(idOf(begun(ADDON, { clusterName: "c" }))).toBeUndefined();
    expect(idOf(begun(ADDON, { clusterName: "c", addonName: "[secret]" }))).toBeUndefined();
    expect(idOf(begun("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16" }))).toBeUndefined();
  });

  it("is looked up only by inputs that the engine does not hide as secrets", () => {
    const hidden = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "[secret]" };
    const kept = { ...hidden, ciphertext: "v1:abc:def" };
    const inputs = { a: 1, b: hidden, c: { d: "[secret]", e: [true] }, f: kept };
    expect(shown(inputs)).toEqual({ a: 1, c: { e: [true] }, f: kept });
  });

  it("is not needed for resources whose repeated creation makes no duplicate", () => {
    expect(isRepeatable(begun("random:index/randomPassword:RandomPassword"))).toBe(true);
    expect(isRepeatable(begun("aws:iam/rolePolicyAttachment:RolePolicyAttachment"))).toBe(true);
    expect(isRepeatable(begun("aws:ec2/vpc:Vpc"))).toBe(false);
  });
});

describe("an adopted resource", () => {
  it("records its schema version, without which the real Cloudflare provider cannot upgrade its state", async () => {
    const type = "cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor";
    const edge = new Hand(cloudflare, undefined, {});
    const inputs = { accountId: "a", type: "https" };
    const { id } = await edge.create(type, inputs);
    const { outputs } = adopted(begun(type, inputs), id);
    expect(edge.read(type, id, outputs)).toMatchObject({ id, inputs });
    const { __meta, ...without } = outputs as Record<string, unknown>;
    expect(() => edge.read(type, id, without)).toThrow("upgrading the state failed");
    expect(adopted(begun("aws:ec2/vpc:Vpc"), "vpc-1").outputs).not.toHaveProperty("__meta");
  });
});

describe("settling the operations that a crash interrupted", () => {
  const VPC = "aws:ec2/vpc:Vpc";
  const id = fc.constantFrom("a", "b", "c", "d");
  const situation = fc.record({
    answers: fc.array(fc.option(fc.array(id, { maxLength: 3 }), { nil: undefined }), { maxLength: 5 }),
    owned: fc.uniqueArray(id, { maxLength: 3 }),
  });
  const settled = (answers: (string[] | undefined)[], owned: string[] = []) => {
    const open = answers.map((_, index) => begun(VPC, {}, `${index}`));
    const given = open.flatMap(({ urn }, index) => (answers[index] ? [[urn, answers[index]] as const] : []));
    const recorded = owned.map((each) => ({ urn: `urn of ${each}`, type: VPC, id: each }));
    return { open, ...settle(open, new Map(given), recorded) };
  };

  it("adopts a resource that is the only match, reports an operation without a match as not done, and drops ambiguous operations", () => {
    const { open, found, absent, forgotten } = settled([["a"], [], ["b", "c"], undefined]);
    expect(found).toEqual([{ begun: open[0], id: "a" }]);
    expect(absent).toEqual([open[1]]);
    expect(forgotten).toEqual([open[2], open[3]]);
  });

  it("never assigns an operation a resource that is already in the state", () => {
    expect(settled([["a", "b"]], ["a"]).found).toMatchObject([{ id: "b" }]);
  });

  it("treats equal names in two AWS regions as two resources", () => {
    const REPOSITORY = "aws:ecr/repository:Repository";
    const west = begun(REPOSITORY, { name: "langflow", region: "us-west-2" }, "west");
    const east = begun(REPOSITORY, { name: "langflow", region: "us-east-1" }, "east");
    const recorded = [{ ...west, id: "langflow" }];
    const found = (open: Begun[], held: typeof recorded = []) => settle(open, new Map(), held).found;
    expect(found([west, east]).map((each) => each.begun)).toEqual([west, east]);
    expect(found([east], recorded).map((each) => each.begun)).toEqual([east]);
    expect(found([west], recorded)).toEqual([]);
  });

  it("puts each operation into exactly one group, and never assigns one cloud resource twice", () => {
    fc.assert(
      fc.property(situation, ({ answers, owned }) => {
        const { open, found, absent, forgotten } = settled(answers, owned);
        const all = [...found.map((each) => each.begun), ...absent, ...forgotten];
        expect(all).toHaveLength(open.length);
        expect(new Set(all)).toEqual(new Set(open));
        const taken = [...owned, ...found.map((each) => each.id)];
        expect(new Set(taken).size).toBe(taken.length);
      }),
    );
  });
});

describe("a finder", () => {
  const cloud = Store.open(temporaryFolder());
  const amazon = new Hand(aws, cloud);
  const edge = new Hand(cloudflare, cloud, {});
  const finders = { ...awsFinders, ...cloudflareFinders };
  const made: { type: string; inputs: Inputs; id: string }[] = [];

  const make = async (hand: Hand, type: string, inputs: Inputs): Promise<string> => {
    const tagged = hand === amazon && !/routeTableAssociation|ingressRule|mountTarget|openId/i.test(type);
    const name = String(made.length);
    const full = { ...inputs, ...(tagged && { tags: { Name: name } }) };
    const { id } = await hand.create(type, full, name);
    made.push({ type, inputs: full, id });
    return id;
  };

  beforeAll(async () => {
    await pulumi.runtime.setMocks({
      newResource: () => ({ id: undefined, state: {} }),
      call({ token, inputs }) {
        try {
          return (token.startsWith("aws:") ? amazon : edge).provider.invoke({}, token, inputs).result;
        } catch (error) {
          throw Object.assign(new Error(), { details: String(error) }); // gRPC errors have their message in `details`.
        }
      },
    });
    const cluster = await amazon.create("aws:eks/cluster:Cluster", await clusterInputs(amazon), "cluster");
    // Creates two of each kind, so that a finder must distinguish them.
    for (const n of [1, 2]) {
      const vpcId = await make(amazon, "aws:ec2/vpc:Vpc", { cidrBlock: `10.${n}.0.0/16` });
      const subnet = { vpcId, cidrBlock: `10.${n}.0.0/24`, availabilityZone: "us-east-1a" };
      const subnetId = await make(amazon, "aws:ec2/subnet:Subnet", subnet);
      await make(amazon, "aws:ec2/internetGateway:InternetGateway", { vpcId });
      const allocationId = await make(amazon, "aws:ec2/eip:Eip", { domain: "vpc" });
      await make(amazon, "aws:ec2/natGateway:NatGateway", { allocationId, subnetId });
      const routeTableId = await make(amazon, "aws:ec2/routeTable:RouteTable", { vpcId });
      await make(amazon, "aws:ec2/routeTableAssociation:RouteTableAssociation", { routeTableId, subnetId });
      const serviceName = "com.amazonaws.us-east-1.s3";
      await make(amazon, "aws:ec2/vpcEndpoint:VpcEndpoint", { vpcId, serviceName });
      await make(amazon, "aws:ec2/flowLog:FlowLog", { vpcId, trafficType: "ALL" });
      const securityGroupId = await make(amazon, "aws:ec2/securityGroup:SecurityGroup", { vpcId, name: "files" });
      const rule = { securityGroupId, ipProtocol: "tcp", fromPort: 443, toPort: 443 };
      for (const cidrIpv4 of ["10.0.0.0/16", "10.9.0.0/16"])
        await make(amazon, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", { ...rule, cidrIpv4 });
      const fileSystemId = await make(amazon, "aws:efs/fileSystem:FileSystem", { creationToken: `files-${n}` });
      await make(amazon, "aws:efs/mountTarget:MountTarget", { fileSystemId, subnetId });
      for (const _ of [1, 2]) await make(amazon, "aws:efs/accessPoint:AccessPoint", { fileSystemId });
      const identity = { clusterName: cluster.id, namespace: "apps", serviceAccount: `account-${n}` };
      const roleArn = "arn:aws:iam::123456789012:role/some";
      await make(amazon, "aws:eks/podIdentityAssociation:PodIdentityAssociation", { ...identity, roleArn });
      await make(amazon, "aws:iam/openIdConnectProvider:OpenIdConnectProvider", {
        url: `https://${n}.example.com`,
        clientIdLists: ["sts.amazonaws.com"],
      });
      const nothing = JSON.stringify({ Version: "2012-10-17", Statement: [] });
      await make(amazon, "aws:iam/policy:Policy", { name: `policy-${n}`, policy: nothing });
      await make(amazon, "aws:kms/key:Key", {});
      await make(amazon, "aws:secretsmanager/secret:Secret", { namePrefix: `secret-${n}-` });
      const certificate = { domainName: `${n}.example.com`, validationMethod: "DNS" };
      await make(amazon, "aws:acm/certificate:Certificate", certificate);
      const [zoneId, accountId, name] = ["zone", "account", `number-${n}`];
      const dns = { type: "CNAME", name: `${n}.example.com`, content: "elsewhere.example.com", ttl: 300 };
      await make(edge, "cloudflare:index/dnsRecord:DnsRecord", { zoneId, ...dns });
      const monitor = { accountId, description: name, type: "https", path: "/", port: 443 };
      await make(edge, "cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor", monitor);
      const origins = [{ name: "a", address: "a.example.com" }];
      const pool = await make(edge, "cloudflare:index/loadBalancerPool:LoadBalancerPool", { accountId, name, origins });
      const pools = { defaultPools: [pool], fallbackPool: pool };
      await make(edge, "cloudflare:index/loadBalancer:LoadBalancer", { zoneId, name: `${n}.example.com`, ...pools });
      const ruleset = { zoneId, kind: "zone", name: "default", description: "LangFlow", rules: [] };
      for (const phase of [`phase-${n}`, `other-${n}`])
        await make(edge, "cloudflare:index/ruleset:Ruleset", { ...ruleset, phase });
      const policy = { accountId, name, decision: "allow", includes: [{ email: { email: "boss@example.com" } }] };
      await make(edge, "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy", policy);
      const application = { accountId, name, type: "self_hosted", domain: `${n}.example.com`, policies: [] };
      await make(edge, "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication", application);
      const alert = { alertType: "load_balancing_health_alert", enabled: true, mechanisms: {} };
      await make(edge, "cloudflare:index/notificationPolicy:NotificationPolicy", { accountId, name, ...alert });
    }
  });

  it.each(Object.keys(finders))("of %s finds exactly the matching resource among several", async (type) => {
    const several = made.filter((each) => each.type === type);
    expect(several.length).toBeGreaterThan(1);
    for (const { inputs, id } of several) expect(await finders[type]?.(inputs, {})).toEqual([id]);
  });

  it("does not mistake an entry point ruleset of another owner for ours", async () => {
    const type = "cloudflare:index/ruleset:Ruleset";
    const inputs = { zoneId: "zone", kind: "zone", phase: "theirs", name: "default", rules: [] };
    await edge.create(type, { ...inputs, description: "made by hand" }, "theirs");
    expect(await finders[type]?.({ ...inputs, description: "LangFlow" }, {})).toEqual([]);
  });

  it.each(Object.keys(finders))("of %s fails without the inputs that identify the resource", async (type) => {
    await expect(finders[type]?.({}, {})).rejects.toThrow(Unsaid);
  });

  it("of an internet gateway finds nothing if no gateway exists", async () => {
    expect(await finders["aws:ec2/internetGateway:InternetGateway"]?.({ vpcId: "vpc-0" }, {})).toEqual([]);
  });
});
