import {
  DescribeImagesCommand,
  type ECRClient,
  ImageNotFoundException,
  RepositoryNotFoundException,
} from "@aws-sdk/client-ecr";
import type { FleetConfig } from "../../config/schema";
import { ExitCode } from "../../model/errors";
import type { Image } from "../../model/images";
import { broken, type CheckResult, ok, together, warning } from "../checks/checkResult";

/** Checks that a region's registry has the configured image digests. */
export async function regionImages(
  ecr: ECRClient,
  { image, agentImage }: FleetConfig,
  isBuildRegion: boolean,
): Promise<CheckResult> {
  return together(await Promise.all([image, agentImage].map((each) => present(ecr, each, isBuildRegion))));
}

async function present(
  ecr: ECRClient,
  { repository, version, digest }: Image,
  isBuildRegion: boolean,
): Promise<CheckResult> {
  try {
    await ecr.send(new DescribeImagesCommand({ repositoryName: repository, imageIds: [{ imageDigest: digest }] }));
    return ok(`${repository}:${version} is in the registry`);
  } catch (error) {
    if (error instanceof RepositoryNotFoundException)
      return warning(
        `the repository ${repository} does not exist yet`,
        "deploy the foundation (`npm run fleet -- up foundation`), then push the images",
      );
    if (!(error instanceof ImageNotFoundException)) throw error;
    return broken(
      `the registry has no image ${repository} with the digest ${digest.slice(0, "sha256:".length + 12)}…`,
      isBuildRegion
        ? "push the image, and set the digest that the build prints in Pulumi.yaml"
        : "wait for ECR to replicate a new image. ECR does not copy images pushed before replication was configured: push them under a new version",
      ExitCode.BadInput,
    );
  }
}
