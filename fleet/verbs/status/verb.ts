import { OF_STACKS } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";

export type StatusOptions = Given<typeof OF_STACKS>;

export const status = verb("status", OF_STACKS, async () => (await import("./handler")).status, {
  description: "show deployed stacks, images, endpoints and health",
  examples: ["status --local", "status us-east --json"],
});
