import { statSync } from "node:fs";
import { join } from "node:path";
import { type CloudResource, startLocalCloud } from "../../../../sandbox/cloud/client";
import { filesIn } from "../../../../sandbox/directory";
import { appliedBuckets, appliedRegions, appliedVersions } from "../../../../sandbox/live/cluster/applied";
import { mountedFiles } from "../../../../sandbox/live/cluster/secretMount";
import { keyOf, Store } from "../../../../sandbox/resources/store";
import { removeTemporaryFolders, storedResource, temporaryFolder } from "../../fixture";

afterAll(removeTemporaryFolders);

const arn = (region: string) => `arn:aws:secretsmanager:${region}:123456789012:secret:database-AbCdEf`;
const SECRETS = [
  storedResource("aws:secretsmanager/secret:Secret", arn("us-east-1"), {
    region: "us-east-1",
    replicas: [{ region: "eu-west-1" }],
  }),
  storedResource("aws:secretsmanager/secretVersion:SecretVersion", "version", {
    secretId: arn("us-east-1"),
    secretString: '{"url":"postgresql://a","a-b":{"c":1}}',
  }),
];
const mount = (region: string, ...jmesPath: object[]) =>
  mountedFiles(
    {
      parameters: {
        region,
        objects: JSON.stringify([{ objectName: arn(region), objectAlias: "whole", jmesPath }]),
      },
    },
    SECRETS,
  );

describe("a secret in the live fleet", () => {
  it("is shown only if a client with the token asks for plain text, and only the owner can read the token's file", async () => {
    const directory = temporaryFolder();
    const identity = { provider: "aws", type: "aws:secretsmanager/secretVersion:SecretVersion", scope: "", id: "one" };
    await Store.open(filesIn(directory).resources).put({
      key: keyOf(identity),
      ...identity,
      name: "one",
      urn: "urn",
      inputs: {},
      properties: { secretString: "s3cret" },
      secrets: ["/secretString"],
    });
    const cloud = await startLocalCloud(directory);
    try {
      const value = ([first]: CloudResource[]) => first?.properties.secretString;
      expect(value(await cloud.resources())).toBe("[secret]");
      expect(value(await cloud.resources({ clear: true }))).toBe("s3cret");
      const refused = await fetch(`${cloud.url}/resources`, { headers: { authorization: "Bearer guess" } });
      expect(refused.status).toBe(403);
      expect(statSync(join(directory, "secrets.token")).mode & 0o777).toBe(0o600);
    } finally {
      await cloud.stop();
    }
  });

  it("is mounted as by the CSI driver: the secret's replica as a whole, and a separate file for each path", () => {
    const files = mount("eu-west-1", { path: "url", objectAlias: "URL" }, { path: '"a-b".c', objectAlias: "DEEP" });
    expect([...files.keys()]).toEqual(["whole", "URL", "DEEP"]);
    expect(files.get("URL")).toBe("postgresql://a");
    expect(files.get("DEEP")).toBe("1");
  });

  it("cannot be mounted, as with the driver, if there is no replica, no secret or no such path", () => {
    expect(() => mount("ap-southeast-1")).toThrow("has no replica in ap-southeast-1");
    expect(() => mount("us-east-1", { path: "none", objectAlias: "X" })).toThrow("has no value at none");
    const objects = JSON.stringify([{ objectName: "unknown", objectAlias: "X" }]);
    expect(() => mountedFiles({ parameters: { objects } }, SECRETS)).toThrow("the secret unknown does not exist");
  });
});

describe("the resources that the live fleet reads", () => {
  const deployment = (name: string, container: string, image: string, more: object = {}) =>
    storedResource("kubernetes:apps/v1:Deployment", `langflow/${name}`, {
      metadata: { name },
      spec: {
        replicas: 2,
        template: {
          metadata: { labels: { "app.kubernetes.io/version": image } },
          spec: { containers: [{ name: container, ...more }] },
        },
      },
    });

  it("have LangFlow's version in LangFlow's Deployment, and in no other Deployment", () => {
    expect(appliedVersions([deployment("a", "langflow", "1.13.0"), deployment("b", "flow-sync", "0.1.0")])).toEqual([
      "1.13.0",
    ]);
  });

  it("exclude observability, unless it is requested", () => {
    const watching = { ...deployment("prometheus", "prometheus", "v3.16.0"), id: "observability/prometheus" };
    const names = (isObserved?: boolean) =>
      appliedRegions([deployment("a", "langflow", "1.13.0"), watching], isObserved)[0]?.deployments.map(
        ({ name }) => name,
      );
    expect(names()).toEqual(["a"]);
    expect(names(true)).toEqual(["a", "prometheus"]);
  });

  it("have a hash of the pod template, which changes with the template and with nothing else", () => {
    const hash = (one: CloudResource) => appliedRegions([one])[0]?.deployments[0]?.templateHash;
    const before = deployment("a", "langflow", "1.13.0");
    const scaled = { ...before, properties: { ...before.properties, metadata: { name: "a", generation: 2 } } };
    expect(hash(scaled)).toBe(hash(before));
    expect(hash(deployment("a", "langflow", "1.13.0", { args: ["x"] }))).not.toBe(hash(before));
  });

  it("have the replicas and the rollout settings of a Deployment, or else Kubernetes' defaults", () => {
    const [region] = appliedRegions([
      deployment("told", "langflow", "1.13.0"),
      storedResource("kubernetes:apps/v1:Deployment", "langflow/strategic", {
        spec: { minReadySeconds: 10, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } },
      }),
    ]);
    expect(region?.deployments.map(({ scale }) => scale)).toEqual([
      { replicas: 2, maxSurge: "25%", maxUnavailable: "25%", minReadySeconds: 0 },
      { maxSurge: 1, maxUnavailable: 0, minReadySeconds: 10 },
    ]);
  });

  it("have each load balancer's times to drain stopping pods and to detect dead pods, from its annotations or AWS' defaults", () => {
    const service = (name: string, type: string, told: Readonly<Record<string, string>>) =>
      storedResource("kubernetes:core/v1:Service", `langflow/${name}`, {
        metadata: {
          annotations: Object.fromEntries(
            Object.entries(told).map(([key, value]) => [`service.beta.kubernetes.io/aws-load-balancer-${key}`, value]),
          ),
        },
        spec: { type, ports: [] },
      });
    const attributes = (seconds: number) => ({
      "target-group-attributes": `preserve_client_ip.enabled=false,deregistration_delay.timeout_seconds=${seconds}`,
    });
    const check = { "healthcheck-interval": "15", "healthcheck-unhealthy-threshold": "2" };
    const [region] = appliedRegions([
      deployment("a", "langflow", "1.13.0"),
      service("inside", "ClusterIP", { ...attributes(7), ...check }),
      service("public", "LoadBalancer", { ...attributes(120), ...check }),
      service("untold", "LoadBalancer", {}),
    ]);
    expect(region?.services.map(({ name, drainSeconds, failSeconds }) => [name, drainSeconds, failSeconds])).toEqual([
      ["inside", 0, 0],
      ["public", 120, 30],
      ["untold", 300, 30],
    ]);
  });

  it("have the replication between buckets, from the rules that are enabled", () => {
    const bucket = (id: string) => storedResource("aws:s3/bucket:Bucket", id, { region: "us-east-1" });
    const rule = (from: string, to: string, status: string) =>
      storedResource("aws:s3/bucketReplicationConfig:BucketReplicationConfig", `${from}-rules`, {
        bucket: from,
        rules: [
          {
            status,
            destination: { bucket: `arn:aws:s3:::${to}`, encryptionConfiguration: { replicaKmsKeyId: `key-${to}` } },
          },
        ],
      });
    const all = [bucket("a"), bucket("b"), rule("a", "b", "Enabled"), rule("b", "a", "Disabled")];
    expect(appliedBuckets(all).map(({ name, replicatesTo }) => [name, [...replicatesTo]])).toEqual([
      ["a", [["b", "key-b"]]],
      ["b", []],
    ]);
  });
});
