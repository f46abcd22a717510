import { count, flag, oneOf, percent, seconds, text, times } from "../cli/option";
import { OF_FLEET } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";
import { DEFAULTS, LOAD_MAX } from "../drill/defaults";
import { FAULTS } from "../drill/faults";

const { limitSeconds, hold } = DEFAULTS;
/** A night of drills, locally. */
const ROUNDS_MAX = 5;

const options = {
  ...OF_FLEET,
  region: text("<region>", "the region"),
  fault: oneOf("<fault>", FAULTS, DEFAULTS.fault),
  steady: seconds("undisturbed traffic before the fault", { otherwise: DEFAULTS.steadySeconds }),
  hold: seconds(
    `with stale-return: keep it away so long; ${hold.leastSeconds}, or ${hold.syncIntervals} sync intervals where that is longer`,
    { least: 1 },
  ),
  load: times("visitors come so many times as often as usual", DEFAULTS.load, LOAD_MAX),
  abortAbove: percent("break off when so many of the other regions' requests fail", DEFAULTS.abortAbovePercent),
  limit: seconds(`break off after so long: ${limitSeconds.local} locally, ${limitSeconds.clouds} on the clouds`, {
    least: 1,
  }),
  reports: text("<dir>", "folder of the reports, in place of the config's"),
  confirm: text("<region>", "the region once more, in place of typing it; for the clouds"),
  series: flag(
    "each fault that the fleet can have, one after the other, and one page of all; again: what is still to be made",
  ),
  rounds: count("with --series: drills of each fault", 1, ROUNDS_MAX),
  from: text("<dir>", "with --series: make the page of the reports in this folder, and drill nothing"),
  restore: flag("put back what a drill that died left taken away, and nothing else"),
};

export type DrillOptions = Given<typeof options>;

export const drill = verb({
  name: "drill",
  description: "take a region away under traffic, measure, put it back",
  options,
  handler: async (given) => (await import("../handlers/drill")).drill(given),
});
