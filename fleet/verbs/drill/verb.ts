import { count, flag, oneOf, percent, seconds, text, times } from "../../cli/option";
import { OF_FLEET } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";
import { DEFAULTS, LOAD_MAX } from "../../drill/defaults";
import { FAULTS } from "../../drill/faults";

const { limitSeconds, hold } = DEFAULTS;
/** Limits a local series to about one night. */
const ROUNDS_MAX = 5;

const options = {
  ...OF_FLEET,
  region: text("<region>", "region to fail; required unless --series or --restore is given"),
  fault: oneOf("<fault>", "fault to inject (see docs/drill.md)", FAULTS, DEFAULTS.fault),
  steady: seconds("undisturbed traffic before the fault", { default: DEFAULTS.steadySeconds }),
  hold: seconds(
    `stale-return only: time to keep the region offline (default: max(${hold.leastSeconds}, ${hold.syncIntervals} × sync interval))`,
    { least: 1 },
  ),
  load: times("traffic multiplier; 1 is normal", DEFAULTS.load, LOAD_MAX),
  abortAbove: percent(
    "abort if more than this share of requests to the other regions fails",
    DEFAULTS.abortAbovePercent,
  ),
  limit: seconds(`abort after this time (default: ${limitSeconds.local} with --local, else ${limitSeconds.clouds})`, {
    least: 1,
  }),
  reports: text("<dir>", "folder for reports (default: drill.reports in Pulumi.yaml)"),
  confirm: text("<region>", "on the clouds: confirm by repeating the region here instead of at the prompt"),
  series: flag("run every supported fault and write one summary page; rerun to resume"),
  rounds: count("--series only: drills of each fault", 1, ROUNDS_MAX),
  from: text("<dir>", "--series only: write the page from the reports in this folder, without a drill"),
  restore: flag("restore a region left offline by an interrupted drill, then exit"),
};

export type DrillOptions = Given<typeof options>;

export const drill = verb("drill", options, async () => (await import("./handler")).drill, {
  description: "fail a region under load, measure recovery and data loss, restore it",
  details: "Writes a report with charts.",
  page: "docs/drill.md",
  examples: ["drill --local --region us-east", "drill --region eu-west --fault zone --confirm eu-west"],
});
