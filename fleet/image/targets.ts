import type { FleetConfig, RegionConfig } from "../../config/schema";
import { ExitCode, UserError } from "../../model/errors";
import { type Image, parseImage } from "../../model/images";
import { BRANCH_REF } from "../../model/policies/ciTrust";
import type { Project } from "../stacks/project";

/** One image in one region's registry. */
export interface Target {
  readonly region: RegionConfig;
  readonly image: Image;
}

/** Returns the config of the whole fleet, which every stack's config contains. */
export function fleetOf({ stacks }: Project): FleetConfig {
  const [first] = stacks.values();
  if (!first) throw new Error("internal error: project has no stacks");
  return first.fleet;
}

/** Formats an image as `repository:version@digest`, like in the config and on the command line. */
export function imageText({ repository, version, digest }: Image): string {
  return `${repository}:${version}@${digest}`;
}

/** @throws UserError exit 2 if the text is not a valid image */
export function imageOf(text: string): Image {
  const image = parseImage(text);
  if (typeof image === "string") throw new UserError(`--image ${text}: ${image}`, ExitCode.BadInput);
  return image;
}

/**
 * Returns every image in every region. The build region comes first, because the others receive their copies from it.
 *
 * @param image image to use instead of those in the config
 */
export function targetsOf({ regions, buildRegion, ...fleet }: FleetConfig, image?: Image): Target[] {
  const images = image ? [image] : [fleet.image, fleet.agentImage];
  const build = regions.filter(({ name }) => name === buildRegion);
  const others = regions.filter(({ name }) => name !== buildRegion);
  return [...build, ...others].flatMap((region) => images.map((each) => ({ region, image: each })));
}

/**
 * Returns the only accepted signer: the workflow that builds images, on the main branch. The string must equal the
 * identity in Fulcio's certificate for the job (the token's `job_workflow_ref`), including GitHub's capitalization.
 *
 * @throws UserError exit 2 if the config names no repository
 */
export function signerOf({ githubRepository }: FleetConfig): string {
  if (githubRepository === undefined)
    throw new UserError(
      "the signer of the images is unknown: set langflow-dr:githubRepository in Pulumi.yaml to the repository that builds them",
      ExitCode.BadInput,
    );
  return `https://github.com/${githubRepository}/.github/workflows/image.yml@${BRANCH_REF}`;
}
