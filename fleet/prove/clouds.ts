import type { S3Client } from "@aws-sdk/client-s3";
import type { AgentStatus } from "../../sandbox/live/status";
import type { Health } from "../rollout/gate";

/** A Kubernetes object as an API server gives it; what lies in it is read by who asks for it. */
export interface KubernetesObject {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
  readonly status?: unknown;
}

/** Kinds as `kubectl get` names them. */
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
 * The clouds a fleet stands on, as their own APIs answer. A method throws NotHere where these clouds cannot be asked
 * such a thing at all.
 */
export interface Clouds {
  /**
   * An operation of AWS that only reads.
   *
   * @param service as the AWS CLI names it, for example `s3api`
   * @param operation for example `get-bucket-versioning`
   * @param input its parameters by the names of the service's API
   */
  aws(awsRegion: string, service: string, operation: string, input?: object): Promise<unknown>;
  /** All objects of a kind in a region's cluster. */
  objects(region: string, kind: Kind): Promise<readonly KubernetesObject[]>;
  /** What a region's cluster has against an object, were it made; undefined: nothing. It is not made. */
  refusal(region: string, manifest: object): Promise<string | undefined>;
  /**
   * Whether a member of a group may do something to a kind, in all namespaces.
   *
   * @param kind with its API group, for example `deployments.apps`
   */
  mayDo(region: string, group: string, verb: string, kind: string): Promise<boolean>;
  /** What a Python program prints that runs inside a pod of LangFlow. */
  inLangFlow(region: string, program: string): Promise<string>;
  /** Evicts a pod of LangFlow as a node that is drained does, and waits until it is gone. */
  evict(region: string, pod: string): Promise<void>;
  /** Where a region's LangFlow is reached from here, past its entrance. */
  reach(region: string): Promise<string>;
  /** What the metrics of a region's agent say. */
  agent(region: string): Promise<AgentStatus>;
  /** Whether a connection to that host and port is made from here. */
  connects(host: string, port: number): Promise<boolean>;
  /** What is wrong with an image's signature, `host/repository@digest` by an identity; undefined: nothing. */
  signature(image: string, signer: string): Promise<string | undefined>;
  /** The store of a region's flow bucket. */
  s3(awsRegion: string): S3Client;
  /** `result` of a GET below Cloudflare's `/client/v4`. */
  cloudflare(path: string): Promise<unknown>;
  /** What Cloudflare's probes say of a pool. */
  poolHealth(poolId: string): Promise<Health>;
  /** Address that stands for a public one, for example `https://langflow.example.com`. */
  publicly(url: string): Promise<string>;
  close(): Promise<void>;
}
