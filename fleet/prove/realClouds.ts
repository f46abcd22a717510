import { connect } from "node:net";
import { S3Client } from "@aws-sdk/client-s3";
import { AGENT_METRICS_PORT } from "../../formats/agentEndpoints";
import { HTTP_PORT, NAMESPACE } from "../../model/langflow";
import { type AgentStatus, agentStatusOf } from "../../sandbox/live/status";
import { run } from "../engine/run";
import { unsigned } from "../image/cosign";
import type { Health } from "../rollout/gate";
import { askPoolHealth } from "../rollout/poolHealth";
import { Clusters, TunnelFailed } from "../stacks/clusters";
import type { StackOutputs } from "../stacks/stackOutputs";
import type { RegionStack } from "./assumption";
import type { Clouds, Kind, KubernetesObject } from "./clouds";

const ANSWER_MS = 15_000;
/**
 * Connection timeout. A load balancer whose security group denies the connection drops its packets without a response.
 */
const SILENCE_MS = 5_000;

export interface RealCloudsOptions {
  readonly regions: readonly RegionStack[];
  readonly outputs: StackOutputs;
  readonly signal: AbortSignal;
}

/**
 * Clouds implementation with the operator's own tools and credentials: `aws`, `kubectl`, `cosign`, and Cloudflare's
 * API.
 */
export class RealClouds implements Clouds {
  private readonly clients = new Map<string, S3Client>();

  private constructor(
    private readonly options: RealCloudsOptions,
    private readonly clusters: Clusters,
  ) {}

  static async open(options: RealCloudsOptions): Promise<RealClouds> {
    const clusters = options.regions.flatMap(({ region: { name, awsRegion } }) => {
      const clusterName = options.outputs.regions.get(name)?.clusterName;
      return clusterName === undefined ? [] : [[name, { awsRegion, clusterName }] as const];
    });
    return new RealClouds(options, new Clusters(new Map(clusters)));
  }

  async aws(awsRegion: string, service: string, operation: string, input: object = {}): Promise<unknown> {
    const { signal } = this.options;
    const args = [service, operation, "--region", awsRegion, "--output", "json"];
    try {
      const said = await run("aws", [...args, "--cli-input-json", JSON.stringify(input)], { signal });
      // The CLI prints nothing for an empty response.
      return JSON.parse(said || "{}");
    } catch (error) {
      throw named(error as Error);
    }
  }

  async objects(region: string, kind: Kind): Promise<readonly KubernetesObject[]> {
    const listed = this.clusters.kubectl(region, ["get", kind, "-A", "-o", "json"]);
    return JSON.parse(await listed.catch(refusedByCluster)).items;
  }

  async refusal(region: string, manifest: object): Promise<string | undefined> {
    try {
      await this.clusters.kubectl(region, ["create", "--dry-run=server", "-f", "-"], manifest);
      return undefined;
    } catch (error) {
      const said = (error as Error).message;
      // With any other error the cluster did not evaluate the object.
      if (!/denied request|forbidden/i.test(said)) throw error;
      return said;
    }
  }

  async mayDo(region: string, group: string, verb: string, kind: string): Promise<boolean> {
    const [resource, apiGroup = ""] = kind.split(".");
    const review = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: { user: "prove", groups: [group], resourceAttributes: { verb, group: apiGroup, resource } },
    };
    const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    const said = await this.clusters.kubectl(region, ["create", "--raw", path, "-f", "-"], review);
    return JSON.parse(said).status.allowed === true;
  }

  inLangFlow(region: string, program: string): Promise<string> {
    const args = ["exec", "--namespace", NAMESPACE, `deployment/langflow-${region}`, "--container", "langflow"];
    return this.clusters.kubectl(region, [...args, "--", "python", "-c", program]);
  }

  async evict(region: string, pod: string): Promise<void> {
    const path = `/api/v1/namespaces/${NAMESPACE}/pods/${pod}/eviction`;
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: pod, namespace: NAMESPACE } };
    await this.clusters.kubectl(region, ["create", "--raw", path, "-f", "-"], eviction);
    const gone = ["wait", "--namespace", NAMESPACE, "--for=delete", `pod/${pod}`, "--timeout=10m"];
    await this.clusters.kubectl(region, gone);
  }

  reach(region: string): Promise<string> {
    return this.tunnel(region, `langflow-${region}`, HTTP_PORT);
  }

  async agent(region: string): Promise<AgentStatus> {
    const url = await this.tunnel(region, `flow-sync-${region}`, AGENT_METRICS_PORT);
    const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
    return agentStatusOf(await answer.text());
  }

  connects(host: string, port: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, timeout: SILENCE_MS });
      const end = (connected: boolean) => {
        socket.destroy();
        resolve(connected);
      };
      socket.once("connect", () => end(true));
      socket.once("timeout", () => end(false));
      // Without a DNS answer no connection was attempted.
      socket.once("error", (error: NodeJS.ErrnoException) =>
        error.code === "ENOTFOUND" || error.code === "EAI_AGAIN" ? reject(error) : end(false),
      );
    });
  }

  signature(image: string, signer: string): Promise<string | undefined> {
    return unsigned(image, signer, this.options.signal);
  }

  s3(awsRegion: string): S3Client {
    const client = this.clients.get(awsRegion) ?? new S3Client({ region: awsRegion });
    this.clients.set(awsRegion, client);
    return client;
  }

  async cloudflare(path: string): Promise<unknown> {
    const { Cloudflare }: typeof import("cloudflare") = require("cloudflare");
    const answer = (await new Cloudflare({ timeout: ANSWER_MS }).get(path)) as { readonly result: unknown };
    return answer.result;
  }

  poolHealth(poolId: string): Promise<Health> {
    const accountId = this.options.regions[0]?.fleet.cloudflareAccountId ?? "";
    return askPoolHealth(accountId, poolId);
  }

  async publicly(url: string): Promise<string> {
    return url;
  }

  async close(): Promise<void> {
    for (const client of this.clients.values()) client.destroy();
    this.clusters.close();
  }

  private tunnel(region: string, deployment: string, port: number): Promise<string> {
    return this.clusters.tunnel(region, NAMESPACE, `deployment/${deployment}`, port).catch(refusedByCluster);
  }
}

/** Errors of an API server that is unreachable or overloaded (Kubernetes API, `Status.reason`). */
const UNAVAILABLE =
  /Unable to connect to the server|Error from server \((?:ServiceUnavailable|Timeout|ServerTimeout|TooManyRequests|InternalError)\)/;

/**
 * Rethrows an error of kubectl with the name of its cause: the API server's, or AWS' if kubectl could not get a token.
 */
function refusedByCluster(error: Error): never {
  if (error.message.includes("(Forbidden)")) throw Object.assign(error, { name: "Forbidden" });
  if (error.message.includes("(Unauthorized)")) throw Object.assign(error, { name: "CredentialsProviderError" });
  const isAnswered = /Error from server \(|An error occurred \(/.test(error.message);
  if (UNAVAILABLE.test(error.message) || (error instanceof TunnelFailed && !isAnswered))
    throw Object.assign(error, { name: "TimeoutError" });
  throw named(error);
}

/**
 * Gives an error of the AWS CLI the name in its message: `An error occurred (AccessDenied) when calling the …
 * operation: …`.
 */
function named(error: Error): Error {
  const [, name, message] = /An error occurred \((\w+)\) when calling (.*)/s.exec(error.message) ?? [];
  if (name !== undefined) return Object.assign(new Error(message), { name });
  if (/Unable to locate credentials|Token has expired|SSO session/i.test(error.message))
    return Object.assign(error, { name: "CredentialsProviderError" });
  // Messages of botocore (EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError).
  if (/Could not connect to the endpoint URL|(Connect|Read) timeout on endpoint URL/.test(error.message))
    return Object.assign(error, { name: "TimeoutError" });
  return error;
}
