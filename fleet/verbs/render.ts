import { neededText } from "../cli/option";
import { OF_STACKS } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";

const options = { ...OF_STACKS, dir: neededText("<dir>", "folder to write into") };

export type RenderOptions = Given<typeof options>;

export const render = verb({
  name: "render",
  description: "write what each stack would apply as files, secrets redacted",
  options,
  handler: async (given) => (await import("../handlers/render")).render(given),
});
