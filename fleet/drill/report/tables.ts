import type { Table } from "../../page/page";
import { type Check, type DrillReport, ENDS, type Sample, type Traffic, type UnderLoad } from "../report";
import { type PastDrill, trendOf } from "./past";
import { amountOf, minuteOf, originOf, placeOf } from "./words";

export const targetTable = ({ targets }: DrillReport): Table => ({
  title: "Targets",
  head: ["target", "measured", "predicted", "limit", "met"],
  right: [1, 2, 3],
  rows: targets.map(({ name, unit, measured, predicted, limit, met }) => [
    name,
    ...[measured, predicted, limit].map((value) => amountOf(value, unit)),
    met ? "met" : "missed",
  ]),
});

const NOTHING = {
  flows: "nothing survived",
  files: "nothing survived",
  uploads: "nothing survived",
  database: "nothing to restore yet",
} as const;

export const lossTable = ({ losses }: DrillReport): Table => ({
  title: "Data lost (RPO)",
  head: ["store", "lost", "measured by"],
  right: [1],
  rows: losses.map(({ store, seconds, said }) => [
    store,
    seconds === undefined ? NOTHING[store] : amountOf(seconds),
    said,
  ]),
});

const checkTable = ({ checks }: DrillReport): Table => checksTable("Checks in the survivor", checks);

const returnTable = ({ returnChecks = [] }: DrillReport): Table => checksTable("Checks after the return", returnChecks);

const checksTable = (title: string, checks: readonly Check[]): Table => ({
  title,
  head: ["check", "result", "detail"],
  right: [],
  rows: checks.map((check) => [check.name, check.passed ? "passed" : "failed", check.said]),
});

/** Returns the table of alerts. Times are seconds from the fault. */
export function alertTable(report: DrillReport): Table {
  const origin = originOf(report);
  const { alerts = [] } = report;
  const since = (at: number | undefined) => amountOf(at === undefined ? undefined : (at - origin) / 1000);
  return {
    title: "Alerts",
    head: ["alert", "target", "region", "pending", "firing", "last seen"],
    right: [3, 4, 5],
    rows: alerts.map(({ name, labels, seenBy, pendingAt, firingAt, overAt }) => [
      name,
      labels.target_region ?? Object.values(labels).join(", "),
      seenBy,
      since(pendingAt),
      since(firingAt),
      overAt === undefined ? "still firing" : since(overAt),
    ]),
    note: "Times are since the fault, from each region's Prometheus. Alerts from before the fault are omitted.",
  };
}

/** Returns the table of phases, with the same numbers as the marks in the charts. */
function phaseTable(report: DrillReport): Table {
  const origin = originOf(report);
  const end = Date.parse(report.endedAt);
  return {
    title: "Timeline",
    head: ["no.", "phase", "since the fault", "duration"],
    right: [0, 2, 3],
    rows: report.phases.map(({ phase, at }, index) => [
      String(index + 1),
      phase,
      amountOf((at - origin) / 1000),
      amountOf(((report.phases[index + 1]?.at ?? end) - at) / 1000),
    ]),
  };
}

export function trafficTable(report: DrillReport): Table {
  const { baseline, untilDetection, afterDetection, whole } = report;
  const spans: [string, Traffic][] = [
    ["before the fault", baseline],
    [`fault to ${firstAfterFault(report)}`, untilDetection],
    ...(afterDetection ? [["detection to restoration", afterDetection] as [string, Traffic]] : []),
    ["whole drill", whole],
  ];
  return {
    title: "Traffic",
    head: ["span", "requests", "failed", "failed, %", "hung", "p50, ms", "p95, ms"],
    right: [1, 2, 3, 4, 5, 6],
    rows: spans.map(([span, { requests, failed, hung = 0, p50, p95 }]) => [
      span,
      String(requests),
      String(failed),
      requests === 0 ? "–" : ((100 * failed) / requests).toFixed(2),
      String(hung),
      ...[p50, p95].map((latency) => (latency === 0 ? "–" : latency.toFixed(0))),
    ]),
  };
}

/** Returns a table that shows how the region that took over the users scaled. Empty if the traffic multiplier was 1. */
export function loadTable({ load, baseline }: DrillReport): Table {
  const note = load
    ? `Traffic was ${load.factor} times the normal load. ${scaledOf(load)} The latencies are of short requests of all visitors.`
    : "";
  const spans: [string, number, Traffic][] = load
    ? [
        ["before the fault", load.podsBefore, baseline],
        [load.scaled ? "fault to the first new pod" : "fault to restoration", load.podsBefore, load.scaling],
        ...(load.scaled
          ? [["first new pod to restoration", load.podsMost, load.scaled] as [string, number, Traffic]]
          : []),
      ]
    : [];
  return {
    title: "Under load",
    head: ["span", "pods", "requests", "failed", "p50, ms", "p95, ms"],
    right: [1, 2, 3, 4, 5],
    rows: spans.map(([span, pods, { requests, failed, p50, p95 }]) => [
      span,
      String(pods),
      String(requests),
      String(failed),
      ...[p50, p95].map((latency) => (latency === 0 ? "–" : latency.toFixed(0))),
    ]),
    note,
  };
}

function scaledOf({ region, podsAllowed, readySeconds, podsMost }: UnderLoad): string {
  if (podsAllowed === undefined) return `${region} ran no more LangFlow pods, because a local fleet has no autoscaler.`;
  if (readySeconds === undefined)
    return `The autoscaler of ${region} (maximum ${podsAllowed} pods) started no pod that became ready in time.`;
  return `${region}'s first new pod was ready ${amountOf(readySeconds)} after the fault. It reached ${podsMost} pods, at most ${podsAllowed} are allowed.`;
}

/** Returns the table of the outcomes of visits. */
export const visitTable = ({ visitCounts = [] }: DrillReport): Table => ({
  title: "Visits",
  head: ["task", "when", "visits", ...ENDS, "longest"],
  right: [2, 3, 4, 5, 6, 7, 8],
  rows: visitCounts.map((count) => [
    count.errand,
    count.span,
    String(count.visits),
    ...ENDS.map((end) => String(count[end])),
    amountOf(count.longestSeconds),
  ]),
  note:
    "Cut: the connection broke, or an error arrived mid-stream. Hung: no data for 10 s. Wrong: an incorrect answer. " +
    "Refused: no connection, or an error instead of an answer. Streams still running at the end of the drill are omitted.",
});

/**
 * Returns the event that ended the first span after the fault: the detection, otherwise the users' recovery, otherwise
 * the restoration.
 */
function firstAfterFault({ detectionSeconds, recoverySeconds }: DrillReport): string {
  if (detectionSeconds !== undefined) return "detection";
  return recoverySeconds === undefined ? "restoration" : "recovery";
}

/** Returns the table of answers by region and kind of failure, which contains the numbers behind the requests chart. */
function answerTable(report: DrillReport): Table {
  const begins = (phase: string) => report.phases.find((each) => each.phase === phase)?.at ?? Number.POSITIVE_INFINITY;
  const [fault, back] = [begins("fault"), begins("restoration")];
  const spans = [
    ({ at }: Sample) => at < fault,
    ({ at }: Sample) => at >= fault && at < back,
    ({ at }: Sample) => at >= back,
  ];
  const asked = report.samples.length > 0;
  const answers = new Map((asked ? report.regions : []).map((region): [string, Sample[]] => [region, []]));
  for (const sample of report.samples) {
    const answer = answerOf(sample);
    const before = answers.get(answer);
    if (before) before.push(sample);
    else answers.set(answer, [sample]);
  }
  return {
    title: "Answers",
    head: ["answered by", "before the fault", "fault to restoration", "after"],
    right: [1, 2, 3],
    rows: [...answers].map(([answer, samples]) => [
      answer,
      ...spans.map((span) => String(samples.filter(span).length)),
    ]),
  };
}

/** All chapters, in the order of every report format. Formats omit chapters without rows. */
export const CHAPTERS = {
  targets: targetTable,
  losses: lossTable,
  checks: checkTable,
  returnChecks: returnTable,
  phases: phaseTable,
  alerts: alertTable,
  answers: answerTable,
  traffic: trafficTable,
  load: loadTable,
  visits: visitTable,
  trend: trendTable,
} as const satisfies Readonly<Record<string, (report: DrillReport, past: readonly PastDrill[]) => Table>>;

export type Chapter = keyof typeof CHAPTERS;

function answerOf({ ok, status, region }: Sample): string {
  if (ok) return region ?? "unknown region";
  return status === 0 ? "failed: no answer" : `failed: ${status}`;
}

function trendTable(report: DrillReport, past: readonly PastDrill[]): Table {
  const { drills, earlier } = trendOf(report, past);
  return {
    title: "Trend",
    head: ["date (UTC)", "fleet", "region", "fault", "detection", "RTO", "worst RPO", "met"],
    right: [4, 5, 6],
    rows: drills.map(
      ({ startedAt, local, region, fault, detectionSeconds, recoverySeconds, worstLossSeconds, met }) => [
        minuteOf(startedAt),
        placeOf(local),
        region,
        fault,
        ...[detectionSeconds, recoverySeconds, worstLossSeconds].map((seconds) => amountOf(seconds)),
        met ? "met" : "missed",
      ],
    ),
    note:
      earlier > 0
        ? `The last row is this drill; ${earlier} earlier drills are omitted.`
        : "The last row is this drill.",
  };
}
