import * as pulumi from "@pulumi/pulumi";
import { type FleetConfig, type FoundationStackConfig, schemas } from "../../config/schema";
import { AWS_REGION_NAMES, partitionOf } from "../../model/places";
import { foundation } from "../../stacks/foundation";
import type { FoundationOutputs, Pending } from "../../stacks/outputs";
import { expectRegions, only, openText, RANDOM_BASE64, RANDOM_LETTERS, type Recorded, record, settled } from "../mocks";
import { FLEET, OBSERVABILITY } from "./fleet";

const PLACES = [
  { name: "us-east", awsRegion: "us-east-1", cidr: "10.16.0.0/16", backupRegion: "eu-west" },
  { name: "eu-west", awsRegion: "eu-west-1", cidr: "10.17.0.0/16", backupRegion: "us-east" },
  { name: "ap-southeast", awsRegion: "ap-southeast-1", cidr: "10.18.0.0/16", backupRegion: "us-east" },
];
const LONGEST = AWS_REGION_NAMES.filter((name) => partitionOf(name) === "aws").toSorted(
  (one, other) => other.length - one.length,
);
const SIXTEEN = Array.from({ length: 16 }, (_, index) => ({
  name: `ap-southeast-${String(index).padStart(3, "0")}`,
  awsRegion: LONGEST[index] ?? "",
  cidr: `10.${16 + index}.0.0/16`,
  backupRegion: `ap-southeast-${String((index + 1) % 16).padStart(3, "0")}`,
}));
const PROVIDER_KEY = "sk-do-not-show-me";

const fleetOf = (regions = PLACES, own: object = {}): FleetConfig =>
  schemas.fleet.parse({
    ...FLEET,
    hostname: "langflow.example.com",
    buildRegion: regions[0]?.name,
    regions,
    ...own,
  });
const CONFIG: FoundationStackConfig = schemas.foundation.parse({
  providerKeys: { OPENAI_API_KEY: PROVIDER_KEY, COHERE_API_KEY: "co-hidden" },
});
const GITHUB = { githubRepository: "acme/flows" };

interface Options {
  readonly protect?: boolean;
  readonly deletedWith?: boolean;
  readonly retainOnDelete?: boolean;
}

async function build(fleet = fleetOf(), preview = false, config = CONFIG) {
  const options = new Map<string, Options>();
  let outputs: Pending<FoundationOutputs> | undefined;
  const resources = await record(
    () => {
      pulumi.runtime.registerStackTransformation(({ type, name, opts, props }) => {
        const { deletedWith, ...rest } = opts as pulumi.CustomResourceOptions;
        options.set(`${type} ${name}`, { ...rest, deletedWith: deletedWith !== undefined });
        return { props, opts };
      });
      outputs = foundation(fleet, config);
    },
    { preview },
  );
  if (!outputs) throw new Error("the stack gave no outputs");
  return { resources, outputs, options };
}

/** The fleet of the three regions above, built once, because no test modifies it. */
let first: ReturnType<typeof build> | undefined;
const threeRegions = () => {
  first ??= build();
  return first;
};

const known = async (outputs: Pending<FoundationOutputs>) =>
  (await settled(pulumi.output(outputs))) as unknown as FoundationOutputs;
const countOf = (resources: Recorded[], type: string) => resources.filter((resource) => resource.type === type).length;

/** Types of resources whose deletion loses data. */
const DATA = [
  "aws:kms/key:Key",
  "aws:s3/bucket:Bucket",
  "aws:ecr/repository:Repository",
  "aws:secretsmanager/secret:Secret",
  "random:index/randomBytes:RandomBytes",
  "random:index/randomPassword:RandomPassword",
];

describe("the foundation", () => {
  it("sets the AWS region of every resource explicitly", async () => {
    expectRegions((await threeRegions()).resources, ["us-east-1", "eu-west-1", "ap-southeast-1"]);
  });

  it("outputs each region's own key, registry, bucket, certificate and secrets", async () => {
    const outputs = await known((await threeRegions()).outputs);
    expect(Object.keys(outputs.regions).sort()).toEqual(["ap-southeast", "eu-west", "us-east"]);
    expect(outputs.regions["eu-west"]).toEqual({
      keyArn: "arn:aws:kms:eu-west-1:123456789012:key/eu-west",
      registry: "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
      bucketName: "langflow-dr-eu-west-flows-123456789012",
      bucketArn: "arn:aws:s3:::langflow-dr-eu-west-flows-123456789012",
      certificateArn: "arn:aws:acm:eu-west-1:123456789012:certificate/eu-west-langflow.example.com",
      secretArns: {
        secretKey: expect.stringContaining(
          "arn:aws:secretsmanager:eu-west-1:123456789012:secret:langflow-dr-secret-key-",
        ),
        superuserPassword: expect.stringContaining(":secret:langflow-dr-superuser-password-"),
        apiKey: expect.stringContaining(":secret:langflow-dr-api-key-"),
        providerKeys: expect.stringContaining(":secret:langflow-dr-provider-keys-"),
        webhookSecret: expect.stringContaining(":secret:langflow-dr-webhook-secret-"),
      },
    });
  });

  it("uses only a region's own key in each region", async () => {
    const { resources } = await threeRegions();
    const ownKey = (type: string, keyIn: (inputs: Recorded["inputs"]) => string) => {
      for (const { inputs } of resources.filter((resource) => resource.type === type))
        expect(keyIn(inputs)).toContain(`arn:aws:kms:${inputs.region}:`);
    };
    ownKey("aws:ecr/repository:Repository", ({ encryptionConfigurations: [first] }) => first.kmsKey);
    ownKey("aws:secretsmanager/secret:Secret", ({ kmsKeyId }) => kmsKeyId);
    ownKey(
      "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
      ({ rules: [rule] }) => rule.applyServerSideEncryptionByDefault.kmsMasterKeyId,
    );
    for (const { inputs } of resources.filter(({ type }) => type === "aws:secretsmanager/secret:Secret"))
      for (const replica of inputs.replicas) expect(replica.kmsKeyId).toContain(`arn:aws:kms:${replica.region}:`);
  });

  it("creates the secrets in the build region and replicates them to all others", async () => {
    const fleet = { ...fleetOf(), buildRegion: "eu-west" };
    const { resources } = await build(fleet);
    for (const { inputs } of resources.filter(({ type }) => type === "aws:secretsmanager/secret:Secret")) {
      expect(inputs.region).toBe("eu-west-1");
      expect(inputs.replicas.map(({ region }: { region: string }) => region)).toEqual(["us-east-1", "ap-southeast-1"]);
    }
    const images = only(resources, "aws:ecr/replicationConfiguration:ReplicationConfiguration").inputs;
    expect(images.region).toBe("eu-west-1");
    expect(
      images.replicationConfiguration.rules[0].destinations.map(({ region }: { region: string }) => region),
    ).toEqual(["us-east-1", "ap-southeast-1"]);
  });

  it("registers no provider key or generated value in plain text, in inputs or outputs", async () => {
    const { resources, outputs } = await threeRegions();
    const text = openText(resources) + JSON.stringify(await known(outputs));
    for (const value of [
      PROVIDER_KEY,
      "co-hidden",
      RANDOM_BASE64,
      RANDOM_BASE64.replaceAll("+", "-"),
      RANDOM_LETTERS.repeat(32),
    ])
      expect(text).not.toContain(value);
    expect(JSON.stringify(resources)).toContain(PROVIDER_KEY);
  });

  it("outputs the sorted names of the provider keys' environment variables, without values", async () => {
    expect((await known((await threeRegions()).outputs)).providerKeyNames).toEqual([
      "COHERE_API_KEY",
      "OPENAI_API_KEY",
    ]);
  });

  it("protects all data and empties nothing on destroy", async () => {
    const { resources, options } = await threeRegions();
    for (const type of DATA) {
      const found = resources.filter((resource) => resource.type === type);
      expect(found.length).toBeGreaterThan(0);
      for (const { name } of found)
        expect([type, name, options.get(`${type} ${name}`)?.protect]).toEqual([type, name, true]);
    }
    expect(JSON.stringify(resources)).not.toMatch(/forceDestroy|forceDelete":true/);
  });

  it("leaves secret versions unprotected, so that a changed provider key can be stored", async () => {
    const { options } = await threeRegions();
    const versions = [...options].filter(([key]) => key.startsWith("aws:secretsmanager/secretVersion:SecretVersion"));
    expect(versions).toHaveLength(5);
    expect(versions.filter(([, { protect }]) => protect)).toEqual([]);
  });

  it("never removes policy, versioning or encryption from a bucket that is being deleted", async () => {
    const { options } = await threeRegions();
    const parts = [...options].filter(
      ([key]) => /^aws:s3\/bucket\w+:/.test(key) && !key.startsWith("aws:s3/bucketReplicationConfig:"),
    );
    expect(parts).toHaveLength(3 * 6);
    expect(parts.filter(([, { deletedWith }]) => !deletedWith).map(([key]) => key)).toEqual([]);
  });

  it("stores a configured Git token as a secret and outputs its ARN", async () => {
    const { resources, outputs } = await build(fleetOf(), false, { ...CONFIG, gitToken: "git-do-not-show" });
    const { secretArns } = (await known(outputs)).regions["eu-west"] ?? {};
    expect(secretArns?.gitToken).toContain(":eu-west-1:123456789012:secret:langflow-dr-git-token-");
    expect(openText(resources) + JSON.stringify(await known(outputs))).not.toContain("git-do-not-show");
    const plain = await known((await threeRegions()).outputs);
    expect(plain.regions["eu-west"]?.secretArns).not.toHaveProperty("gitToken");
  });

  it("creates and replicates a repository for LangFlow and one for the agent in every region", async () => {
    const { resources } = await threeRegions();
    const repositories = resources.filter(({ type }) => type === "aws:ecr/repository:Repository");
    for (const awsRegion of ["us-east-1", "eu-west-1", "ap-southeast-1"])
      expect(repositories.filter(({ inputs }) => inputs.region === awsRegion).map(({ inputs }) => inputs.name)).toEqual(
        ["langflow", "langflow-agent"],
      );
    const { rules } = only(resources, "aws:ecr/replicationConfiguration:ReplicationConfiguration").inputs
      .replicationConfiguration;
    expect(rules[0].repositoryFilters.map(({ filter }: { filter: string }) => filter)).toEqual([
      "langflow",
      "langflow-agent",
    ]);
  });

  it("creates a repository for each monitoring program, and for Grafana only if configured", async () => {
    const { grafana, ...without } = OBSERVABILITY.images;
    const names = async (images: object) => {
      const { resources } = await build(fleetOf(PLACES, { observability: { images } }), false, CONFIG);
      const made = resources.filter(({ type }) => type === "aws:ecr/repository:Repository");
      return new Set(made.map(({ inputs }) => inputs.name));
    };
    const [all, less] = [await names({ ...without, grafana }), await names(without)];
    expect([...all].filter((name) => !less.has(name))).toEqual(["grafana"]);
    expect(less.size).toBe(5);
  });

  it("stores configured alerting secrets and outputs their ARN and names, but no values", async () => {
    const alertingSecrets = { PAGERDUTY_KEY: "key-do-not-show", CHAT_URL: "url-do-not-show" };
    const { resources, outputs } = await build(fleetOf(), false, { ...CONFIG, alertingSecrets });
    const told = await known(outputs);
    expect(told.alertingSecretNames).toEqual(["CHAT_URL", "PAGERDUTY_KEY"]);
    expect(told.regions["eu-west"]?.secretArns.alerting).toContain(
      ":eu-west-1:123456789012:secret:langflow-dr-alerting-",
    );
    expect(openText(resources) + JSON.stringify(told)).not.toContain("do-not-show");
    expect(await known((await threeRegions()).outputs)).not.toHaveProperty("alertingSecretNames");
  });

  it("creates nothing for webhooks if they are disabled", async () => {
    const { resources, outputs } = await threeRegions();
    expect(countOf(resources, "aws:acm/certificate:Certificate")).toBe(3);
    expect((await known(outputs)).regions["us-east"]).not.toHaveProperty("webhookCertificateArn");
  });

  it("creates a webhook certificate per region without changing the public name's certificates", async () => {
    const { resources, outputs } = await build(fleetOf(PLACES, { webhook: true }));
    const certificates = resources.filter(({ type }) => type === "aws:acm/certificate:Certificate");
    expect(certificates.map(({ name, inputs }) => [name, inputs.domainName]).sort()).toEqual([
      ...["ap-southeast", "eu-west", "us-east"].flatMap((region) => [
        [`${region}-langflow.example.com`, "langflow.example.com"],
        [`${region}-webhook`, `flows-${region}.example.com`],
      ]),
    ]);
    expect(certificates.filter(({ inputs }) => "subjectAlternativeNames" in inputs)).toEqual([]);
    expect((await known(outputs)).regions["eu-west"]?.webhookCertificateArn).toBe(
      "arn:aws:acm:eu-west-1:123456789012:certificate/eu-west-webhook",
    );
    const urns = resources.map(({ type, name }) => `${type} ${name}`);
    expect(new Set(urns).size).toBe(urns.length);
  });

  it("keeps a certificate of the previous name in each region during a change of names", async () => {
    const { resources, outputs, options } = await build(fleetOf(PLACES, { formerHostname: "flows.example.com" }));
    const certificates = resources.filter(({ type }) => type === "aws:acm/certificate:Certificate");
    expect(certificates.filter(({ inputs }) => inputs.domainName === "flows.example.com")).toHaveLength(PLACES.length);
    expect((await known(outputs)).regions["us-east"]).toMatchObject({
      certificateArn: "arn:aws:acm:us-east-1:123456789012:certificate/us-east-langflow.example.com",
      formerCertificateArn: "arn:aws:acm:us-east-1:123456789012:certificate/us-east-flows.example.com",
    });
    const forgotten = certificates.map(({ type, name }) => options.get(`${type} ${name}`)?.retainOnDelete);
    expect(new Set(forgotten)).toEqual(new Set([true]));
  });

  it("creates a configured witness outside the regions and outputs its location", async () => {
    const { resources, outputs, options } = await build(
      fleetOf(PLACES, { schedules: { witness: { awsRegion: "us-west-2" } } }),
    );
    const bucket = "langflow-dr-witness-us-west-2-123456789012";
    expect((await known(outputs)).witness).toEqual({
      awsRegion: "us-west-2",
      bucketName: bucket,
      bucketArn: `arn:aws:s3:::${bucket}`,
    });
    const atWitness = resources.filter(({ inputs }) => inputs.region === "us-west-2");
    expect(new Set(atWitness.map(({ name }) => name))).toEqual(new Set(["witness"]));
    expect(options.get("aws:s3/bucket:Bucket witness")?.protect).toBe(true);
    const settings = [...options].filter(([key]) => /^aws:s3\/bucket\w+:\w+ witness$/.test(key));
    expect(settings).toHaveLength(6);
    expect(settings.filter(([, { deletedWith }]) => !deletedWith)).toEqual([]);
  });

  it("creates and outputs an experiment per region that pauses replication only if configured", async () => {
    const { resources, outputs } = await build(fleetOf(), false, { ...CONFIG, experiments: true });
    const { regions } = await known(outputs);
    const templates = resources.filter(({ type }) => type === "aws:fis/experimentTemplate:ExperimentTemplate");
    expect(templates.map(({ inputs }) => inputs.region).sort()).toEqual(
      PLACES.map(({ awsRegion }) => awsRegion).sort(),
    );
    for (const { name } of PLACES) expect(regions[name]?.replicationPauseId).toContain(name);
    const without = await build();
    expect(without.resources.filter(({ type }) => /fis|metricAlarm/.test(type))).toEqual([]);
    expect(JSON.stringify(await known(without.outputs))).not.toContain("replicationPauseId");
  });

  it("creates no witness if none is configured", async () => {
    const { resources, outputs } = await threeRegions();
    expect(resources.filter(({ name, type }) => name === "witness" || /Witness/.test(type))).toEqual([]);
    expect(outputs).not.toHaveProperty("witness");
  });

  it("creates nothing for CI if no repository is configured", async () => {
    const { resources, outputs } = await threeRegions();
    expect(resources.filter(({ type, name }) => /CiRoles|openIdConnect/.test(type) || name === "deploy")).toEqual([]);
    expect(Object.keys(outputs)).toEqual(["regions", "boundaryArn", "providerKeyNames"]);
  });

  it("lets CI's deployment change the witness's settings", async () => {
    const { resources } = await build(
      fleetOf(PLACES, { ...GITHUB, schedules: { witness: { awsRegion: "us-west-2" } } }),
    );
    expect(only(resources, "aws:iam/rolePolicy:RolePolicy", "deploy-infrastructure").inputs.policy).toContain(
      '"NotResource":"arn:aws:s3:::langflow-dr-witness-us-west-2-123456789012"',
    );
  });

  it("creates roles for deployments, previews and drift checks if a repository is configured", async () => {
    const { outputs } = await build(fleetOf(PLACES, GITHUB));
    expect(await known(outputs)).toMatchObject({
      deployRoleArn: "arn:aws:iam::123456789012:role/deploy",
      previewRoleArn: "arn:aws:iam::123456789012:role/preview",
      driftRoleArn: "arn:aws:iam::123456789012:role/drift",
    });
  });

  it("sets a permissions boundary with the regions' keys on every role except CI's own", async () => {
    const { resources, outputs } = await build(fleetOf(PLACES, GITHUB), false, { ...CONFIG, experiments: true });
    const { boundaryArn } = await known(outputs);
    const roles = resources.filter(({ type }) => type === "aws:iam/role:Role");
    const bounded = roles.filter(({ inputs }) => inputs.permissionsBoundary === boundaryArn);
    expect(bounded.map(({ inputs }) => inputs.name).sort()).toEqual(
      PLACES.flatMap(({ name }) => [
        `langflow-dr-${name}-flow-replication`,
        `langflow-dr-${name}-replication-pause`,
      ]).sort(),
    );
    expect(roles.length - bounded.length).toBe(4);
    const { policy } = only(resources, "aws:iam/policy:Policy").inputs;
    for (const { name, awsRegion } of PLACES)
      expect(policy).toContain(`arn:aws:kms:${awsRegion}:123456789012:key/${name}`);
  });

  it("changes only the replication and its roles of two regions when a third joins", async () => {
    const two = (await build(fleetOf(PLACES.slice(0, 2)))).resources;
    const three = (await threeRegions()).resources;
    const before = new Map(three.map(({ type, name, inputs }) => [`${type} ${name}`, JSON.stringify(inputs)]));
    const touched = two
      .filter(({ type, name, inputs }) => before.get(`${type} ${name}`) !== JSON.stringify(inputs))
      .map(({ type }) => type)
      .filter((type) => !type.startsWith("langflow-dr:"));
    expect(new Set(touched)).toEqual(
      new Set([
        "aws:ecr/replicationConfiguration:ReplicationConfiguration",
        "aws:iam/policy:Policy",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
        "aws:secretsmanager/secret:Secret",
      ]),
    );
  });

  it("stays within the clouds' limits for sixteen regions with the longest names", async () => {
    const { resources } = await build(fleetOf(SIXTEEN, GITHUB));
    for (const type of ["aws:kms/key:Key", "aws:s3/bucket:Bucket", "aws:acm/certificate:Certificate"])
      expect(countOf(resources, type)).toBe(16);
    expect(countOf(resources, "cloudflare:index/dnsRecord:DnsRecord")).toBe(1);
    expect(countOf(resources, "aws:secretsmanager/secret:Secret")).toBe(5);
    const urns = resources.map(({ type, name }) => `${type} ${name}`);
    expect(new Set(urns).size).toBe(urns.length);
    for (const { type, inputs } of resources) {
      if (type === "aws:s3/bucket:Bucket") expect(inputs.bucket.length).toBeLessThanOrEqual(63);
      if (type === "aws:iam/role:Role") expect(inputs.name.length).toBeLessThanOrEqual(64);
      if (type === "aws:s3/bucketReplicationConfig:BucketReplicationConfig") expect(inputs.rules).toHaveLength(15);
    }
    expectRegions(
      resources,
      SIXTEEN.map(({ awsRegion }) => awsRegion),
    );
  });

  it("can be previewed completely before anything exists, with known bucket names", async () => {
    const { outputs, resources } = await build(fleetOf(), true);
    expect(countOf(resources, "aws:s3/bucketReplicationConfig:BucketReplicationConfig")).toBe(3);
    expect(await settled(pulumi.output(outputs.regions["us-east"]?.bucketName))).toBe(
      "langflow-dr-us-east-flows-123456789012",
    );
  });
});
