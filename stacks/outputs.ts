import type * as pulumi from "@pulumi/pulumi";
import type { ServiceToken } from "../model/access/serviceTokens";
import type { SharedSecretArns } from "../model/secrets";

/** Outputs while they are being made: each part may still be unknown, and none holds up another. */
export type Pending<T> = T extends object ? { [Key in keyof T]: Pending<T[Key]> } : pulumi.Input<T>;

/** What the foundation stack hands to one region. Nothing here is secret: secrets travel as ARNs. */
export interface FoundationRegion {
  /** The region's own KMS key. */
  readonly keyArn: string;
  /** Host of the region's image registry, for example 123456789012.dkr.ecr.us-east-1.amazonaws.com. */
  readonly registry: string;
  /** The region's flow bucket. */
  readonly bucketName: string;
  readonly bucketArn: string;
  /** The public name's certificate in this region, validated. */
  readonly certificateArn: string;
  /** The certificate of the name that `hostname` had before; absent where the config says none. */
  readonly formerCertificateArn?: string;
  /** The certificate of the region's webhook; absent where the config has none. */
  readonly webhookCertificateArn?: string;
  /** AWS FIS' template that pauses what leaves the bucket, for a drill; absent where the config has no experiments. */
  readonly replicationPauseId?: string;
  /** The region's replica of each shared secret. */
  readonly secretArns: SharedSecretArns;
}

/** The bucket that says which region holds the schedules. */
export interface FoundationWitness {
  /** The AWS region of the bucket, none of the fleet's. */
  readonly awsRegion: string;
  readonly bucketName: string;
  readonly bucketArn: string;
}

export interface FoundationOutputs {
  readonly regions: Readonly<Record<string, FoundationRegion>>;
  /** The permissions boundary of every role. */
  readonly boundaryArn: string;
  /** Absent where the config has no witness. */
  readonly witness?: FoundationWitness;
  /** Environment variables found in the provider keys' secret, so that a pod can name them; never their values. */
  readonly providerKeyNames: readonly string[];
  /** Names found in the alerting secrets, so that a pod can name them; never their values. Absent where there are none. */
  readonly alertingSecretNames?: readonly string[];
  /** Role that CI deploys with; absent where the config names no repository. */
  readonly deployRoleArn?: string;
  /** Role that CI previews pull requests with. */
  readonly previewRoleArn?: string;
  /** Role that CI checks for drift with. */
  readonly driftRoleArn?: string;
  /** Role that CI pushes and signs images with. */
  readonly imageRoleArn?: string;
}

/** What a region stack hands to the edge, and to people. */
export interface RegionOutputs {
  /** The public name that the region answers to. Absent in a region that an earlier release deployed. */
  readonly hostname?: string;
  /** Host name of the region's public load balancer: the pool's one origin. */
  readonly originHostname: string;
  readonly clusterName: string;
  readonly databaseIdentifier: string;
  /** The image that runs, by digest. */
  readonly image: string;
  /** The agent's image, in the same form. */
  readonly agentImage: string;
  /** Host name of the webhook's load balancer; absent where the config has no webhook. */
  readonly webhookHostname?: string;
  /** Public addresses of the NAT gateways, which other regions' health checks come from; absent where nothing is observed. */
  readonly egressAddresses?: readonly string[];
}

export interface EdgeOutputs {
  /** https://hostname */
  readonly url: string;
  /** Seconds from a region's death until the world is steered away, by the monitor's numbers. */
  readonly expectedFailoverSeconds: number;
  /** Pool id a region. */
  readonly pools: Readonly<Record<string, string>>;
  /** Pool id of the LangFlow that is moved from; absent where there is none. */
  readonly oldPool?: string;
  /** Where the Git host posts to, a region; absent where the config has no webhook. */
  readonly webhooks?: Readonly<Record<string, string>>;
  /** By name, the fleet's own among them, each with a secret; absent where the config has no access. */
  readonly serviceTokens?: Readonly<Record<string, ServiceToken>>;
}
