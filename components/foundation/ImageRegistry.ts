import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { regionTags, typeToken } from "../../model/names";

export interface ImageRegistryArgs {
  /** The fleet's name for the region, for example us-east. */
  region: string;
  /** The AWS region of the repositories. A change replaces them. */
  awsRegion: string;
  /** Names of the repositories, for example `langflow`; the same in every region. Renaming replaces a repository. */
  repositories: string[];
  /** ARN of the region's KMS key. A change replaces the repositories. */
  keyArn: pulumi.Input<string>;
}

/** Days after which an untagged image is deleted. */
const UNTAGGED_DAYS = 14;

/**
 * Lifecycle policy that expires only untagged images. Tags are immutable, so an image that was pushed with a version
 * tag keeps it, and its digest remains available for running pods and rollbacks. (ECR never expires the parts of a
 * tagged image index.)
 */
const LIFECYCLE = JSON.stringify({
  rules: [
    {
      rulePriority: 1,
      description: `untagged images go after ${UNTAGGED_DAYS} days`,
      selection: {
        tagStatus: "untagged",
        countType: "sinceImagePushed",
        countUnit: "days",
        countNumber: UNTAGGED_DAYS,
      },
      action: { type: "expire" },
    },
  ],
});

/**
 * Image repositories of one region. Each region creates its own repositories, because repositories that ECR replication
 * creates have mutable tags, no scanning and a different key, and because ECR does not replicate settings and policies.
 */
export class ImageRegistry extends pulumi.ComponentResource {
  /** Host name of the registry, for example 123456789012.dkr.ecr.us-east-1.amazonaws.com. */
  readonly registry: pulumi.Output<string>;

  /** @throws Error if `repositories` is empty: the registry's host comes from a repository's URL */
  constructor(name: string, args: ImageRegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    const [first, ...others] = args.repositories;
    if (first === undefined) throw new Error(`the image registry of ${args.region} has no repository`);
    super(typeToken("ImageRegistry"), name, args, opts);

    const make = (repository: string) => this.repository(`${name}-${repository}`, repository, args);
    const { repositoryUrl } = make(first);
    others.forEach(make);

    this.registry = repositoryUrl.apply((url) => url.split("/")[0] ?? url);
    this.registerOutputs({ registry: this.registry });
  }

  private repository(
    name: string,
    repositoryName: string,
    { region, awsRegion, keyArn }: ImageRegistryArgs,
  ): aws.ecr.Repository {
    const repository = new aws.ecr.Repository(
      name,
      {
        region: awsRegion,
        name: repositoryName,
        imageTagMutability: "IMMUTABLE",
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfigurations: [{ encryptionType: "KMS", kmsKey: keyArn }],
        tags: regionTags(region, repositoryName),
      },
      { parent: this, protect: true },
    );
    new aws.ecr.LifecyclePolicy(
      name,
      { region: awsRegion, repository: repository.name, policy: LIFECYCLE },
      { parent: this, deletedWith: repository },
    );
    return repository;
  }
}
