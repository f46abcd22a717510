import { z } from "zod";
import type { FleetConfig } from "../../../config/schema";
import { NAMESPACE } from "../../../model/langflow";
import { imageText, signerOf } from "../../image/targets";
import {
  answered,
  type Deployment,
  foundationOf,
  NotCheckable,
  type RegionAssumption,
  type RegionStack,
} from "../assumption";

/** Returns the configured images of LangFlow and the agent. */
const imagesOf = ({ image, agentImage }: FleetConfig) => [image, agentImage];

const containers = z.array(z.object({ name: z.string(), image: z.string() }));
const templateShape = z.object({
  template: z.object({ spec: z.object({ containers, initContainers: containers.default([]) }) }),
});

/** Returns every container of the Deployments in LangFlow's namespace, with its image. */
async function runningImages({ clouds }: Deployment, { region }: RegionStack) {
  const deployments = await clouds.objects(region.name, "deployments.apps");
  return deployments
    .filter(({ metadata }) => metadata.namespace === NAMESPACE)
    .flatMap(({ metadata, spec }) => {
      const { template } = answered(templateShape, `Deployment ${metadata.name}`, spec);
      return [...template.spec.containers, ...template.spec.initContainers].map(({ name, image }) => ({
        container: `${metadata.name}/${name}`,
        image,
      }));
    });
}

export const running: RegionAssumption = {
  name: "images",
  of: "region",
  why: "all regions must run the same digest; someone may have changed a Deployment by hand",
  fix: "run `up` to restore the configured digest; the cluster's audit log shows who changed it",
  async look(deployment, stack) {
    const { registry } = foundationOf(deployment, stack);
    const meant = imagesOf(stack.fleet).map(({ repository, digest }) => `${registry}/${repository}@${digest}`);
    const found = await runningImages(deployment, stack);
    const problems = [
      ...meant
        .filter((image) => !found.some((each) => each.image === image))
        .map((image) => `no container runs ${image}`),
      ...found
        .filter(({ image }) => !meant.includes(image))
        .map(({ container, image }) => `${container} runs ${image}, which is not in the config`),
    ];
    return { summary: `${found.length} containers run the configured digests`, problems };
  },
};

const detailsShape = z.object({ imageDetails: z.array(z.object({ imageDigest: z.string() })) });

const registries: RegionAssumption = {
  name: "images in the registry",
  of: "region",
  why: "each region pulls from its own registry, so it survives the loss of the build region only with a copy there",
  fix: "ECR does not copy images that were pushed before replication was configured: push the image under a new version",
  async look({ clouds }, { fleet, region }) {
    const looks = imagesOf(fleet).map(async (image) => {
      const input = { repositoryName: image.repository, imageIds: [{ imageDigest: image.digest }] };
      const answer = await clouds.aws(region.awsRegion, "ecr", "describe-images", input);
      const { imageDetails } = answered(detailsShape, imageText(image), answer);
      return imageDetails.length > 0 ? [] : [`the registry does not have ${imageText(image)}`];
    });
    return { summary: `${looks.length} images in the registry`, problems: (await Promise.all(looks)).flat() };
  },
};

/**
 * Returns the images without a valid signature in the region's registry, one line each.
 *
 * @throws NotCheckable if the config names no signer
 */
async function unsignedImages(deployment: Deployment, stack: RegionStack): Promise<string[]> {
  if (stack.fleet.githubRepository === undefined)
    throw new NotCheckable("the config does not set githubRepository, so the signer is unknown");
  const { registry } = foundationOf(deployment, stack);
  const signer = signerOf(stack.fleet);
  const looks = imagesOf(stack.fleet).map(async ({ repository, digest }) => {
    const found = await deployment.clouds.signature(`${registry}/${repository}@${digest}`, signer);
    return found === undefined ? [] : [`${repository}: ${found}`];
  });
  return (await Promise.all(looks)).flat();
}

export const signatures: RegionAssumption = {
  name: "signatures of images",
  of: "region",
  why: "ECR does not document how soon it replicates signatures, and each region verifies them in its own registry",
  fix: "run `npm run fleet -- image verify` to wait for signatures; rerun the workflow Image to sign an unsigned image",
  async look(deployment, stack) {
    const problems = await unsignedImages(deployment, stack);
    return { summary: `${imagesOf(stack.fleet).length} images signed by ${signerOf(stack.fleet)}`, problems };
  },
};

/** Assumptions about running images and the registries. */
export const IMAGES: readonly RegionAssumption[] = [running, registries, signatures];
