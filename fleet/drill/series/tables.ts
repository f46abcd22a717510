import type { Table } from "../../page/page";
import type { DrillReport } from "../report";
import { amountOf, placeOf } from "../report/words";
import type { Distribution } from "./distribution";
import type { Unmade } from "./plan";
import { type Group, MEASURE_NAMES, type Measured, type Series } from "./series";

export const groupTable = ({ groups }: Series): Table => ({
  title: "Faults",
  head: ["fault", "topology", "fleet", "drills", "passed"],
  right: [3, 4],
  rows: groups.map(({ fault, topology, local, drills, passed }) => [
    fault,
    topology,
    placeOf(local),
    `${drills}`,
    `${passed}`,
  ]),
});

/** Returns a table with one row for each fault and measure. */
export const measureTable = ({ groups }: Series): Table => ({
  title: "Measured and predicted",
  head: ["fault", "topology", "measure", "drills", "minimum", "median", "p95", "maximum", "predicted"],
  right: [3, 4, 5, 6, 7, 8],
  rows: groups.flatMap((group) => group.measures.map((measured) => measureRow(group, measured))),
  note: "The number after a plus is of drills that could not measure the value. With fewer than 20 drills p95 is the maximum.",
});

function measureRow({ fault, topology }: Group, { name, distribution, predicted }: Measured): string[] {
  const { least, median, p95, most } = distribution;
  return [
    fault,
    topology,
    name,
    drillsOf(distribution),
    ...[least, median, p95, most, predicted].map((seconds) => amountOf(seconds)),
  ];
}

const drillsOf = ({ measured, notMeasured }: Distribution): string =>
  notMeasured === 0 ? `${measured}` : `${measured} + ${notMeasured}`;

export const missedTable = ({ missed }: Series): Table => ({
  title: "Missed targets",
  head: ["drill", "topology", "reason"],
  right: [],
  rows: missed.map(({ id, topology, why }) => [id, topology, why]),
});

/** Returns whether every drill passed and no planned drill failed to run. */
export const isMet = ({ missed }: Series, unmade: readonly Unmade[]): boolean =>
  missed.length === 0 && !unmade.some(({ hasFailed }) => hasFailed);

/** Lists the faults that were not drilled, with reasons, in one line. Empty if every fault was drilled. */
export const unmadeInWords = (unmade: readonly Unmade[]): string =>
  unmade.map(({ fault, because }) => `${fault}: ${because}`).join("; ");

/** Returns the result of the whole series in one line. */
export function seriesResult({ groups, missed, notDrilled }: Series, unmade: readonly Unmade[] = []): string {
  const drills = groups.reduce((sum, group) => sum + group.drills, 0);
  const faults = new Set(groups.map(({ fault }) => fault)).size;
  const counted = `${drills} ${drills === 1 ? "drill" : "drills"} of ${faults} ${faults === 1 ? "fault" : "faults"}`;
  const without = notDrilled.length === 0 ? "" : `; not drilled: ${notDrilled.join(", ")}`;
  const failed = unmadeInWords(unmade.filter(({ hasFailed }) => hasFailed));
  const met = `all ${counted}${without}`;
  if (missed.length > 0)
    return `Missed: ${missed.length} of ${counted}${without}${failed === "" ? "" : `; failed to run: ${failed}`}`;
  return failed === "" ? `Met: ${met}` : `Failed to run: ${failed}; met: ${met}`;
}

/** Measures that the chart shows. */
export const CHARTED = MEASURE_NAMES.filter((name) => ["detection", "RTO", "RPO of flows"].includes(name));

export const nameOfGroup = ({ fault, topology, local }: Pick<DrillReport, "fault" | "topology" | "local">): string =>
  `${fault}, ${topology}${local ? "" : ", clouds"}`;
