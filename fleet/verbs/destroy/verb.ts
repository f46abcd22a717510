import { flag } from "../../cli/option";
import { OF_STACKS, silence, YES } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";
import { SILENCE } from "../../engine/silence";

const options = {
  ...OF_STACKS,
  yes: YES,
  silence: silence(SILENCE.changing),
  keepData: flag("delete only unprotected resources; keep the data"),
  withData: flag("delete the whole local fleet including its data; only with --local"),
};

export type DestroyOptions = Given<typeof options>;

export const destroy = verb("destroy", options, async () => (await import("./handler")).destroy, {
  description: "delete the stacks in reverse order; refuses to delete protected data",
  details: "Asks for confirmation unless --yes is given.",
  examples: ["destroy --local --with-data --yes", "destroy us-east --keep-data"],
});
