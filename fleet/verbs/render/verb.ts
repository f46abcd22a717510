import { neededText } from "../../cli/option";
import { OF_STACKS } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";

const options = { ...OF_STACKS, dir: neededText("<dir>", "folder for the files") };

export type RenderOptions = Given<typeof options>;

export const render = verb("render", options, async () => (await import("./handler")).render, {
  description: "write each stack's Kubernetes, AWS and Cloudflare resources as files, secrets redacted",
  examples: ["render --local --dir out"],
});
