import { S3Client } from "@aws-sdk/client-s3";
import { DRILL_LOCK_KEY } from "../../formats/bucketKeys";
import { HTTP_PORT, NAMESPACE } from "../../model/langflow";
import { OBSERVABILITY_NAMESPACE, PORTS } from "../../model/observability";
import { run } from "../engine/run";
import { askPoolHealth } from "../rollout/poolHealth";
import { type Cluster, Clusters } from "../stacks/clusters";
import { type Project, regionStack } from "../stacks/project";
import type { Session } from "../stacks/session";
import { accessHeaders, lockRegion, type StackOutputs, stackOutputs } from "../stacks/stackOutputs";
import type { Backend, Pods, PoolVerdict, Restorable } from "./backend";
import { cloudFaults } from "./cloudFaults";
import type { Fault } from "./faults";
import type { LockObject } from "./lock";
import { keepIn, keysIn, lockObject } from "./objects";
import { restorableByRds } from "./restorable";

/**
 * Backend for a fleet on the clouds. It uses the tools an operator would use: `kubectl`, `aws` and Cloudflare's API.
 * Its permissions are those of the operator's credentials.
 */
export class CloudBackend implements Backend {
  private readonly verdicts = new Map<string, PoolVerdict>();
  private readonly clients = new Map<string, S3Client>();

  private constructor(
    readonly publicUrl: string,
    readonly apiKey: string,
    readonly accessHeaders: Readonly<Record<string, string>>,
    private readonly project: Project,
    private readonly outputs: StackOutputs,
    private readonly clusters: Clusters,
  ) {}

  static async open(session: Session, project: Project): Promise<CloudBackend> {
    const outputs = await stackOutputs(session, project);
    const secret = async (arn: string) => {
      const awsRegion = arn.split(":")[3] ?? "";
      const query = ["--query", "SecretString", "--output", "text"];
      return run("aws", ["secretsmanager", "get-secret-value", "--region", awsRegion, "--secret-id", arn, ...query]);
    };
    const apiKey = await secret(outputs.secrets.apiKey);
    const clusters = await Clusters.open(
      new Map([...outputs.regions.keys()].map((region) => [region, clusterOf(project, outputs, region)])),
    );
    const headers = await accessHeaders(session, outputs);
    return new CloudBackend(outputs.edge.url, apiKey, headers, project, outputs, clusters);
  }

  /** Returns no headers: on the clouds, a request's origin is this machine's location, whatever the headers claim. */
  from(): Record<string, string> {
    return {};
  }

  answeredBy(): undefined {
    return undefined;
  }

  reach(region: string): Promise<string> {
    return this.clusters.tunnel(region, NAMESPACE, `deployment/langflow-${region}`, HTTP_PORT);
  }

  async prometheus(region: string): Promise<string | undefined> {
    const isWatched = [...this.project.stacks.values()].some(({ fleet }) => fleet.observability);
    if (!isWatched) return undefined;
    return this.clusters.tunnel(region, OBSERVABILITY_NAMESPACE, `deployment/prometheus-${region}`, PORTS.prometheus);
  }

  async pools(): Promise<ReadonlyMap<string, PoolVerdict>> {
    for (const [region, id] of Object.entries(this.outputs.edge.pools)) {
      const { healthy } = await askPoolHealth(this.accountId, id);
      const { enabled } = await this.faults().pool(region);
      const known = this.verdicts.get(region);
      if (known?.healthy === healthy && known.enabled === enabled) continue;
      this.verdicts.set(region, { healthy, enabled, since: Date.now() });
    }
    return this.verdicts;
  }

  async troubles(): Promise<string[]> {
    const pools = await this.pools();
    const found = [...pools]
      .filter(([, { healthy, enabled }]) => !healthy || !enabled)
      .map(([region, { enabled }]) => `the pool of ${region} is ${enabled ? "not healthy" : "disabled"}`);
    for (const region of this.outputs.regions.keys()) {
      const said = await this.kubectl(region, ["get", "deployments", "-o", "json"]);
      const { items } = JSON.parse(said) as {
        items: { metadata: { name: string }; status: { readyReplicas?: number; replicas?: number } }[];
      };
      for (const { metadata, status } of items)
        if (!status.readyReplicas || status.readyReplicas !== status.replicas)
          found.push(
            `${region} ${metadata.name} has ${status.readyReplicas ?? 0} of ${status.replicas ?? 0} pods ready`,
          );
    }
    return found;
  }

  /** Returns nothing: `planOf` already checks every requirement of a cloud fault against the config. */
  async lacks(): Promise<string[]> {
    return [];
  }

  async pods(region: string): Promise<Pods> {
    const name = `langflow-${region}`;
    const asked = ["get", `deployment/${name}`, `horizontalpodautoscaler.autoscaling/${name}`, "-o", "json"];
    const { items } = JSON.parse(await this.kubectl(region, asked)) as {
      items: [
        { status?: { readyReplicas?: number } },
        { spec: { maxReplicas: number }; status?: { desiredReplicas?: number } },
      ];
    };
    // `kubectl` returns the items in the order of the request.
    const [deployment, autoscaler] = items;
    return {
      ready: deployment.status?.readyReplicas ?? 0,
      wanted: autoscaler.status?.desiredReplicas ?? 0,
      most: autoscaler.spec.maxReplicas,
    };
  }

  async restorable(region: string): Promise<Restorable> {
    const { backupRegion, awsRegion } = regionStack(this.project, region).region;
    const from = {
      region,
      awsRegion,
      backupRegion,
      identifier: this.outputs.regions.get(region)?.databaseIdentifier ?? "",
      backupAwsRegion: awsRegionOf(this.project, backupRegion),
    };
    return restorableByRds(from, (args) => run("aws", args));
  }

  /** Does nothing: no fault needs more than a fleet on the clouds already has. */
  async prepare(): Promise<void> {}

  takeAway(fault: Fault, region: string): Promise<void> {
    return this.faults().takeAway(fault, region);
  }

  putBack(fault: Fault, region: string): Promise<void> {
    return this.faults().putBack(fault, region);
  }

  keys(region: string, prefix: string): Promise<ReadonlyMap<string, number>> {
    return keysIn(this.s3(region), this.bucket(region), prefix);
  }

  keep(region: string, key: string, contents: string): Promise<string> {
    return keepIn(this.s3(region), this.bucket(region), key, contents);
  }

  lockObject(): LockObject {
    const region = lockRegion(this.outputs);
    return lockObject(this.s3(region), this.bucket(region), DRILL_LOCK_KEY);
  }

  async close(): Promise<void> {
    for (const client of this.clients.values()) client.destroy();
    this.clusters.close();
  }

  private bucket(region: string): string {
    return this.outputs.foundation.regions[region]?.bucketName ?? "";
  }

  private s3(region: string): S3Client {
    const client = this.clients.get(region) ?? new S3Client({ region: awsRegionOf(this.project, region) });
    this.clients.set(region, client);
    return client;
  }

  private get accountId(): string {
    return [...this.project.stacks.values()][0]?.fleet.cloudflareAccountId ?? "";
  }

  private faults() {
    return cloudFaults({
      accountId: this.accountId,
      pools: this.outputs.edge.pools,
      regions: [...this.outputs.regions.keys()],
      replicas: (region) => {
        const config = this.project.stacks.get(region);
        return config?.kind === "region" ? config.own.replicas.min : 2;
      },
      database: (region) => ({
        identifier: this.outputs.regions.get(region)?.databaseIdentifier ?? "",
        awsRegion: awsRegionOf(this.project, region),
      }),
      cluster: (region) => clusterOf(this.project, this.outputs, region),
      pause: (region) => ({
        templateId: this.outputs.foundation.regions[region]?.replicationPauseId,
        awsRegion: awsRegionOf(this.project, region),
      }),
      kubectl: (region, args) => this.kubectl(region, args),
      aws: (args) => run("aws", args),
    });
  }

  private kubectl(region: string, args: readonly string[]): Promise<string> {
    return this.clusters.kubectl(region, ["--namespace", NAMESPACE, ...args]);
  }
}

const clusterOf = (project: Project, { regions }: StackOutputs, region: string): Cluster => ({
  awsRegion: awsRegionOf(project, region),
  clusterName: regions.get(region)?.clusterName ?? "",
});

const awsRegionOf = (project: Project, region: string): string => regionStack(project, region).region.awsRegion;
