import { flag, neededText, seconds, text, texts } from "../cli/option";
import { JSON_RESULT, PROJECT } from "../cli/sharedOptions";
import { type Given, verb, verbGroup } from "../cli/verb";

const OF_IMAGES = {
  json: JSON_RESULT,
  project: PROJECT,
  // Taken so that it can be refused in words.
  local: { ...flag(""), hidden: true },
};

const looking = {
  ...OF_IMAGES,
  image: text("<image>", "repository:version@sha256:…, in place of the two of the config"),
  timeout: seconds("how long to wait for copies that are on their way; 0: look once", { otherwise: 1800 }),
};

const pinning = {
  ...OF_IMAGES,
  image: neededText("<image>", "repository:version@sha256:…"),
  pullRequest: flag("as a pull request at GitHub, the only one for that repository"),
  also: texts("<folders...>", "with what Git sees changed in these folders of the project"),
};

export type LookOptions = Given<typeof looking>;
export type PinOptions = Given<typeof pinning>;

export const image = verbGroup("image", "sign the images, verify them in every region, move them in Pulumi.yaml", [
  verb({
    name: "verify",
    description: "whether each region's registry holds them, signed",
    options: looking,
    handler: async (given) => (await import("../handlers/image")).verify(given),
  }),
  verb({
    name: "sign",
    description: "sign them in each region's registry; only as a job of image.yml",
    options: looking,
    handler: async (given) => (await import("../handlers/image")).sign(given),
  }),
  verb({
    name: "pin",
    description: "move an image in Pulumi.yaml",
    options: pinning,
    handler: async (given) => (await import("../handlers/image")).pin(given),
  }),
]);
