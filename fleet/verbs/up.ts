import { flag } from "../cli/option";
import { OF_STACKS, silence, YES } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";
import { SILENCE } from "../stacks/silence";

const options = {
  ...OF_STACKS,
  yes: YES,
  silence: silence(SILENCE.changing),
  refresh: flag("read the clouds first, so that drift is put right as well"),
  live: flag("also run what is deployed as processes of this machine; only with --local"),
  observe: flag("with --live: also run the Prometheus, Alertmanager and health checks of each region"),
  honourPreStop: flag("with --live: let what is replaced run its preStop hook first"),
  emptyDatabases: flag("with --live, of a new fleet: LangFlow migrates each database from nothing"),
};

export type UpOptions = Given<typeof options>;

export const up = verb({
  name: "up",
  description: "deploy the stacks in order, regions side by side",
  options,
  handler: async (given) => (await import("../handlers/up")).up(given),
});
