import { setTimeout } from "node:timers/promises";
import { aws } from "../../../sandbox/providers/aws";
import { cloudflare } from "../../../sandbox/providers/cloudflare";
import { kubernetes } from "../../../sandbox/providers/kubernetes";
import { random } from "../../../sandbox/providers/random";
import { UNKNOWN } from "../../../sandbox/resources/values";
import { clusterInputs, Hand, refusal, removeTemporaryFolders, secret, TYPES, trust } from "../fixture";

afterAll(removeTemporaryFolders);

const { bucket, versioning, replication, role, cluster, vpc, subnet, database, logGroup } = TYPES;

describe("check", () => {
  const hand = new Hand(aws);

  it("accepts valid inputs and returns them unchanged", () => {
    const inputs = { name: "one", assumeRolePolicy: trust("eks.amazonaws.com"), tags: { a: "b" } };
    expect(hand.check(role, inputs)).toEqual({ inputs, problems: [] });
  });

  it("reports missing and unknown properties, wrong types and wrong values", () => {
    expect(hand.problems(versioning, { versioningConfiguration: { status: "Enabled" } })).toEqual([
      expect.stringContaining("missing required property 'bucket'"),
    ]);
    expect(hand.problems(bucket, { bucket: "some-bucket", colour: "red" })).toEqual([
      expect.stringContaining("unknown property 'colour'"),
    ]);
    expect(hand.problems(logGroup, { name: "a", retentionInDays: "90" })).toEqual([
      expect.stringContaining("'retentionInDays' must be a number, not a string"),
    ]);
    expect(hand.problems(versioning, { bucket: "b", versioningConfiguration: { status: "On" } })).toEqual([
      expect.stringMatching(/versioningConfiguration.status: expected .*"Enabled".* got On/),
    ]);
  });

  it("rejects names that the real cloud rejects: too long, or with invalid characters", () => {
    const assumeRolePolicy = trust("eks.amazonaws.com");
    expect(hand.problems(role, { name: "r".repeat(65), assumeRolePolicy })).toEqual([
      expect.stringContaining("(1 - 64)"),
    ]);
    expect(hand.problems(role, { name: "r".repeat(64), assumeRolePolicy })).toEqual([]);
    expect(hand.problems(bucket, { bucket: "Upper_Case" })).toEqual([expect.stringContaining("must match")]);
  });

  it("reports no problem for values that are not known yet", () => {
    expect(hand.problems(versioning, { bucket: UNKNOWN, versioningConfiguration: { status: UNKNOWN } })).toEqual([]);
    expect(hand.problems(cluster, { roleArn: UNKNOWN, vpcConfig: UNKNOWN, computeConfig: UNKNOWN })).toEqual([]);
  });

  it("gives unnamed resources the same name in preview and update, and keeps the name afterwards", () => {
    const first = hand.check(bucket, {}, "flows").inputs;
    expect(first.bucket).toMatch(/^flows-[0-9a-f]{7}$/);
    expect(hand.check(bucket, {}, "flows").inputs).toEqual(first);
    const provider = new Hand(aws).provider;
    const later = provider.check({}, hand.target(bucket, "flows"), first, {}, new Uint8Array([9]));
    expect(later.inputs).toEqual(first);
  });

  it("rejects a type that is not in the schema, and says how to regenerate the schema", () => {
    expect(() => hand.check("aws:sqs/queue:Queue", {})).toThrow(/does not know the type aws:sqs.*generate\.ts/);
  });

  it("rejects an EKS cluster unless Auto Mode's three switches are equal and the self-managed add-ons are off", async () => {
    const inputs = await clusterInputs(new Hand(aws));
    expect(hand.problems(cluster, inputs)).toEqual([]);
    expect(hand.problems(cluster, { ...inputs, storageConfig: { blockStorage: { enabled: false } } })).toEqual([
      expect.stringContaining("must all be set to either true or false"),
    ]);
    expect(hand.problems(cluster, { ...inputs, bootstrapSelfManagedAddons: undefined })).toEqual([
      expect.stringContaining("bootstrapSelfManagedAddons must be false"),
    ]);
  });
});

describe("create", () => {
  it("returns in a preview the program's values, and unknown values in place of the cloud's", async () => {
    const hand = new Hand(aws, undefined, { region: "eu-west-1", defaultTags: { tags: { owner: "me" } } });
    const { id, properties } = await hand.create(bucket, { bucket: "flows-eu", tags: { a: "b" } }, "one", {
      preview: true,
    });
    expect(id).toBe("");
    expect(properties).toMatchObject({ bucket: "flows-eu", arn: UNKNOWN, region: "eu-west-1" });
    expect(properties.tagsAll).toEqual({ owner: "me", a: "b" });
    expect(hand.cloud.size).toBe(0);
  });

  it("returns unknown values in a preview for what the cloud sets inside an object, until the object exists", async () => {
    const hand = new Hand(aws);
    const inputs = await clusterInputs(hand);
    const { properties } = await hand.create(cluster, inputs, "one", { preview: true });
    expect(properties.vpcConfig).toMatchObject({ ...(inputs.vpcConfig as object), clusterSecurityGroupId: UNKNOWN });
    const made = await hand.create(cluster, inputs);
    const group = made.properties.vpcConfig;
    expect(group).toMatchObject({ clusterSecurityGroupId: expect.stringMatching(/^sg-0/) });
    const news = { ...inputs, vpcConfig: { ...(inputs.vpcConfig as object), endpointPublicAccess: false } };
    const planned = await hand.update(cluster, made.id, inputs, news, made.properties, true);
    expect(planned.vpcConfig).toMatchObject({
      clusterSecurityGroupId: (group as { clusterSecurityGroupId: string }).clusterSecurityGroupId,
      endpointPublicAccess: false,
    });
    expect(planned.endpoint).toBe(made.properties.endpoint);
  });

  it("uses the region of the resource before the region of the provider", async () => {
    const hand = new Hand(aws);
    const made = await hand.create(logGroup, { name: "/app", region: "eu-west-1" });
    expect(made.properties).toMatchObject({
      region: "eu-west-1",
      arn: "arn:aws:logs:eu-west-1:123456789012:log-group:/app",
    });
    const other = await hand.create(logGroup, { name: "/app" });
    expect(other.properties.region).toBe("us-east-1");
    expect(hand.cloud.size).toBe(2);
  });

  it("rejects a role's boundary that is not a policy of the account, and changes an existing role's boundary in place", async () => {
    const hand = new Hand(aws);
    const permissionsBoundary = "arn:aws:iam::123456789012:policy/most";
    const bare = { name: "bounded", assumeRolePolicy: trust("a") };
    expect(await refusal(hand.create(role, { ...bare, permissionsBoundary }))).toContain("NoSuchEntity");
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: [] });
    await hand.create("aws:iam/policy:Policy", { name: "most", policy });
    await hand.create(role, { ...bare, permissionsBoundary });
    expect(hand.diff(role, bare, { ...bare, permissionsBoundary })).toEqual(["permissionsBoundary"]);
  });

  it("rejects a name that is taken if it must be unique: a bucket's worldwide, a log group's in its region", async () => {
    const hand = new Hand(aws);
    await hand.create(bucket, { bucket: "flows" });
    expect(await refusal(hand.create(bucket, { bucket: "flows", region: "eu-west-1" }))).toContain(
      "BucketAlreadyOwnedByYou",
    );
    await hand.create(logGroup, { name: "/app" });
    expect(await refusal(hand.create(logGroup, { name: "/app" }))).toContain("ResourceAlreadyExistsException");
    await hand.create(role, { name: "one", assumeRolePolicy: trust("a") });
    expect(await refusal(hand.create(role, { name: "one", assumeRolePolicy: trust("b") }))).toContain(
      "EntityAlreadyExists: Role with name one already exists",
    );
  });

  it("rejects subnets that are outside of the network or that overlap", async () => {
    const hand = new Hand(aws);
    const { id: vpcId } = await hand.create(vpc, { cidrBlock: "10.0.0.0/16" });
    await hand.create(subnet, { vpcId, cidrBlock: "10.0.0.0/20" });
    expect(await refusal(hand.create(subnet, { vpcId, cidrBlock: "10.0.8.0/24" }))).toContain("InvalidSubnet.Conflict");
    expect(await refusal(hand.create(subnet, { vpcId, cidrBlock: "10.1.0.0/24" }))).toContain("InvalidSubnet.Range");
    expect(await refusal(hand.create(subnet, { vpcId: "vpc-0", cidrBlock: "10.0.16.0/24" }))).toContain(
      "InvalidVpcID.NotFound",
    );
  });

  it("rejects bucket replication unless both buckets have versioning and the key is in the destination's region", async () => {
    const hand = new Hand(aws);
    const key = (region: string) => `arn:aws:kms:${region}:123456789012:key/1`;
    const rules = (replicaKmsKeyId?: string) => [
      {
        status: "Enabled",
        sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: "Enabled" } },
        destination: {
          bucket: "arn:aws:s3:::copies",
          ...(replicaKmsKeyId && { encryptionConfiguration: { replicaKmsKeyId } }),
        },
      },
    ];
    const replicate = (replicaKey: string) =>
      hand.create(replication, {
        bucket: "source",
        role: "arn:aws:iam::123456789012:role/r",
        rules: rules(replicaKey),
      });
    const keepVersions = (name: string, region: string) =>
      hand.create(versioning, { bucket: name, region, versioningConfiguration: { status: "Enabled" } });
    await hand.create(bucket, { bucket: "source" });
    await hand.create(bucket, { bucket: "copies", region: "eu-west-1" });

    expect(hand.problems(replication, { bucket: "source", role: "r", rules: rules() })).toEqual([
      expect.stringContaining("ReplicaKmsKeyID must be specified"),
    ]);
    expect(await refusal(replicate(key("eu-west-1")))).toContain("Versioning must be 'Enabled' on the bucket");
    await keepVersions("source", "us-east-1");
    expect(await refusal(replicate(key("eu-west-1")))).toContain("Destination bucket must have versioning enabled");
    await keepVersions("copies", "eu-west-1");
    expect(await refusal(replicate(key("us-east-1")))).toContain("it must be in eu-west-1");
    expect((await replicate(key("eu-west-1"))).id).toBe("source");
  });

  it("rejects a load balancer with a missing pool, and a pool with a missing monitor", async () => {
    const hand = new Hand(cloudflare);
    const pool = "cloudflare:index/loadBalancerPool:LoadBalancerPool";
    const balancer = "cloudflare:index/loadBalancer:LoadBalancer";
    const origins = [{ name: "one", address: "one.example.com" }];
    expect(await refusal(hand.create(pool, { accountId: "a", name: "one", origins, monitor: "gone" }))).toContain(
      "non-existent monitor",
    );
    const { id } = await hand.create(pool, { accountId: "a", name: "one", origins });
    const inputs = { zoneId: "z", name: "www.example.com", defaultPools: [id] };
    expect(hand.problems(balancer, inputs)).toEqual([expect.stringContaining("'fallbackPool'")]);
    expect(await refusal(hand.create(balancer, { ...inputs, fallbackPool: "gone" }))).toContain("non-existent pool");
    expect((await hand.create(balancer, { ...inputs, fallbackPool: id })).id).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("the entry point ruleset of a phase", () => {
  it("exists once per zone: a second one is rejected, and the first one stays unchanged", async () => {
    const hand = new Hand(cloudflare);
    const type = "cloudflare:index/ruleset:Ruleset";
    const inputs = { zoneId: "z", kind: "zone", phase: "http_ratelimit", name: "default", rules: [] };
    const { id } = await hand.create(type, { ...inputs, description: "made by hand" });
    expect(await refusal(hand.create(type, { ...inputs, description: "LangFlow" }, "second"))).toContain("20217");
    expect(hand.read(type, id)?.inputs.description).toBe("made by hand");
    const others = [{ phase: "http_request_firewall_custom" }, { zoneId: "y" }, { kind: "custom" }];
    for (const [index, other] of others.entries())
      expect((await hand.create(type, { ...inputs, ...other }, `other-${index}`)).id).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("secrets", () => {
  it("stay marked, and are always marked if the provider declares them as secret", async () => {
    const hand = new Hand(aws);
    const { id: secretId } = await hand.create(TYPES.secret, { name: "one" });
    const version = await hand.create(TYPES.secretVersion, { secretId, secretString: secret("hidden") });
    expect(version.inputs.secretString).toEqual(secret("hidden"));
    expect(version.properties.secretString).toEqual(secret("hidden"));
    expect(version.properties.secretId).toBe(secretId);
    expect(hand.read(TYPES.secretVersion, version.id)?.inputs.secretString).toEqual(secret("hidden"));

    const password = await new Hand(random).create("random:index/randomPassword:RandomPassword", { length: 24 });
    expect(password.properties.result).toEqual(secret(expect.stringMatching(/^.{24}$/)));
    expect(password.properties.bcryptHash).toEqual(secret(expect.stringMatching(/^\$2a\$/)));
  });

  it("stay secret wherever the program uses them, including deep inside an object", async () => {
    const hand = new Hand(aws);
    const inputs = {
      name: "one",
      assumeRolePolicy: trust("a"),
      description: secret("d"),
      tags: { a: secret("t"), b: "c" },
    };
    const { id, properties } = await hand.create(role, inputs);
    expect(properties).toMatchObject({ description: secret("d"), tags: { a: secret("t"), b: "c" } });
    expect(hand.read(role, id)?.inputs).toEqual(inputs);
  });

  it("are random, and have the requested length and characters", async () => {
    const make = () =>
      new Hand(random).create("random:index/randomPassword:RandomPassword", { length: 40, special: false });
    const texts = (await Promise.all([make(), make()])).map(
      ({ properties }) => (properties.result as { value: string }).value,
    );
    expect(texts[0]).toMatch(/^[A-Za-z0-9]{40}$/);
    expect(texts[0]).not.toBe(texts[1]);
  });

  it("keep their name after a delete until their recovery window ends", async () => {
    const hand = new Hand(aws);
    const first = await hand.create(TYPES.secret, { name: "app" });
    await hand.delete(TYPES.secret, first.id);
    expect(await refusal(hand.create(TYPES.secret, { name: "app" }))).toContain("already scheduled for deletion");
    const brief = await hand.create(TYPES.secret, { name: "brief", recoveryWindowInDays: 0 });
    await hand.delete(TYPES.secret, brief.id);
    expect((await hand.create(TYPES.secret, { name: "brief" })).id).toContain(":secret:brief-");
  });
});

describe("diff", () => {
  const hand = new Hand(aws);

  it("names the one property that differs, including inside objects and lists", () => {
    const rule = (status: string) => ({
      rules: [
        { id: "a", status: "Enabled" },
        { id: "b", status },
      ],
    });
    expect(
      hand.diff("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", rule("Enabled"), rule("Disabled")),
    ).toEqual(["rules[1].status"]);
    expect(hand.diff(bucket, { tags: { "a.b": "1" } }, { tags: { "a.b": "2" } })).toEqual(['tags["a.b"]']);
    expect(hand.diff(bucket, { bucket: "a" }, { bucket: "a" })).toEqual([]);
  });

  it("ignores how a policy is written, and detects a change of its meaning", () => {
    const policy = (action: unknown, space = 0) => ({
      assumeRolePolicy: JSON.stringify({ Statement: [{ Action: action, Effect: "Allow" }], Version: "1" }, null, space),
    });
    const other = { assumeRolePolicy: JSON.stringify({ Version: "1", Statement: { Effect: "Allow", Action: ["a"] } }) };
    expect(hand.diff(role, policy("a"), policy(["a"], 2))).toEqual([]);
    expect(hand.diff(role, policy("a"), other)).toEqual([]);
    expect(hand.diff(role, policy("a"), policy("b"))).toEqual(["assumeRolePolicy"]);
  });

  it("replaces a resource for the changes for which the real provider does, and for no others", () => {
    expect(hand.diff(bucket, { bucket: "a", tags: {} }, { bucket: "b", tags: { x: "y" } })).toEqual([
      "bucket!",
      "tags.x",
    ]);
    expect(hand.diff(logGroup, { name: "a", region: "us-east-1" }, { name: "a", region: "eu-west-1" })).toEqual([
      "region!",
    ]);
    expect(hand.diff(subnet, { cidrBlock: "10.0.0.0/24" }, { cidrBlock: "10.0.1.0/24" })).toEqual(["cidrBlock!"]);
    expect(hand.diff(cluster, { version: "1.34" }, { version: "1.35" })).toEqual(["version"]);
    expect(hand.diff(database, { identifier: "a", engine: "x" }, { identifier: "b", engine: "y" })).toEqual([
      "engine!",
      "identifier",
    ]);
    const password = "random:index/randomPassword:RandomPassword";
    expect(new Hand(random).diff(password, { length: 8 }, { length: 9 })).toEqual(["length!"]);
    const ruleset = "cloudflare:index/ruleset:Ruleset";
    const [before, after] = [
      { kind: "zone", name: "a", phase: "x", description: "a" },
      { kind: "root", name: "b", phase: "y", description: "b" },
    ];
    expect(new Hand(cloudflare).diff(ruleset, before, after)).toEqual(["description", "kind!", "name!", "phase!"]);
  });

  it("treats an unknown value as a change, because it may be one", () => {
    expect(hand.diff(subnet, { vpcId: "vpc-1" }, { vpcId: UNKNOWN })).toEqual(["vpcId!"]);
  });

  it("replaces a workload with an unknown spec, because its selector may differ, and changes a mutable ConfigMap in place", () => {
    const deployment = "kubernetes:apps/v1:Deployment";
    const map = "kubernetes:core/v1:ConfigMap";
    const frozen = new Hand(kubernetes);
    const mutable = new Hand(kubernetes, undefined, { enableConfigMapMutable: "true" });
    for (const hand of [frozen, mutable])
      expect(hand.diff(deployment, { spec: { selector: {} } }, { spec: UNKNOWN })).toEqual(["spec!"]);
    const data = [{ data: { a: "1" } }, { data: { a: "2" } }] as const;
    expect(frozen.diff(map, ...data)).toEqual(["data.a!"]);
    expect(mutable.diff(map, ...data)).toEqual(["data.a"]);
    const claim = "kubernetes:core/v1:PersistentVolumeClaim";
    expect(mutable.diff(claim, { spec: { volumeName: "a" } }, { spec: { volumeName: "b" } })).toEqual([
      "spec.volumeName!",
    ]);
  });

  it("deletes the old resource first only if the old and the new resource cannot exist at the same time", () => {
    const first = (olds: object, news: object) =>
      hand.provider.diff({}, logGroup, { ...olds }, { ...news }).deleteBeforeReplace;
    expect(first({ name: "a", logGroupClass: "STANDARD" }, { name: "a", logGroupClass: "INFREQUENT_ACCESS" })).toBe(
      true,
    );
    expect(first({ name: "a" }, { name: "b" })).toBe(false);
  });
});

describe("update, read and delete", () => {
  it("change existing values, remove values that the program no longer sets, and keep values that the cloud chose", async () => {
    const hand = new Hand(aws);
    const { id, inputs, properties } = await hand.create(role, {
      name: "one",
      assumeRolePolicy: trust("a"),
      description: "x",
    });
    const news = { name: "one", assumeRolePolicy: trust("b") };
    const updated = await hand.update(role, id, inputs, news, properties);
    expect(updated).toMatchObject({ assumeRolePolicy: trust("b"), uniqueId: properties.uniqueId });
    expect(updated.description).toBeUndefined();
    expect(hand.read(role, id)?.inputs).toEqual(news);
  });

  it("report that a resource is gone, and delete it again without an error", async () => {
    const hand = new Hand(aws);
    const { id } = await hand.create(bucket, { bucket: "flows" });
    await hand.delete(bucket, id);
    expect(hand.read(bucket, id)).toBeUndefined();
    await hand.delete(bucket, id);
    expect(await refusal(hand.update(bucket, id, {}, { bucket: "flows" }))).toContain("couldn't find resource");
  });

  it("find a database by its identifier too, as in an import, but only in its region", async () => {
    const hand = new Hand(aws);
    const db = { identifier: "db", engine: "postgres", instanceClass: "db.m7g.large", username: "u", password: "p" };
    const { id } = await hand.create(database, { ...db, allocatedStorage: 20 });
    expect(id).toMatch(/^db-[A-Z2-7]{26}$/);
    expect(hand.read(database, "db")?.id).toBe(id);
    expect(hand.read(database, "other")).toBeUndefined();
    expect(hand.read(database, "db", { region: "eu-west-1" })).toBeUndefined();
  });

  it("change every resource that has tags if a default tag changes", async () => {
    const before = new Hand(aws, undefined, { region: "us-east-1", defaultTags: { tags: { owner: "one" } } });
    const after = new Hand(aws, before.cloud, { region: "us-east-1", defaultTags: { tags: { owner: "two" } } });
    const { id, inputs, properties } = await before.create(bucket, { bucket: "flows", tags: { name: "flows" } });
    const compare = (hand: Hand, state: typeof properties) =>
      hand.provider.diff(hand.configuration, bucket, inputs, inputs, state).changes.map(({ path }) => path);
    expect([compare(before, properties), compare(after, properties)]).toEqual([[], ["tagsAll.owner"]]);
    await after.update(bucket, id, inputs, inputs, properties);
    const changed = after.read(bucket, id)?.properties ?? {};
    expect([changed.tagsAll, compare(after, changed)]).toEqual([{ name: "flows", owner: "two" }, []]);
  });

  describe("a database's gp3 storage", () => {
    const db = {
      identifier: "db",
      engine: "postgres",
      instanceClass: "db.m7g.large",
      username: "u",
      password: "p",
      storageType: "gp3",
      applyImmediately: true,
    };
    const small = { ...db, allocatedStorage: 100 };
    const striped = { iops: 12_000, storageThroughput: 500 };

    it("is rejected at 400 GiB and above with the IOPS of smaller storage", async () => {
      const hand = new Hand(aws);
      const { id, inputs } = await hand.create(database, small);
      expect(hand.read(database, id)?.properties).toMatchObject({ iops: 3_000, storageThroughput: 125 });
      expect(await refusal(hand.update(database, id, inputs, { ...inputs, allocatedStorage: 400 }))).toContain(
        "Invalid iops value for engine name postgres and storage type gp3: 3000",
      );
      await hand.update(database, id, inputs, { ...inputs, allocatedStorage: 399 });
      await hand.update(database, id, inputs, { ...inputs, allocatedStorage: 400, ...striped });
      expect(hand.read(database, id)?.properties).toMatchObject(striped);
    });

    it("is rejected below 400 GiB with any IOPS", async () => {
      const hand = new Hand(aws);
      expect(await refusal(hand.create(database, { ...small, iops: 3_000 }))).toContain(
        "You can't specify IOPS or storage throughput",
      );
      const { properties } = await hand.create(database, { ...small, allocatedStorage: 400 });
      expect(properties).toMatchObject(striped);
    });

    it("changes in the maintenance window, like the instance class, unless changes apply immediately", async () => {
      const hand = new Hand(aws);
      const { id, inputs } = await hand.create(database, small);
      const news = { ...inputs, allocatedStorage: 200, instanceClass: "db.m7g.xlarge", backupRetentionPeriod: 7 };
      await hand.update(database, id, inputs, { ...news, applyImmediately: false });
      expect(hand.read(database, id)?.properties).toMatchObject({
        allocatedStorage: 100,
        instanceClass: "db.m7g.large",
        backupRetentionPeriod: 7,
      });
      await hand.update(database, id, { ...news, applyImmediately: false }, news);
      expect(hand.read(database, id)?.properties).toMatchObject({
        allocatedStorage: 200,
        instanceClass: "db.m7g.xlarge",
      });
    });
  });

  it("refuse to delete a resource that has deletion protection", async () => {
    const hand = new Hand(aws);
    const inputs = { ...(await clusterInputs(hand)), deletionProtection: true };
    const { id } = await hand.create(cluster, inputs);
    expect(await refusal(hand.delete(cluster, id))).toContain("deletion protection enabled");
    const db = { identifier: "db", engine: "postgres", instanceClass: "db.m7g.large", username: "u", password: "p" };
    const made = await hand.create(database, { ...db, allocatedStorage: 20, deletionProtection: true });
    expect(await refusal(hand.delete(database, made.id))).toContain("Cannot delete protected DB Instance");
    expect(hand.read(database, made.id)).toBeDefined();
  });
});

describe("the Kubernetes provider", () => {
  const NAMESPACE = "kubernetes:core/v1:Namespace";
  const DEPLOYMENT = "kubernetes:apps/v1:Deployment";

  /** Creates two clusters and a Hand for each. */
  async function clusters() {
    const amazon = new Hand(aws);
    const inputs = await clusterInputs(amazon);
    await amazon.create(cluster, inputs);
    await amazon.create(cluster, { ...inputs, name: "other" });
    const hand = (clusterIdentifier: string) => new Hand(kubernetes, amazon.cloud, { clusterIdentifier });
    return { amazon, one: hand("cluster"), other: hand("other") };
  }
  const deployment = (selector: string, labels: string) => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: {
      selector: { matchLabels: { app: selector } },
      template: { metadata: { labels: { app: labels } }, spec: { containers: [{ name: "web", image: "i" }] } },
    },
  });

  it("keeps the objects of different clusters apart, and rejects a duplicate name in one cluster", async () => {
    const { one, other } = await clusters();
    const namespace = { metadata: { name: "langflow" } };
    expect((await one.create(NAMESPACE, namespace)).id).toBe("langflow");
    expect((await other.create(NAMESPACE, namespace)).id).toBe("langflow");
    expect(await refusal(one.create(NAMESPACE, namespace))).toContain('"langflow" already exists');
  });

  it("finds the cluster by the server in a kubeconfig, and fails if there is none", async () => {
    const { amazon } = await clusters();
    const endpoint = amazon.read(cluster, "other")?.properties.endpoint;
    const kubeconfig = (server: unknown) =>
      JSON.stringify({
        "current-context": "x",
        contexts: [{ name: "x", context: { cluster: "c" } }],
        clusters: [{ name: "c", cluster: { server } }],
      });
    const reached = new Hand(kubernetes, amazon.cloud, { kubeconfig: kubeconfig(endpoint) });
    await reached.create(NAMESPACE, { metadata: { name: "a" } });
    expect(amazon.cloud.find(NAMESPACE, () => true)?.scope).toBe("other");
    const lost = new Hand(kubernetes, amazon.cloud, { kubeconfig: kubeconfig("https://nowhere") });
    expect(await refusal(lost.create(NAMESPACE, { metadata: { name: "a" } }))).toContain("cluster is unreachable");
  });

  it("accepts any custom resource, but no unknown kind in Kubernetes' own groups", async () => {
    const { one } = await clusters();
    const nodePool = { apiVersion: "karpenter.sh/v1", kind: "NodePool", metadata: { name: "p" }, spec: { any: [1] } };
    expect((await one.create("kubernetes:karpenter.sh/v1:NodePool", nodePool)).id).toBe("p");
    expect(() => one.check("kubernetes:batch/v1:CronJobb", {})).toThrow(/does not know the type/);
  });

  it("rejects an object whose namespace does not exist, and a selector that does not match its pods", async () => {
    const { one } = await clusters();
    const lost = { ...deployment("web", "web"), metadata: { name: "web", namespace: "gone" } };
    expect(await refusal(one.create(DEPLOYMENT, lost))).toContain('namespaces "gone" not found');
    expect(await refusal(one.create(DEPLOYMENT, deployment("web", "other")))).toContain("does not match template");
    const { id, properties } = await one.create(DEPLOYMENT, deployment("web", "web"));
    expect(id).toBe("default/web");
    expect(properties.status).toMatchObject({ readyReplicas: 1 });
  });

  it("reads only the fields of an object that the program has set, not fields set by others, such as an autoscaler", async () => {
    const { one } = await clusters();
    const { id, inputs, properties } = await one.create(DEPLOYMENT, deployment("web", "web"));
    const made = one.cloud.find(DEPLOYMENT, () => true);
    if (!made) throw new Error("it was not made");
    const read = () =>
      one.provider.read(one.configuration, one.target(DEPLOYMENT, "one"), id, properties, inputs)?.inputs;
    const { spec } = deployment("web", "web");
    await one.cloud.put({ ...made, inputs: { ...made.inputs, spec: { ...spec, replicas: 5 } } });
    expect(read()).toEqual(inputs);
    const template = {
      ...spec.template,
      spec: { containers: [{ name: "web", image: "another", tty: true }, { name: "x" }] },
    };
    await one.cloud.put({ ...made, inputs: { ...made.inputs, spec: { ...spec, template } } });
    expect(read()?.spec).toMatchObject({ template: { spec: { containers: [{ name: "web", image: "another" }] } } });
    expect(JSON.stringify(read())).not.toMatch(/tty|"x"/);
    await one.cloud.put({ ...made, inputs: { ...made.inputs, spec: { ...spec, selector: undefined } } });
    expect(read()).not.toEqual(inputs);
  });

  const SERVICE = "kubernetes:core/v1:Service";
  const service = (type: string, app = "web") => ({
    metadata: { name: app },
    spec: { type, selector: { app }, ports: [{ port: 443 }] },
  });

  it("gives a load balancer a host name in the cluster's region", async () => {
    const { one } = await clusters();
    await one.create(DEPLOYMENT, deployment("web", "web"));
    const { properties } = await one.create(SERVICE, service("LoadBalancer"));
    const ingress = [{ hostname: expect.stringMatching(/^k8s-default-web-.*\.elb\.us-east-1\.amazonaws\.com$/) }];
    expect(properties.status).toEqual({ loadBalancer: { ingress } });
  });

  it("refuses to delete a certificate while a load balancer of a cluster uses it, and deletes it afterwards", async () => {
    const { amazon, one } = await clusters();
    const type = "aws:acm/certificate:Certificate";
    const { id } = await amazon.create(type, { domainName: "langflow.example.com", validationMethod: "DNS" });
    const annotations = { "service.beta.kubernetes.io/aws-load-balancer-ssl-cert": `arn:other,${id}` };
    await one.create(DEPLOYMENT, deployment("web", "web"));
    const { metadata, spec } = service("LoadBalancer");
    const used = await one.create(SERVICE, { metadata: { ...metadata, annotations }, spec });
    expect(await refusal(amazon.delete(type, id))).toContain("ResourceInUseException");
    await one.delete(SERVICE, used.id);
    await amazon.delete(type, id);
    expect(amazon.read(type, id)).toBeUndefined();
  });

  it("completes a Service once its pods exist, however late, and otherwise fails it after its own timeout", async () => {
    const { one } = await clusters();
    const made = one.create(SERVICE, service("ClusterIP"), "one", { timeoutSeconds: 600 });
    await Promise.all([made, setTimeout(100).then(() => one.create(DEPLOYMENT, deployment("web", "web")))]);
    const limits = { timeoutSeconds: 1 };
    expect(await refusal(one.create(SERVICE, service("ClusterIP", "other"), "two", limits))).toContain(
      "Timeout occurred for 'Service': Service does not target any Pods",
    );
    const headless = { ...service("ClusterIP", "other"), spec: { clusterIP: "None", selector: { app: "other" } } };
    expect((await one.create(SERVICE, headless, "two", limits)).id).toBe("default/other");
  });

  it("gives a Service no load balancer if the cluster does not create any", async () => {
    const { amazon, one } = await clusters();
    await one.create(DEPLOYMENT, deployment("web", "web"));
    const { inputs } = amazon.cloud.find(cluster, ({ id }) => id === "cluster") ?? { inputs: {} };
    const off = {
      ...inputs,
      computeConfig: { enabled: false },
      kubernetesNetworkConfig: { elasticLoadBalancing: { enabled: false } },
      storageConfig: { blockStorage: { enabled: false } },
    };
    await amazon.update(cluster, "cluster", inputs, off);
    expect(await refusal(one.create(SERVICE, service("LoadBalancer"), "one", { timeoutSeconds: 1 }))).toContain(
      "was not allocated an IP address",
    );
  });

  /** Creates a cluster that does not admit its creator, and a function that admits a principal. */
  async function closedCluster() {
    const amazon = new Hand(aws);
    const accessConfig = { bootstrapClusterCreatorAdminPermissions: false };
    await amazon.create(cluster, { ...(await clusterInputs(amazon)), accessConfig });
    const letIn = async (principalArn: string, policy: string) => {
      const entry = { clusterName: "cluster", principalArn };
      await amazon.create("aws:eks/accessEntry:AccessEntry", entry);
      const policyArn = `arn:aws:eks::aws:cluster-access-policy/${policy}`;
      const whole = { ...entry, policyArn, accessScope: { type: "cluster" } };
      await amazon.create("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", whole);
    };
    return { amazon, letIn, one: new Hand(kubernetes, amazon.cloud, { clusterIdentifier: "cluster" }) };
  }
  const arnOf = (name: string) => `arn:aws:iam::000000000000:role/${name}`;

  it("admits nobody to a cluster until an administrator's access entry takes effect, seconds after its creation", async () => {
    const { amazon, letIn, one } = await closedCluster();
    const enter = () => one.create(NAMESPACE, { metadata: { name: "langflow" } });
    expect(await refusal(enter())).toContain("asked for the client to provide credentials");
    await letIn(arnOf("node"), "AmazonEKSAutoNodePolicy");
    await setTimeout(300);
    expect(await refusal(enter())).toContain("asked for the client to provide credentials");
    await letIn(arnOf("admin"), "AmazonEKSClusterAdminPolicy");
    expect(await refusal(enter())).toContain("asked for the client to provide credentials");
    // an add-on takes longer than the entry
    await amazon.create("aws:eks/addon:Addon", { clusterName: "cluster", addonName: "one" });
    expect((await enter()).id).toBe("langflow");
  });

  it("fails a Deployment with a newly associated role, unless an admission policy rejects pods until the association takes effect", async () => {
    const { amazon, one, other } = await clusters();
    const inputs = deployment("web", "web");
    const { template } = inputs.spec;
    const spec = { ...inputs.spec, template: { ...template, spec: { ...template.spec, serviceAccountName: "web" } } };
    const start = async (hand: Hand, clusterName: string) => {
      const association = { clusterName, namespace: "default", serviceAccount: "web", roleArn: arnOf("web") };
      await amazon.create("aws:eks/podIdentityAssociation:PodIdentityAssociation", association);
      return hand.create(DEPLOYMENT, { ...inputs, spec });
    };
    expect(await refusal(start(one, "cluster"))).toContain("the pods have no AWS credentials");
    await setTimeout(300);
    expect((await one.create(DEPLOYMENT, { ...inputs, spec })).id).toBe("default/web");

    const policy = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy";
    const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": "default" } };
    const rule = { expression: 'c.env.exists(e, e.name == "AWS_CONTAINER_CREDENTIALS_FULL_URI")' };
    await other.create(policy, {
      metadata: { name: "identities" },
      spec: { matchConstraints: { namespaceSelector }, validations: [rule] },
    });
    await other.create(`${policy}Binding`, {
      metadata: { name: "identities" },
      spec: { policyName: "identities", validationActions: ["Deny"] },
    });
    expect((await start(other, "other")).id).toBe("default/web");
  });

  it("replaces an object for a changed selector, name or ConfigMap data, and changes the rest in place", () => {
    const hand = new Hand(kubernetes);
    expect(hand.diff(DEPLOYMENT, deployment("a", "x"), deployment("b", "y"))).toEqual([
      "spec.selector.matchLabels.app!",
      "spec.template.metadata.labels.app",
    ]);
    expect(hand.diff("kubernetes:core/v1:ConfigMap", { data: { a: "1" } }, { data: { a: "2" } })).toEqual(["data.a!"]);
    expect(hand.diff(NAMESPACE, { metadata: { name: "a" } }, { metadata: { name: "b" } })).toEqual(["metadata.name!"]);
  });

  it("is kept if the kubeconfig is unknown but a literal clusterIdentifier is set, and is replaced without an identifier", () => {
    const { provider } = new Hand(kubernetes);
    const changed = (more: object) =>
      provider.diffConfiguration({ kubeconfig: "{}", ...more }, { kubeconfig: UNKNOWN, ...more }).replaces;
    expect(changed({ clusterIdentifier: "one" })).toEqual([]);
    expect(changed({})).toEqual(["kubeconfig"]);
  });
});
