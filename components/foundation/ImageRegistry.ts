import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { regionTags, typeToken } from "../../model/names";

export interface ImageRegistryArgs {
  /** Our name of the region, for example us-east. */
  region: string;
  /** The AWS region of the repositories. A change replaces them. */
  awsRegion: string;
  /** Repositories below the registry, for example `langflow`; the same in every region. A rename replaces one. */
  repositories: string[];
  /** The region's key. A change replaces the repositories. */
  keyArn: pulumi.Input<string>;
}

/** Days after which an image that lost its last tag, or never had one, is deleted. */
const UNTAGGED_DAYS = 14;

/**
 * Only untagged images expire. Tags are immutable, so whatever was pushed with a version keeps it, and a digest that
 * still runs somewhere, or is wanted back, is always there. (ECR never expires the parts of a tagged image index.)
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
 * One region's image repositories. Each region makes its own, because a repository that replication makes by itself
 * has mutable tags, no scan and another key, and because settings and policies are never replicated.
 */
export class ImageRegistry extends pulumi.ComponentResource {
  /** Host of the registry, for example 123456789012.dkr.ecr.us-east-1.amazonaws.com. */
  readonly registry: pulumi.Output<string>;

  /** @throws Error without a repository, whose address tells the registry's host */
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
