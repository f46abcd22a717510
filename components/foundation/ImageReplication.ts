import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";

export interface ImageReplicationArgs {
  /** The fleet's name for the region that images are pushed to. */
  region: string;
  /** The AWS region that images are pushed to. A change replaces the replication. */
  awsRegion: string;
  /** AWS regions that images are copied to: 1 to 25, without `awsRegion` itself. */
  destinations: string[];
  /** Repositories to copy, at most 100. ECR matches by prefix, so `langflow` also matches `langflow-agent`. */
  repositories: string[];
  /** AWS account of the source and of all destinations. */
  accountId: pulumi.Input<string>;
}

/** Maximum number of destinations in a replication rule (ECR API reference, ReplicationRule). */
const DESTINATIONS_MAX = 25;

/**
 * Copies every image that is pushed to the build region to the other regions' registries. ECR has a single replication
 * configuration per registry and region, and this component replaces it entirely. ECR copies only images that are
 * pushed later, and does not copy replicas further. Therefore every region must be a destination, and its repositories
 * must exist before the first push.
 */
export class ImageReplication extends pulumi.ComponentResource {
  /** @throws Error if the number of destinations exceeds ECR's limits, or if a destination is the source itself */
  constructor(name: string, args: ImageReplicationArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("ImageReplication"), name, checked(args), opts);

    const { awsRegion, destinations, repositories, accountId } = args;
    new aws.ecr.ReplicationConfiguration(
      name,
      {
        region: awsRegion,
        replicationConfiguration: {
          rules: [
            {
              destinations: destinations.map((region) => ({ region, registryId: accountId })),
              repositoryFilters: repositories.map((filter) => ({ filter, filterType: "PREFIX_MATCH" })),
            },
          ],
        },
      },
      { parent: this, dependsOn: opts?.dependsOn },
    );
    this.registerOutputs({});
  }
}

function checked(args: ImageReplicationArgs): ImageReplicationArgs {
  const { awsRegion, destinations } = args;
  if (destinations.length < 1 || destinations.length > DESTINATIONS_MAX)
    throw new Error(`ECR can replicate to 1 to ${DESTINATIONS_MAX} regions, not to ${destinations.length}`);
  if (destinations.includes(awsRegion)) throw new Error(`ECR cannot replicate images from ${awsRegion} to itself`);
  return args;
}
