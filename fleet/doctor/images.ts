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

/** Whether a region's own registry has the digests its pods will pull. */
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
    return ok(`${repository}:${version} is there`);
  } catch (error) {
    if (error instanceof RepositoryNotFoundException)
      return warning(
        `the repository ${repository} does not exist yet`,
        "deploy the foundation (`npm run fleet -- up foundation`), then push the images",
      );
    if (!(error instanceof ImageNotFoundException)) throw error;
    return broken(
      `${repository} has no ${digest.slice(0, "sha256:".length + 12)}…`,
      isBuildRegion
        ? "push the image, and write the digest that the build prints into Pulumi.yaml"
        : "wait until a new push is replicated. Images pushed before replication was set up are not copied: push them under a new version",
      ExitCode.BadInput,
    );
  }
}
