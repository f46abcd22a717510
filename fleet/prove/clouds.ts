import type { S3Client } from "@aws-sdk/client-s3";
import type { AgentStatus } from "../../sandbox/live/status";
import type { Health } from "../rollout/gate";

/** A Kubernetes object as the API server returns it. Callers validate its spec and status. */
export interface KubernetesObject {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
  readonly status?: unknown;
}

/** Resource kinds, as `kubectl get` names them. */
export type Kind =
  | "clusterroles"
  | "cronjobs.batch"
  | "csidrivers.storage.k8s.io"
  | "deployments.apps"
  | "horizontalpodautoscalers.autoscaling"
  | "nodes"
  | "persistentvolumeclaims"
  | "pods"
  | "services"
  | "validatingadmissionpolicies.admissionregistration.k8s.io"
  | "validatingadmissionpolicybindings.admissionregistration.k8s.io";

/**
 * The APIs of a fleet's clouds. A method throws NotCheckable if these clouds have nothing that could answer, for
 * example if the fleet is local.
 */
export interface Clouds {
  /**
   * Calls a read-only operation of AWS.
   *
   * @param service name in the AWS CLI, for example `s3api`
   * @param operation name in the AWS CLI, for example `get-bucket-versioning`
   * @param input parameters, with the names of the service's API
   */
  aws(awsRegion: string, service: string, operation: string, input?: object): Promise<unknown>;
  /** Returns all objects of a kind in a region's cluster. */
  objects(region: string, kind: Kind): Promise<readonly KubernetesObject[]>;
  /**
   * Returns the reason why a region's cluster would reject an object; undefined if it would admit it. Creates nothing.
   */
  refusal(region: string, manifest: object): Promise<string | undefined>;
  /**
   * Returns whether members of a group may use a verb on a kind, in all namespaces.
   *
   * @param kind including its API group, for example `deployments.apps`
   */
  mayDo(region: string, group: string, verb: string, kind: string): Promise<boolean>;
  /** Runs a Python program inside a LangFlow pod and returns its output. */
  inLangFlow(region: string, program: string): Promise<string>;
  /** Evicts a LangFlow pod, as draining its node would, and waits until the pod is deleted. */
  evict(region: string, pod: string): Promise<void>;
  /** Returns a URL of a region's LangFlow that bypasses the public entrance. */
  reach(region: string): Promise<string>;
  /** Reads the metrics of a region's agent. */
  agent(region: string): Promise<AgentStatus>;
  /** Returns whether this machine can connect to a host and port. */
  connects(host: string, port: number): Promise<boolean>;
  /**
   * Returns the problem with an image's signature; undefined if it is valid.
   *
   * @param image `host/repository@digest`
   * @param signer identity
   */
  signature(image: string, signer: string): Promise<string | undefined>;
  /** Returns an S3 client for a region's flow bucket. */
  s3(awsRegion: string): S3Client;
  /** Sends a GET request below Cloudflare's `/client/v4` and returns its `result`. */
  cloudflare(path: string): Promise<unknown>;
  /** Returns a pool's health according to Cloudflare's probes. */
  poolHealth(poolId: string): Promise<Health>;
  /** Returns the URL to use for a public one such as `https://langflow.example.com`; in a local fleet they differ. */
  publicly(url: string): Promise<string>;
  close(): Promise<void>;
}
