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

/** What is true of the whole fleet, as any stack's config holds it. */
export function fleetOf({ stacks }: Project): FleetConfig {
  const [first] = stacks.values();
  if (!first) throw new Error("internal error: project has no stacks");
  return first.fleet;
}

/** `repository:version@digest`, as the config and the command line have it. */
export function imageText({ repository, version, digest }: Image): string {
  return `${repository}:${version}@${digest}`;
}

/** @throws UserError exit 2, with what is wrong with the text */
export function imageOf(text: string): Image {
  const image = parseImage(text);
  if (typeof image === "string") throw new UserError(`--image ${text}: ${image}`, ExitCode.BadInput);
  return image;
}

/**
 * Every image in every region, the build region first: from there the others get their copies.
 *
 * @param image one image in place of those the config names
 */
export function targetsOf({ regions, buildRegion, ...fleet }: FleetConfig, image?: Image): Target[] {
  const images = image ? [image] : [fleet.image, fleet.agentImage];
  const build = regions.filter(({ name }) => name === buildRegion);
  const others = regions.filter(({ name }) => name !== buildRegion);
  return [...build, ...others].flatMap((region) => images.map((each) => ({ region, image: each })));
}

/**
 * Who may sign: the workflow that builds images, on the main branch, and nobody else. It is what Fulcio writes into the
 * certificate of a job's signature (the token's `job_workflow_ref`), letter by letter, capitals as GitHub has them.
 *
 * @throws UserError exit 2 where the config names no repository
 */
export function signerOf({ githubRepository }: FleetConfig): string {
  if (githubRepository === undefined)
    throw new UserError(
      "the signer of the images is unknown: set langflow-dr:githubRepository in Pulumi.yaml to the repository that builds them",
      ExitCode.BadInput,
    );
  return `https://github.com/${githubRepository}/.github/workflows/image.yml@${BRANCH_REF}`;
}
