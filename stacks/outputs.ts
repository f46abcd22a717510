import type * as pulumi from "@pulumi/pulumi";
import type { ServiceToken } from "../model/access/serviceTokens";
import type { SharedSecretArns } from "../model/secrets";

/** Outputs of an unfinished deployment: each field can be unknown independently of the others. */
export type Pending<T> = T extends object ? { [Key in keyof T]: Pending<T[Key]> } : pulumi.Input<T>;

/** Outputs of the foundation stack for one region. None is secret: secrets are passed as ARNs. */
export interface FoundationRegion {
  /** ARN of the region's KMS key. */
  readonly keyArn: string;
  /** Host name of the region's image registry, for example 123456789012.dkr.ecr.us-east-1.amazonaws.com. */
  readonly registry: string;
  /** Name of the region's flow bucket. */
  readonly bucketName: string;
  readonly bucketArn: string;
  /** ARN of the public name's certificate in this region, validated. */
  readonly certificateArn: string;
  /** ARN of the previous public name's certificate; absent without `formerHostname` in the config. */
  readonly formerCertificateArn?: string;
  /** ARN of the webhook's certificate; absent without a webhook in the config. */
  readonly webhookCertificateArn?: string;
  /**
   * Id of the AWS FIS template that pauses the bucket's outgoing replication for a drill; absent without experiments in
   * the config.
   */
  readonly replicationPauseId?: string;
  /** ARNs of the region's replica of each shared secret. */
  readonly secretArns: SharedSecretArns;
}

/** Bucket that stores the lease of the schedules. */
export interface FoundationWitness {
  /** The AWS region of the bucket, outside the fleet's regions. */
  readonly awsRegion: string;
  readonly bucketName: string;
  readonly bucketArn: string;
}

export interface FoundationOutputs {
  readonly regions: Readonly<Record<string, FoundationRegion>>;
  /** ARN of every role's permissions boundary. */
  readonly boundaryArn: string;
  /** Witness of the schedules; absent without a witness in the config. */
  readonly witness?: FoundationWitness;
  /**
   * Names of the environment variables in the provider keys' secret, without values, so that a pod can reference them.
   */
  readonly providerKeyNames: readonly string[];
  /**
   * Names in the alerting secret, without values, so that a pod can reference them. Absent without alerting secrets.
   */
  readonly alertingSecretNames?: readonly string[];
  /** ARN of CI's role for deployments; absent without a repository in the config. */
  readonly deployRoleArn?: string;
  /** ARN of CI's role for previews of pull requests. */
  readonly previewRoleArn?: string;
  /** ARN of CI's role for drift checks. */
  readonly driftRoleArn?: string;
  /** ARN of CI's role for pushing and signing images. */
  readonly imageRoleArn?: string;
}

/** Outputs of a region stack, for the edge and for operators. */
export interface RegionOutputs {
  /** The public name that the region serves. Absent if an earlier release deployed the region. */
  readonly hostname?: string;
  /** Host name of the region's public load balancer, which is the pool's only origin. */
  readonly originHostname: string;
  readonly clusterName: string;
  readonly databaseIdentifier: string;
  /** Reference of the deployed LangFlow image, by digest. */
  readonly image: string;
  /** Reference of the deployed agent image, in the same format. */
  readonly agentImage: string;
  /** Host name of the webhook's load balancer; absent without a webhook in the config. */
  readonly webhookHostname?: string;
  /**
   * Public addresses of the NAT gateways, the source of this region's health checks of other regions; absent without
   * monitoring.
   */
  readonly egressAddresses?: readonly string[];
}

export interface EdgeOutputs {
  /** Public URL of the fleet: `https://hostname`. */
  readonly url: string;
  /**
   * Maximum expected seconds from a region's failure until Cloudflare sends all traffic elsewhere, according to the
   * monitor's settings.
   */
  readonly expectedFailoverSeconds: number;
  /** Pool ids by region. */
  readonly pools: Readonly<Record<string, string>>;
  /** Id of the old LangFlow's pool; absent without `movingFrom`. */
  readonly oldPool?: string;
  /** Webhook URLs by region, to configure at the Git host; absent without a webhook in the config. */
  readonly webhooks?: Readonly<Record<string, string>>;
  /** Service tokens by name, including the fleet's own, each with a secret; absent without access in the config. */
  readonly serviceTokens?: Readonly<Record<string, ServiceToken>>;
}
