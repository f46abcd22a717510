import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";

export interface ImageReplicationArgs {
  /** Our name of the region images are pushed to. */
  region: string;
  /** The AWS region images are pushed to. A change replaces the replication. */
  awsRegion: string;
  /** AWS regions images are copied to, 1 to 25, never `awsRegion` itself. */
  destinations: string[];
  /** Repositories that are copied, at most 100; ECR matches by prefix, so `langflow` also matches `langflow-agent`. */
  repositories: string[];
  /** Account of both ends. */
  accountId: pulumi.Input<string>;
}

/** Most destinations of a replication rule (ECR API reference, ReplicationRule). */
const DESTINATIONS_MAX = 25;

/**
 * Copies every image pushed to the build region into the others' registries. One rule: ECR knows one replication
 * configuration a registry and region, which this takes over whole. Only later pushes are copied, and copies are not
 * copied on; so every region must be a destination here, and its repositories must be there before the first push.
 */
export class ImageReplication extends pulumi.ComponentResource {
  /** @throws Error where ECR's limits are passed, or an image would be copied onto itself */
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
    throw new Error(`ECR copies to 1 to ${DESTINATIONS_MAX} regions, not to ${destinations.length}`);
  if (destinations.includes(awsRegion)) throw new Error(`images of ${awsRegion} cannot be copied to ${awsRegion}`);
  return args;
}
