import type * as pulumi from "@pulumi/pulumi";

/** Arguments that the components of all observability programs share. */
export interface ProgramArgs {
  /** The fleet's name for the region; part of the Deployment's name. A change replaces the Deployment. */
  region: string;
  /** Registry, repository and digest of the image. A change replaces the pod. */
  image: pulumi.Input<string>;
  /** Human-readable version of the image; a label. */
  version: string;
}

/** Arguments of programs that may call AWS. */
export interface AwsProgramArgs extends ProgramArgs {
  /** The fleet's name for the region; part of the names of the Deployment and the role. A change replaces both. */
  region: string;
  /** The AWS region. A change replaces the pod identity association. */
  awsRegion: string;
  /** Name of the cluster, for the pod identity. A change replaces the association. */
  clusterName: pulumi.Input<string>;
  /** The region's KMS key, which encrypts the secrets. */
  keyArn: pulumi.Input<string>;
}
