import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CloudResource } from "../../sandbox/cloud/client";
import { CloudError } from "../../sandbox/providers/shared/errors";
import { type Definition, Provider } from "../../sandbox/providers/shared/provider";
import { Store } from "../../sandbox/resources/store";
import type { Properties } from "../../sandbox/resources/values";

const folders: string[] = [];

/** Creates a temporary folder, which is deleted after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "local-cloud-"));
  folders.push(folder);
  return folder;
}

export function removeTemporaryFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Returns a stored resource. @param rest fields that differ from those derived from type and id */
export function storedResource(
  type: string,
  id: string,
  properties: object,
  rest: Partial<CloudResource> = {},
): CloudResource {
  return {
    key: id,
    provider: type.split(":")[0] ?? "",
    type,
    scope: "",
    id,
    name: id,
    urn: `urn:pulumi:us-east::langflow-dr::${type}::${id}`,
    inputs: {},
    properties: { ...properties },
    ...rest,
  };
}

/** Calls one provider of a cloud as the engine does, with few arguments. */
export class Hand {
  readonly provider: Provider;

  constructor(
    readonly definition: Definition,
    readonly cloud: Store = Store.open(temporaryFolder()),
    readonly configuration: Properties = { region: "us-east-1" },
  ) {
    this.provider = new Provider(definition, cloud);
  }

  target(type: string, name: string) {
    return { type, name, urn: `urn:pulumi:dev::langflow-dr::${type}::${name}` };
  }

  check(type: string, news: Properties, name = "one", olds: Properties = {}) {
    return this.provider.check(this.configuration, this.target(type, name), olds, news, new Uint8Array([1, 2, 3]));
  }

  /** Returns the problems that a check finds in some inputs. */
  problems(type: string, news: Properties): string[] {
    return this.check(type, news).problems.map(({ property, reason }) => `${property}: ${reason}`);
  }

  /** Checks and creates a resource. Fails if the check finds a problem. */
  async create(type: string, news: Properties, name = "one", { preview = false, timeoutSeconds = 0 } = {}) {
    const { inputs, problems } = this.check(type, news, name);
    if (problems.length > 0) throw new Error(problems.map(({ reason }) => reason).join("; "));
    const made = await this.provider.create(
      this.configuration,
      this.target(type, name),
      inputs,
      preview,
      timeoutSeconds,
    );
    return { inputs, ...made };
  }

  update(type: string, id: string, olds: Properties, news: Properties, state: Properties = {}, preview = false) {
    return this.provider.update(this.configuration, this.target(type, "one"), id, state, olds, news, preview);
  }

  read(type: string, id: string, state: Properties = {}) {
    return this.provider.read(this.configuration, this.target(type, "one"), id, state, {});
  }

  delete(type: string, id: string, state: Properties = {}) {
    return this.provider.delete(this.configuration, this.target(type, "one"), id, state);
  }

  /** Returns the paths that differ. A path that causes a replacement ends with `!`. */
  diff(type: string, olds: Properties, news: Properties): string[] {
    return this.provider
      .diff(this.configuration, type, olds, news)
      .changes.map(({ path, replaces }) => (replaces ? `${path}!` : path));
  }
}

export const TYPES = {
  bucket: "aws:s3/bucket:Bucket",
  versioning: "aws:s3/bucketVersioning:BucketVersioning",
  replication: "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
  role: "aws:iam/role:Role",
  cluster: "aws:eks/cluster:Cluster",
  vpc: "aws:ec2/vpc:Vpc",
  subnet: "aws:ec2/subnet:Subnet",
  secret: "aws:secretsmanager/secret:Secret",
  secretVersion: "aws:secretsmanager/secretVersion:SecretVersion",
  database: "aws:rds/instance:Instance",
  logGroup: "aws:cloudwatch/logGroup:LogGroup",
} as const;

/** Returns a value with the mark that the engine gives to secrets. */
export const secret = (value: unknown) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});

/** Returns a policy that lets one service assume a role. */
export const trust = (service: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  });

/** Returns the message with which the cloud rejects a call. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CloudError)) throw new Error(`expected the cloud to refuse, got ${error}`);
  return error.message;
}

/** Creates subnets, and returns the inputs of a cluster in Auto Mode that uses them. */
export async function clusterInputs(hand: Hand): Promise<Properties> {
  const role = await hand.create(TYPES.role, { name: "cluster", assumeRolePolicy: trust("eks.amazonaws.com") });
  const vpc = await hand.create(TYPES.vpc, { cidrBlock: "10.0.0.0/16" });
  const subnets = await Promise.all(
    ["a", "b"].map((zone, index) =>
      hand.create(
        TYPES.subnet,
        { vpcId: vpc.id, cidrBlock: `10.0.${index}.0/24`, availabilityZone: `us-east-1${zone}` },
        zone,
      ),
    ),
  );
  return {
    name: "cluster",
    roleArn: role.properties.arn,
    bootstrapSelfManagedAddons: false,
    computeConfig: { enabled: true },
    kubernetesNetworkConfig: { elasticLoadBalancing: { enabled: true } },
    storageConfig: { blockStorage: { enabled: true } },
    vpcConfig: { subnetIds: subnets.map(({ id }) => id) },
  };
}
