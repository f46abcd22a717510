import * as pulumi from "@pulumi/pulumi";
import { parseConfig } from "../../config/parse";
import { SIZE_NAMES, SIZES } from "../../config/sizes";
import type { Statement } from "../../model/policies/document";
import { region } from "../../stacks/region";
import { allows } from "../iam";
import { expectRegions, only, openText, type Recorded, record, settled } from "../mocks";
import { FLEET, OBSERVABILITY } from "./fleet";

const values = { ...FLEET, githubRepository: "example-org/langflow-dr" };

const part = (awsRegion: string) => ({
  keyArn: `arn:aws:kms:${awsRegion}:123456789012:key/1`,
  registry: `123456789012.dkr.ecr.${awsRegion}.amazonaws.com`,
  bucketName: `flows-${awsRegion}`,
  bucketArn: `arn:aws:s3:::flows-${awsRegion}`,
  certificateArn: `arn:aws:acm:${awsRegion}:123456789012:certificate/1`,
  secretArns: Object.fromEntries(
    ["secretKey", "superuserPassword", "apiKey", "providerKeys", "webhookSecret"].map((name) => [
      name,
      `arn:aws:secretsmanager:${awsRegion}:123456789012:secret:${name}-AbCdEf`,
    ]),
  ),
});
const foundation = {
  regions: { "us-east": part("us-east-1"), "eu-west": part("eu-west-1") },
  boundaryArn: "arn:aws:iam::123456789012:policy/langflow-dr-boundary",
  providerKeyNames: [],
  deployRoleArn: "arn:aws:iam::123456789012:role/langflow-dr-ci-deploy",
  previewRoleArn: "arn:aws:iam::123456789012:role/langflow-dr-ci-preview",
  driftRoleArn: "arn:aws:iam::123456789012:role/langflow-dr-ci-drift",
};

/** The same foundation with certificates for webhooks. */
const hooked = {
  ...foundation,
  regions: Object.fromEntries(
    Object.entries(foundation.regions).map(([name, own]) => [
      name,
      { ...own, webhookCertificateArn: `webhook-${name}` },
    ]),
  ),
};

function program(changes: object, name = "us-east") {
  const parsed = parseConfig(name, { ...values, ...changes });
  if (!("config" in parsed) || parsed.config.kind !== "region") throw new Error(JSON.stringify(parsed));
  return region(parsed.config.fleet, parsed.config.region, parsed.config.own).outputs;
}

interface Options {
  preview?: boolean;
  stacks?: Record<string, Record<string, unknown>>;
}
/** Returns the stack's resources and outputs. */
async function whole(changes: object = {}, options: Options = {}, name?: string) {
  let outputs: Record<string, unknown> = {};
  const resources = await record(
    async () => {
      const pending = pulumi.output(program(changes, name));
      if (!options.preview) outputs = (await settled(pending)) as Record<string, unknown>;
    },
    { stacks: { foundation }, ...options },
  );
  return { resources, outputs };
}
const run = async (...args: Parameters<typeof whole>) => (await whole(...args)).resources;

const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
const CRON_JOB = "kubernetes:batch/v1:CronJob";

const REPLICATION = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication";

describe("a region stack", () => {
  let resources: Recorded[];
  let outputs: Record<string, unknown>;
  beforeAll(async () => {
    ({ resources, outputs } = await whole());
  });

  it("creates everything in its own AWS region, except the copy of the database's backups", () => {
    const inOwnRegion = resources.filter(({ type }) => type !== REPLICATION);
    expect(inOwnRegion.length).toBeGreaterThan(100);
    expectRegions(inOwnRegion, ["us-east-1"]);
    expect(only(resources, REPLICATION).inputs).toMatchObject({
      region: "eu-west-1",
      kmsKeyId: "arn:aws:kms:eu-west-1:123456789012:key/1",
    });
  });

  it("lets CI's preview and drift check read exactly the kinds of objects that it creates in the cluster", () => {
    const plural = (kind: string) => `${kind.toLowerCase().replace(/y$/, "ie").replace(/s$/, "se")}s`;
    const made = resources.flatMap(({ type }) => {
      const [, group = "", kind] = /^kubernetes:(?:([\w.-]+)\/)?v[^:]+:(\w+)$/.exec(type) ?? [];
      return kind ? [`${group === "core" ? "" : group} ${plural(kind)}`] : [];
    });
    const rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[] = only(
      resources,
      "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
    ).inputs.rules;
    const read = rules
      .filter(({ verbs }) => verbs.includes("get"))
      .flatMap(({ apiGroups: [group], resources: kinds }) => kinds.map((kind) => `${group} ${kind}`));
    expect(read.toSorted()).toEqual([...new Set(made)].sort());
    const entries = resources.filter(({ type }) => type === "aws:eks/accessEntry:AccessEntry");
    const readers = entries.filter(({ inputs }) => inputs.kubernetesGroups);
    expect(readers.map(({ inputs }) => inputs.principalArn)).toEqual([
      foundation.previewRoleArn,
      foundation.driftRoleArn,
    ]);
  });

  it.each(SIZE_NAMES)("has the capacity and spread of the size %s", async (size) => {
    const { replicas, resources: asked, database } = SIZES[size].config;
    const made = await run(SIZES[size].config);
    const pod = only(made, DEPLOYMENT, "us-east").inputs.spec.template.spec;
    expect(pod.containers[0].resources).toMatchObject(asked);
    expect(pod.topologySpreadConstraints !== undefined).toBe(replicas.spread === "zones");
    const autoscaler = only(made, "kubernetes:autoscaling/v2:HorizontalPodAutoscaler").inputs.spec;
    expect(autoscaler).toMatchObject({ minReplicas: replicas.min, maxReplicas: replicas.max });
    expect(only(made, "aws:rds/instance:Instance").inputs).toMatchObject({
      instanceClass: database.instanceClass,
      multiAz: database.multiAz,
      allocatedStorage: database.storageGib,
      maxAllocatedStorage: database.maxStorageGib,
    });
  });

  it("runs LangFlow's image from its own registry, by digest", () => {
    const { spec } = only(resources, DEPLOYMENT, "us-east").inputs;
    const images = spec.template.spec.containers.map(({ image }: { image: string }) => image);
    expect(images).toEqual([`123456789012.dkr.ecr.us-east-1.amazonaws.com/langflow@sha256:${"a".repeat(64)}`]);
  });

  it("runs the same agent image from its own registry before LangFlow, for the sync and for backups", () => {
    const agent = `123456789012.dkr.ecr.us-east-1.amazonaws.com/langflow-agent@sha256:${"b".repeat(64)}`;
    const pods = resources
      .filter(({ type }) => type === DEPLOYMENT || type === CRON_JOB)
      .map(({ inputs: { spec } }) => (spec.jobTemplate?.spec ?? spec).template.spec);
    const images = pods.flatMap(({ initContainers = [], containers }) => [...initContainers, ...containers]);
    expect(
      images
        .filter(({ command }) => command[0] === "agent")
        .map(({ command, image }) => [command[1], image])
        .sort(),
    ).toEqual(
      ["adopt", "backup", "move-in", "move-in", "move-in", "restore", "sync"].map((command) => [command, agent]),
    );
  });

  it("schedules each region's backup at a different time", async () => {
    expect(only(resources, CRON_JOB, "us-east-backup").inputs.spec.schedule).toBe("17 3 * * *");
    const other = await run({}, {}, "eu-west");
    expect(only(other, CRON_JOB, "eu-west-backup").inputs.spec.schedule).toBe("17 4 * * *");
  });

  it("uses the config's own backup schedule and sync interval if set", async () => {
    const own = await run({ backup: { schedule: "5 1 * * 1-5" }, sync: { intervalSeconds: 60 } });
    expect(only(own, CRON_JOB, "us-east-backup").inputs.spec.schedule).toBe("5 1 * * 1-5");
    const { data } = only(own, "kubernetes:core/v1:ConfigMap", "us-east-flow-sync").inputs;
    expect(data).toMatchObject({ AGENT_INTERVAL_SECONDS: "60", AGENT_GIT_BRANCH: "main" });
  });

  it("passes the delete limits and the allowed secrets to the flow sync", async () => {
    const settings = (made: Recorded[]) => only(made, "kubernetes:core/v1:ConfigMap", "us-east-flow-sync").inputs.data;
    expect(settings(resources)).toMatchObject({
      AGENT_DELETES_SHARE: "0.2",
      AGENT_DELETES_NUMBER: "10",
      AGENT_ALLOWED_SECRETS: "[]",
    });
    const allowedSecrets = ["0a1b2c3d-0000-4000-8000-000000000001"];
    const own = await run({ sync: { deletes: { share: 0, number: 1 }, allowedSecrets } });
    expect(settings(own)).toMatchObject({
      AGENT_DELETES_SHARE: "0",
      AGENT_DELETES_NUMBER: "1",
      AGENT_ALLOWED_SECRETS: JSON.stringify(allowedSecrets),
    });
  });

  const syncSettings = (made: Recorded[]) =>
    only(made, "kubernetes:core/v1:ConfigMap", "us-east-flow-sync").inputs.data;
  const witness = { awsRegion: "us-west-2", bucketName: "witness", bucketArn: "arn:aws:s3:::witness" };
  const witnessed = { schedules: { witness: { awsRegion: "us-west-2" } } };

  it("passes the other regions' buckets to the flow sync, with the config's AWS regions", () => {
    expect(JSON.parse(syncSettings(resources).AGENT_PEERS)).toEqual({
      "eu-west": { bucket: "flows-eu-west-1", awsRegion: "eu-west-1" },
    });
  });

  it("lets the flow sync publish to each peer's bucket with the peer's key", () => {
    const { policy } = only(resources, "aws:iam/rolePolicy:RolePolicy", "us-east-flow-sync").inputs;
    const statements: Statement[] = JSON.parse(policy).Statement;
    const resource = "arn:aws:s3:::flows-eu-west-1/accounts/us-east/x";
    expect(allows(statements, { action: "s3:PutObject", resource })).toBe(true);
    const context = {
      "kms:ViaService": "s3.eu-west-1.amazonaws.com",
      "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::flows-eu-west-1",
    };
    const { keyArn } = part("eu-west-1");
    expect(allows(statements, { action: "kms:GenerateDataKey", resource: keyArn, context })).toBe(true);
  });

  const third = { name: "ap-south", awsRegion: "ap-south-1", cidr: "10.18.0.0/16", backupRegion: "us-east" };
  const joining = { regions: [...FLEET.regions, third] };

  it("omits a region that the foundation lacks from an update, and previews it as unknown", async () => {
    expect(Object.keys(JSON.parse(syncSettings(await run(joining)).AGENT_PEERS))).toEqual(["eu-west"]);
    expect(syncSettings(await run(joining, { preview: true }))).not.toHaveProperty("AGENT_PEERS");
    expect(syncSettings(await run({}, { preview: true }))).toHaveProperty("AGENT_PEERS");
  });

  it("passes to the flow sync only the config's regions, even if the foundation still has another region", async () => {
    const regions = { ...foundation.regions, "ap-south": part("ap-south-1") };
    const made = await run({}, { stacks: { foundation: { ...foundation, regions } } });
    expect(Object.keys(JSON.parse(syncSettings(made).AGENT_PEERS))).toEqual(["eu-west"]);
  });

  it("assigns the schedules to the first region, or to the configured one", async () => {
    expect(syncSettings(resources).AGENT_SCHEDULES_REGION).toBe("us-east");
    const adopted = (made: Recorded[]) =>
      only(made, DEPLOYMENT, "us-east").inputs.spec.template.spec.initContainers[1].env.find(
        ({ name }: { name: string }) => name === "AGENT_SCHEDULES_REGION",
      ).value;
    expect(adopted(resources)).toBe("us-east");
    const moved = await run({ schedules: { region: "eu-west" } });
    expect(adopted(moved)).toBe("eu-west");
    expect(syncSettings(moved).AGENT_SCHEDULES_REGION).toBe("eu-west");
  });

  it("passes a configured witness to the flow sync and lets it hold the lease", async () => {
    expect(syncSettings(resources)).not.toHaveProperty("AGENT_WITNESS");
    const made = await run(witnessed, { stacks: { foundation: { ...foundation, witness } } });
    expect(JSON.parse(syncSettings(made).AGENT_WITNESS)).toEqual({ bucket: "witness", awsRegion: "us-west-2" });
    const { policy } = only(made, "aws:iam/rolePolicy:RolePolicy", "us-east-flow-sync").inputs;
    expect(policy).toContain("arn:aws:s3:::witness/schedules/lease.json");
  });

  it("ignores a foundation's witness if the config has none", async () => {
    const made = await run({}, { stacks: { foundation: { ...foundation, witness } } });
    expect(syncSettings(made)).not.toHaveProperty("AGENT_WITNESS");
  });

  it("previews a new witness before the foundation has it", async () => {
    expect(syncSettings(await run(witnessed, { preview: true }))).not.toHaveProperty("AGENT_REGION");
  });

  it("gives LangFlow, its listeners and every agent task access to the database through its secrets", () => {
    const mounting = resources
      .filter(({ type }) => type.endsWith(":SecretProviderClass"))
      .filter(({ inputs }) => inputs.spec.parameters.objects.includes("LANGFLOW_DATABASE_URL"));
    expect(mounting.map(({ name }) => name).sort()).toEqual([
      "us-east",
      "us-east-backup",
      "us-east-flow-sync",
      "us-east-listeners",
      "us-east-move-in",
      "us-east-restore",
    ]);
  });

  it("creates no webhook load balancer if webhooks are disabled", () => {
    const services = resources.filter(({ type }) => type === "kubernetes:core/v1:Service");
    expect(services.map(({ inputs }) => inputs.metadata.name).sort()).toEqual(["langflow", "langflow-public"]);
    expect(Object.keys(outputs)).not.toContain("webhookHostname");
  });

  it("creates a webhook load balancer with its own certificate and outputs its host name", async () => {
    const { resources: made, outputs: told } = await whole({ webhook: true }, { stacks: { foundation: hooked } });
    const service = only(made, "kubernetes:core/v1:Service", "us-east-flow-sync-public").inputs;
    expect(service.metadata.annotations["service.beta.kubernetes.io/aws-load-balancer-ssl-cert"]).toBe(
      "webhook-us-east",
    );
    expect(told).toMatchObject({
      webhookHostname: expect.stringContaining(".elb.us-east-1.amazonaws.com"),
    });
  });

  it("previews enabling webhooks before the foundation has their certificate", async () => {
    const previewed = await run({ webhook: true }, { preview: true });
    expect(previewed.some(({ name }) => name === "us-east-flow-sync-public")).toBe(true);
  });

  it("outputs the references of both images", () => {
    expect(outputs).toMatchObject({
      image: expect.stringMatching(/\/langflow@sha256:a{64}$/),
      agentImage: expect.stringMatching(/\/langflow-agent@sha256:b{64}$/),
    });
  });

  it("reads only the foundation's stack", () => {
    const references = resources.filter(({ type }) => type === "pulumi:pulumi:StackReference");
    expect(references.map(({ name }) => name)).toEqual(["foundation"]);
  });

  it("has no plain-text secret in any input", () => {
    const text = openText(resources);
    expect(text).not.toMatch(/postgresql:\/\/[^"]*:[^"]*@/);
  });

  it("ignores user keys from an earlier release's config and does not show them", async () => {
    const { resources: made, outputs: told } = await whole({ workspaces: { "team-a": "sk-do-not-show" } });
    const names = (all: Recorded[]) => all.map(({ type, name }) => `${type} ${name}`);
    expect(names(made)).toEqual(names(resources));
    expect(JSON.stringify([made, told])).not.toContain("do-not-show");
  });

  it("does not depend on the topology", async () => {
    const names = (made: Recorded[]) => made.map(({ type, name }) => `${type} ${name}`).toSorted();
    expect(names(await run({ topology: "active-standby" }))).toEqual(names(resources));
  });

  it("gives every role the foundation's permissions boundary", async () => {
    const all = await run(
      { webhook: true, observability: OBSERVABILITY },
      {
        stacks: {
          foundation: {
            ...hooked,
            alertingSecretNames: ["CHAT_URL", "SWITCH_US_EAST", "SWITCH_EU_WEST"],
            regions: Object.fromEntries(
              Object.entries(hooked.regions).map(([name, own]) => [
                name,
                { ...own, secretArns: { ...own.secretArns, alerting: "arn" } },
              ]),
            ),
          },
        },
      },
    );
    const roles = all.filter(({ type }) => type === "aws:iam/role:Role");
    expect(roles.length).toBeGreaterThan(10);
    expect(roles.filter(({ inputs }) => inputs.permissionsBoundary !== foundation.boundaryArn)).toEqual([]);
  });

  it("can be previewed completely before the foundation has its outputs", async () => {
    const fresh = { regions: {}, providerKeyNames: [] };
    const previewed = await run({}, { preview: true, stacks: { foundation: fresh } });
    expect(previewed.some(({ type }) => type === "aws:eks/cluster:Cluster")).toBe(true);
  });

  describe("with observability", () => {
    const ALERTING = "arn:aws:secretsmanager:us-east-1:123456789012:secret:alerting-AbCdEf";
    const told = {
      ...foundation,
      alertingSecretNames: ["CHAT_URL", "SWITCH_US_EAST", "SWITCH_EU_WEST"],
      regions: Object.fromEntries(
        Object.entries(foundation.regions).map(([name, own]) => [
          name,
          { ...own, secretArns: { ...own.secretArns, alerting: ALERTING } },
        ]),
      ),
    };
    const changes = { observability: OBSERVABILITY };
    let observed: Awaited<ReturnType<typeof whole>>;
    let warned: string[];
    /** Returns the warnings that the program logs. */
    async function warnings(settings: object, options: Options): Promise<string[]> {
      const heard = jest.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
      try {
        await whole(settings, options);
        return heard.mock.calls.map(([message]) => message);
      } finally {
        heard.mockRestore();
      }
    }
    beforeAll(async () => {
      observed = await whole(changes, { stacks: { foundation: told } });
      warned = await warnings(changes, { stacks: { foundation: told } });
    });

    it("creates monitoring only if configured, and otherwise changes only what monitoring needs", () => {
      expect(resources.filter(({ inputs }) => inputs.metadata?.namespace === "observability")).toEqual([]);
      expect(outputs).not.toHaveProperty("egressAddresses");
      const before = new Map(resources.map((each) => [`${each.type} ${each.name}`, JSON.stringify(each.inputs)]));
      const after = new Map(
        observed.resources.map((each) => [`${each.type} ${each.name}`, JSON.stringify(each.inputs)]),
      );
      const changed = [...before].filter(([key, inputs]) => after.get(key) !== inputs).map(([key]) => key);
      expect(changed.filter((key) => key.startsWith("kubernetes:")).toSorted()).toEqual([
        // The flow sync gets the names that it queries in CloudWatch.
        "kubernetes:apps/v1:Deployment us-east-flow-sync",
        "kubernetes:core/v1:ConfigMap us-east-flow-sync",
        "kubernetes:core/v1:Service us-east-public",
        "kubernetes:networking.k8s.io/v1:NetworkPolicy us-east-langflow-ingress",
      ]);
      // The flow sync gets permission to query CloudWatch.
      expect(changed.filter((key) => key.startsWith("aws:"))).toEqual([
        "aws:iam/rolePolicy:RolePolicy us-east-flow-sync",
      ]);
    });

    it("makes LangFlow send spans only with a collector, and changes nothing else in LangFlow", async () => {
      const images = { ...OBSERVABILITY.images, collector: OBSERVABILITY.images.grafana };
      const settings = { observability: { ...OBSERVABILITY, images } };
      const counted = (await whole(settings, { stacks: { foundation: told } })).resources;
      const before = new Map(
        observed.resources.map((each) => [`${each.type} ${each.name}`, JSON.stringify(each.inputs)]),
      );
      const changed = counted
        .filter(
          ({ type, name, inputs }) =>
            before.has(`${type} ${name}`) && before.get(`${type} ${name}`) !== JSON.stringify(inputs),
        )
        .filter(({ type, inputs }) => type.startsWith("kubernetes:") && inputs.metadata?.namespace === "langflow")
        .map(({ type, name }) => `${type} ${name}`);
      expect(changed.toSorted()).toEqual([
        "kubernetes:apps/v1:Deployment us-east",
        "kubernetes:apps/v1:Deployment us-east-listeners",
        "kubernetes:core/v1:ConfigMap us-east",
        "kubernetes:networking.k8s.io/v1:NetworkPolicy us-east-langflow-egress",
        "kubernetes:networking.k8s.io/v1:NetworkPolicy us-east-listeners-egress",
      ]);
    });

    it("checks the other region's load balancer and admits only that region's additional addresses", () => {
      const { data } = only(
        observed.resources,
        "kubernetes:core/v1:ConfigMap",
        "us-east-observability-prometheus",
      ).inputs;
      expect(data["prometheus.yml"]).toContain("https://eu-west.elb.example.com/healthz");
      const service = only(observed.resources, "kubernetes:core/v1:Service", "us-east-public").inputs;
      expect(service.spec.loadBalancerSourceRanges).toEqual([
        "173.245.48.0/20",
        "103.21.244.0/22",
        "198.51.100.1/32",
        "198.51.100.2/32",
      ]);
      expect(observed.outputs.egressAddresses).toEqual(["203.0.113.7", "203.0.113.7", "203.0.113.7"]);
    });

    it("alerts on a missing recorder only in the schedules' region, and not without a flow repository", async () => {
      const files = async (settings: object) => {
        const { resources: made } = await whole({ ...changes, ...settings }, { stacks: { foundation: told } });
        const { data } = only(made, "kubernetes:core/v1:ConfigMap", "us-east-observability-prometheus").inputs;
        return { rules: data["rules.yml"] as string, scrapes: data["prometheus.yml"] as string };
      };
      const named = await files({});
      expect(named.rules).toContain("absent(langflow_dr_record_recorder == 1)");
      expect((await files({ schedules: { region: "eu-west" } })).rules).not.toContain("RecorderMissing");
      const without = await files({ flowRepository: undefined });
      expect([named.scrapes, without.scrapes].map((text) => text.includes("probe-git"))).toEqual([true, false]);
      expect(without.rules).not.toMatch(/langflow_dr_(sync|record)_/);
      expect(without.rules).toContain("UserDataLagging");
    });

    it("warns about each region that is not checked, and about nothing if the config is complete", async () => {
      expect(warned).toEqual([]);
      const { origins: _, ...unchecked } = OBSERVABILITY;
      const heard = await warnings({ observability: unchecked }, { stacks: { foundation: told } });
      expect(heard).toEqual([
        expect.stringMatching(/^observability\.origins has no eu-west: us-east does not check it/),
      ]);
    });

    it("previews enabling monitoring before the foundation has its secrets", async () => {
      const previewed = await run(changes, { preview: true });
      expect(previewed.some(({ name }) => name === "us-east-observability-prometheus")).toBe(true);
    });
  });
});
