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

/** A row for each thing that drills of a fault measured. */
export const measureTable = ({ groups }: Series): Table => ({
  title: "Measured beside predicted",
  head: ["fault", "topology", "what", "drills", "least", "median", "p95", "most", "predicted"],
  right: [3, 4, 5, 6, 7, 8],
  rows: groups.flatMap((group) => group.measures.map((measured) => measureRow(group, measured))),
  note: "Of the drills that could measure it; behind a plus those that could not, and were asked to. With fewer than 20 drills p95 is the most.",
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
  title: "Missed, and why",
  head: ["drill", "topology", "why"],
  right: [],
  rows: missed.map(({ id, topology, why }) => [id, topology, why]),
});

/** Whether every drill there is met its targets, and each that the fleet could have had was made. */
export const isMet = ({ missed }: Series, unmade: readonly Unmade[]): boolean =>
  missed.length === 0 && !unmade.some(({ hasFailed }) => hasFailed);

/** Which, and why, in one line; empty where there are none. */
export const unmadeInWords = (unmade: readonly Unmade[]): string =>
  unmade.map(({ fault, because }) => `${fault}: ${because}`).join("; ");

/** What came of all of it, in one line. */
export function seriesResult({ groups, missed, notDrilled }: Series, unmade: readonly Unmade[] = []): string {
  const drills = groups.reduce((sum, group) => sum + group.drills, 0);
  const faults = new Set(groups.map(({ fault }) => fault)).size;
  const counted = `${drills} ${drills === 1 ? "drill" : "drills"} of ${faults} ${faults === 1 ? "fault" : "faults"}`;
  const without = notDrilled.length === 0 ? "" : `; not drilled: ${notDrilled.join(", ")}`;
  const failed = unmadeInWords(unmade.filter(({ hasFailed }) => hasFailed));
  const met = `all ${counted}${without}`;
  if (missed.length > 0)
    return `Missed: ${missed.length} of ${counted}${without}${failed === "" ? "" : `; not made: ${failed}`}`;
  return failed === "" ? `Met: ${met}` : `Not made: ${failed}; met: ${met}`;
}

/** Which of the measures have a place of their own in the chart. */
export const CHARTED = MEASURE_NAMES.filter((name) => ["detection", "RTO", "RPO of flows"].includes(name));

export const nameOfGroup = ({ fault, topology, local }: Pick<DrillReport, "fault" | "topology" | "local">): string =>
  `${fault}, ${topology}${local ? "" : ", clouds"}`;
