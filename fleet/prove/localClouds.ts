import type { S3Client } from "@aws-sdk/client-s3";
import { awsAnswer } from "../../sandbox/api/aws";
import { cloudflareAnswer } from "../../sandbox/api/cloudflare";
import { kubernetesObjects } from "../../sandbox/api/kubernetes";
import type { LocalCloud } from "../../sandbox/cloud/client";
import { connectLive, type LiveConnection } from "../../sandbox/live/client";
import type { AgentStatus, LiveStatus } from "../../sandbox/live/status";
import { NotCheckable } from "../checks/checkResult";
import { liveDirectory } from "../local/live";
import { localS3 } from "../local/localS3";
import type { Health } from "../rollout/gate";
import type { Session } from "../stacks/session";
import type { StackOutputs } from "../stacks/stackOutputs";
import type { Clouds, Kind, KubernetesObject } from "./clouds";

const NOT_LIVE = "the live processes are not running: start them with `up --local --live`";

/** Clouds implementation for the local fleet. Calls that it does not emulate throw NotCheckable. */
export class LocalClouds implements Clouds {
  private client: S3Client | undefined;

  private constructor(
    private readonly cloud: LocalCloud,
    private readonly outputs: StackOutputs,
    private readonly live?: { readonly connection: LiveConnection; readonly status: LiveStatus },
  ) {}

  static async open({ cloud, options }: Session, outputs: StackOutputs): Promise<LocalClouds> {
    if (!cloud) throw new Error("internal error: the local clouds need a local cloud");
    const connection = await connectLive(liveDirectory(options.directory));
    return new LocalClouds(cloud, outputs, connection && { connection, status: await connection.status() });
  }

  async aws(awsRegion: string, service: string, operation: string, input: object = {}): Promise<unknown> {
    const resources = await this.cloud.resources({ clear: true });
    const answer = awsAnswer(resources, awsRegion, service, operation, { ...input });
    if (answer === undefined)
      throw new NotCheckable(`the local cloud does not emulate \`aws ${service} ${operation}\``);
    return answer;
  }

  async objects(region: string, kind: Kind): Promise<readonly KubernetesObject[]> {
    const cluster = this.outputs.regions.get(region)?.clusterName ?? "";
    const found = kubernetesObjects(await this.cloud.resources(), cluster, kind);
    if (!found) throw new NotCheckable(`a local cluster has no ${kind}`);
    return found;
  }

  async refusal(): Promise<never> {
    throw new NotCheckable(
      "a local cluster admits every object: `npm run test:cluster` tests admission on a real API server",
    );
  }

  async mayDo(): Promise<never> {
    throw new NotCheckable(
      "a local cluster has no permissions: `npm run test:cluster` tests them on a real API server",
    );
  }

  async inLangFlow(): Promise<never> {
    throw new NotCheckable("a local pod is a process on this machine, without network policies and roles");
  }

  async evict(): Promise<never> {
    throw new NotCheckable("a local region has one LangFlow pod, so no pod can take over during an eviction");
  }

  async reach(region: string): Promise<string> {
    const url = this.running().status.regions.find((each) => each.region === region)?.url;
    if (url === undefined) throw new Error(`LangFlow of ${region} has no address: check it with \`status --local\``);
    return url;
  }

  async agent(region: string): Promise<AgentStatus> {
    const { processes } = this.running().status;
    return processes.find((each) => each.region === region && each.agent)?.agent ?? {};
  }

  async connects(): Promise<never> {
    throw new NotCheckable("the local cloud has no public load balancers");
  }

  async signature(): Promise<never> {
    throw new NotCheckable("the local fleet has no signed images");
  }

  s3(): S3Client {
    const { status } = this.running();
    this.client ??= localS3(status);
    return this.client;
  }

  async cloudflare(path: string): Promise<unknown> {
    return cloudflareAnswer(await this.cloud.resources(), path);
  }

  async poolHealth(poolId: string): Promise<Health> {
    const { pools } = await this.running().connection.balancer();
    const pool = pools.find(({ id }) => id === poolId);
    if (pool?.healthy === undefined) return { healthy: false, said: "no probe has run yet" };
    return { healthy: pool.healthy, said: pool.healthy ? "its probes succeed" : "its probes fail" };
  }

  async publicly(url: string): Promise<string> {
    const { balancer } = this.running().status;
    if (!balancer || new URL(url).hostname !== balancer.hostname)
      throw new NotCheckable(`the local fleet does not serve ${new URL(url).hostname}`);
    return balancer.url;
  }

  async close(): Promise<void> {
    this.client?.destroy();
  }

  private running() {
    if (!this.live) throw new NotCheckable(NOT_LIVE);
    return this.live;
  }
}
