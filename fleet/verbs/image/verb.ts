import { LANGFLOW_RELEASE } from "../../../model/langflow";
import { flag, neededText, seconds, text, texts } from "../../cli/option";
import { JSON_RESULT, PROJECT } from "../../cli/sharedOptions";
import { type Given, verb, verbGroup } from "../../cli/verb";

const EXAMPLE = `langflow:${LANGFLOW_RELEASE}@sha256:${"0".repeat(64)}`;

const OF_IMAGES = {
  json: JSON_RESULT,
  project: PROJECT,
  // Accepted only so that the handler can reject it with an explanation.
  local: { ...flag(""), hidden: true },
};

const looking = {
  ...OF_IMAGES,
  image: text(
    "<image>",
    "image to verify or sign, as repository:version@sha256:… (default: the config's `image` and `agentImage`)",
  ),
  timeout: seconds("time to wait for copies in other regions; 0: check once", { default: 1800 }),
};

const pinning = {
  ...OF_IMAGES,
  image: neededText("<image>", "image to pin, as repository:version@sha256:…"),
  pullRequest: flag("instead of editing the file, open or update a pull request that pins the image"),
  also: texts("<folders...>", "--pull-request only: also commit changed files in these folders of the project"),
};

export type LookOptions = Given<typeof looking>;
export type PinOptions = Given<typeof pinning>;

export const image = verbGroup("image", { description: "verify, sign and pin container images", page: "docs/ci.md" }, [
  verb("verify", looking, async () => (await import("./handler")).verify, {
    description: "check that every region's registry has the signed images",
    examples: ["image verify", "image verify --timeout 0 --json"],
  }),
  verb("sign", looking, async () => (await import("./handler")).sign, {
    description: "sign the images in every region's registry; works only in a job of image.yml",
    examples: ["image sign"],
  }),
  verb("pin", pinning, async () => (await import("./handler")).pin, {
    description: "set an image's version and digest in Pulumi.yaml",
    examples: [`image pin --image ${EXAMPLE}`, `image pin --image ${EXAMPLE} --pull-request`],
  }),
]);
