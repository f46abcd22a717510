import { count, flag } from "../cli/option";
import { OF_STACKS, silence, YES } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";
import { SILENCE } from "../stacks/silence";

/** Each takes a core to start and some 600 MB. */
const PODS_MAX = 5;

const options = {
  ...OF_STACKS,
  yes: YES,
  silence: silence(SILENCE.changing),
  refresh: flag("read the clouds first, so that drift is put right as well"),
  live: flag("also run what is deployed as processes of this machine; only with --local"),
  observe: flag("with --live: also run the Prometheus, Alertmanager and health checks of each region"),
  honourPreStop: flag("with --live: let what is replaced run its preStop hook first"),
  pods: count("with --live: pods of LangFlow in each region; several are exchanged one by one", 1, PODS_MAX),
  emptyDatabases: flag("with --live, of a new fleet: LangFlow migrates each database from nothing"),
};

export type UpOptions = Given<typeof options>;

export const up = verb({
  name: "up",
  description: "deploy the stacks in order: new regions side by side, those that serve one after the other",
  options,
  handler: async (given) => (await import("../handlers/up")).up(given),
});
