import { count, flag } from "../../cli/option";
import { OF_STACKS, silence, YES } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";
import { SILENCE } from "../../engine/silence";

/** Maximum number of pods. Each needs a CPU core to start and about 600 MB of memory. */
const PODS_MAX = 5;

const options = {
  ...OF_STACKS,
  yes: YES,
  silence: silence(SILENCE.changing),
  refresh: flag("refresh the state from the deployed resources first, so that drift is reverted too"),
  live: flag("also run the deployed workloads as local processes; only with --local"),
  observe: flag("--live only: also run each region's Prometheus, Alertmanager and health checks"),
  honourPreStop: flag("--live only: run preStop hooks of replaced pods"),
  pods: count("--live only: LangFlow pods per region; if more than one, updates are rolling", 1, PODS_MAX),
  emptyDatabases: flag("--live only, for a new fleet: let LangFlow migrate each database from scratch"),
};

export type UpOptions = Given<typeof options>;

export const up = verb("up", options, async () => (await import("./handler")).up, {
  description: "deploy all stacks: new regions in parallel, serving regions one by one",
  details: "Order: foundation, regions, edge. Asks for confirmation unless --local or --yes is given.",
  page: "docs/deploy.md",
  examples: ["up --local --live", "up us-east --refresh --yes"],
});
