import { amount, type Cell, type Chapter, chapter, graded, type Report, type Styled } from "../../report/report";
import { passed } from "../measure";
import { type Check, type DrillReport, ENDS, type Sample, type Target, type Traffic, type UnderLoad } from "../report";
import { latencyChart, requestsChart } from "./charts/overTime";
import { targetsChart } from "./charts/targets";
import { trendChart } from "./charts/trend";
import { type PastDrill, trendOf } from "./past";
import { amountOf, factsOf, minuteOf, originOf, placeOf, resultOf } from "./words";

/** Returns the results of one drill for people. @param past earlier drills, for the trend */
export const reportOf = (report: DrillReport, past: readonly PastDrill[]): Report => ({
  title: `Drill: ${report.fault} of ${report.region}`,
  date: report.startedAt,
  verdict: graded(passed(report), resultOf(report)),
  facts: factsOf(report),
  chapters: [
    { ...targetChapter(report), chart: () => targetsChart(report) },
    lossChapter(report),
    checkChapter("Checks in the survivor", report.checks),
    checkChapter("Checks after the return", report.returnChecks),
    phaseChapter(report),
    alertChapter(report),
    answerChapter(report),
    trafficChapter(report),
    loadChapter(report),
    visitChapter(report),
    trendChapter(report, past),
  ],
});

/** Returns the course of one drill as a part of a series. */
export const courseOf = (report: DrillReport): Report => ({
  title: report.id,
  verdict: graded(passed(report), resultOf(report)),
  facts: factsOf(report),
  chapters: [
    { ...phaseChapter(report), chart: ifAsked(report, requestsChart) },
    targetChapter(report),
    lossChapter(report),
  ],
});

/** Returns how to draw a chart of requests, if the drill got so far as to send any. */
const ifAsked = (report: DrillReport, chart: typeof requestsChart) =>
  report.samples.length > 0 ? () => chart(report) : undefined;

const valueCell = (value: number | undefined, unit?: Target["unit"]): Styled => amount(amountOf(value, unit));

const targetChapter = ({ targets }: DrillReport): Chapter =>
  chapter("Targets", targets, {
    target: "name",
    measured: ({ measured, unit }) => valueCell(measured, unit),
    predicted: ({ predicted, unit }) => valueCell(predicted, unit),
    limit: ({ limit, unit }) => valueCell(limit, unit),
    met: ({ met }) => graded(met, "met", "missed"),
  });

const NOTHING = {
  flows: "nothing survived",
  files: "nothing survived",
  uploads: "nothing survived",
  database: "nothing to restore yet",
} as const;

export const lossChapter = ({ losses }: DrillReport): Chapter =>
  chapter("Data lost (RPO)", losses, {
    store: "store",
    lost: ({ store, seconds }) => (seconds === undefined ? NOTHING[store] : valueCell(seconds)),
    "measured by": "said",
  });

const checkChapter = (title: string, checks: readonly Check[] = []): Chapter =>
  chapter({ title, inTerminal: "exceptions" }, checks, {
    check: "name",
    result: ({ passed: isGood }) => graded(isGood, "passed", "failed"),
    detail: "said",
  });

/** Returns the table of alerts. Times are seconds from the fault. */
export function alertChapter(report: DrillReport): Chapter {
  const origin = originOf(report);
  const since = (at: number | undefined) => valueCell(at === undefined ? undefined : (at - origin) / 1000);
  return chapter(
    {
      title: "Alerts",
      note: "Times are since the fault, from each region's Prometheus. Alerts from before the fault are omitted.",
      inTerminal: "nothing",
    },
    report.alerts ?? [],
    {
      alert: "name",
      target: ({ labels }) => labels.target_region ?? Object.values(labels).join(", "),
      region: "seenBy",
      pending: ({ pendingAt }) => since(pendingAt),
      firing: ({ firingAt }) => since(firingAt),
      "last seen": ({ overAt }) => (overAt === undefined ? "still firing" : since(overAt)),
    },
  );
}

/** Returns the table of phases, with the same numbers as the marks in the charts. */
function phaseChapter(report: DrillReport): Chapter {
  const { phases } = report;
  const [origin, end] = [originOf(report), Date.parse(report.endedAt)];
  return chapter({ title: "Timeline", inTerminal: "nothing" }, phases, {
    "no.": (_, index) => index + 1,
    phase: "phase",
    "since the fault": ({ at }) => valueCell((at - origin) / 1000),
    duration: ({ at }, index) => valueCell(((phases[index + 1]?.at ?? end) - at) / 1000),
  });
}

interface SpanTraffic extends Traffic {
  readonly span: string;
}

const latencyCell = (milliseconds: number): Cell => (milliseconds === 0 ? undefined : Math.round(milliseconds));

const LATENCIES = {
  "p50, ms": ({ p50 }: Traffic) => latencyCell(p50),
  "p95, ms": ({ p95 }: Traffic) => latencyCell(p95),
};

export function trafficChapter(report: DrillReport): Chapter {
  const { baseline, untilDetection, afterDetection, whole } = report;
  const spans: SpanTraffic[] = [
    { span: "before the fault", ...baseline },
    { span: `fault to ${firstAfterFault(report)}`, ...untilDetection },
    ...(afterDetection ? [{ span: "detection to restoration", ...afterDetection }] : []),
    { span: "whole drill", ...whole },
  ];
  return chapter({ title: "Traffic", chart: ifAsked(report, latencyChart) }, spans, {
    span: "span",
    requests: "requests",
    failed: "failed",
    "failed, %": ({ requests, failed }) =>
      requests === 0 ? undefined : amount(((100 * failed) / requests).toFixed(2)),
    hung: ({ hung = 0 }) => hung,
    ...LATENCIES,
  });
}

/** Returns a table that shows how the region that took over the users scaled. Empty if the traffic multiplier was 1. */
export function loadChapter({ load, baseline }: DrillReport): Chapter {
  const spans: (SpanTraffic & { readonly pods: number })[] = load
    ? [
        { span: "before the fault", pods: load.podsBefore, ...baseline },
        {
          span: load.scaled ? "fault to the first new pod" : "fault to restoration",
          pods: load.podsBefore,
          ...load.scaling,
        },
        ...(load.scaled ? [{ span: "first new pod to restoration", pods: load.podsMost, ...load.scaled }] : []),
      ]
    : [];
  const note =
    load &&
    `Traffic was ${load.factor} times the normal load. ${scaledOf(load)} The latencies are of short requests of all visitors.`;
  const columns = { span: "span", pods: "pods", requests: "requests", failed: "failed", ...LATENCIES } as const;
  return chapter({ title: "Under load", note }, spans, columns);
}

function scaledOf({ region, podsAllowed, readySeconds, podsMost }: UnderLoad): string {
  if (podsAllowed === undefined) return `${region} ran no more LangFlow pods, because a local fleet has no autoscaler.`;
  if (readySeconds === undefined)
    return `The autoscaler of ${region} (maximum ${podsAllowed} pods) started no pod that became ready in time.`;
  return `${region}'s first new pod was ready ${amountOf(readySeconds)} after the fault. It reached ${podsMost} pods, at most ${podsAllowed} are allowed.`;
}

/** Returns the table of the outcomes of visits. */
export const visitChapter = ({ visitCounts = [] }: DrillReport): Chapter =>
  chapter(
    {
      title: "Visits",
      note:
        "Cut: the connection broke, or an error arrived mid-stream. Hung: no data for 10 s. Wrong: an incorrect answer. " +
        "Refused: no connection, or an error instead of an answer. Streams still running at the end of the drill are omitted.",
      inTerminal: "nothing",
    },
    visitCounts,
    {
      task: "errand",
      when: "span",
      visits: "visits",
      ...Object.fromEntries(ENDS.map((end) => [end, end])),
      longest: ({ longestSeconds }) => valueCell(longestSeconds),
    },
  );

/**
 * Returns the event that ended the first span after the fault: the detection, otherwise the users' recovery, otherwise
 * the restoration.
 */
function firstAfterFault({ detectionSeconds, recoverySeconds }: DrillReport): string {
  if (detectionSeconds !== undefined) return "detection";
  return recoverySeconds === undefined ? "restoration" : "recovery";
}

/** Returns the table of answers by region and kind of failure, which contains the numbers behind the requests chart. */
function answerChapter(report: DrillReport): Chapter {
  const { samples, phases, regions } = report;
  const begins = (phase: string) => phases.find((each) => each.phase === phase)?.at ?? Number.POSITIVE_INFINITY;
  const [fault, back] = [begins("fault"), begins("restoration")];
  const between = (from: number, to: number) => (answer: string) =>
    samples.filter((sample) => answerOf(sample) === answer && sample.at >= from && sample.at < to).length;
  return chapter(
    { title: "Answers", chart: () => requestsChart(report), inTerminal: "nothing" },
    samples.length > 0 ? [...new Set([...regions, ...samples.map(answerOf)])] : [],
    {
      "answered by": (answer: string) => answer,
      "before the fault": between(Number.NEGATIVE_INFINITY, fault),
      "fault to restoration": between(fault, back),
      after: between(back, Number.POSITIVE_INFINITY),
    },
  );
}

function answerOf({ ok, status, region }: Sample): string {
  if (ok) return region ?? "unknown region";
  return status === 0 ? "failed: no answer" : `failed: ${status}`;
}

function trendChapter(report: DrillReport, past: readonly PastDrill[]): Chapter {
  const { drills, earlier } = trendOf(report, past);
  return chapter(
    {
      title: "Trend",
      note: `The last row is this drill${earlier > 0 ? `; ${earlier} earlier drills are omitted` : ""}.`,
      chart: () => trendChart(report, past),
      inTerminal: "nothing",
    },
    drills,
    {
      "date (UTC)": ({ startedAt }) => minuteOf(startedAt),
      fleet: ({ local }) => placeOf(local),
      region: "region",
      fault: "fault",
      detection: ({ detectionSeconds }) => valueCell(detectionSeconds),
      RTO: ({ recoverySeconds }) => valueCell(recoverySeconds),
      "worst RPO": ({ worstLossSeconds }) => valueCell(worstLossSeconds),
      met: ({ met }) => graded(met, "met", "missed"),
    },
  );
}
