import { FLOW_RUNS, FLOW_SECONDS } from "../collector";
import { RUN_REQUESTS } from "../objectives";
import type { RuleGroup } from "../rules";

/** Share of failed runs above which a flow counts as failing, rather than a few of its runs. */
export const FLOW_FAILING_SHARE = 0.5;
/** Minimum number of failed runs for an alert, because one or two prove nothing. */
const FLOW_FAILURES = 5;
/** Evaluation window, in PromQL's format. */
const WINDOW = "15m";
/** Rate of run requests per second above which the collector must have counted runs: one in five minutes. */
const RUNS_FEW = 1 / 300;

/**
 * Runs that completed by themselves. A cancelled run, or one that waits for user input, counts neither as success nor
 * as failure.
 */
const ENDED = 'status=~"ok|error"';
const FAILED = 'status="error"';
/** Runs beyond the collector's limit of combinations have no flow. */
const OF_A_FLOW = 'flow_id!=""';
const TOO_MANY = 'otel_metric_overflow="true"';

/**
 * Returns PromQL for the share of failed runs among the completed runs of each flow.
 *
 * @param window in PromQL's format
 */
export function failedShare(window: string): string {
  const runs = (matchers: string) => `sum by (flow_id) (rate(${FLOW_RUNS}{${matchers},${OF_A_FLOW}}[${window}]))`;
  return `${runs(FAILED)} / ${runs(ENDED)}`;
}

/** Returns PromQL for a quantile of the duration of all runs, including those of the playground. */
export function runTime(quantile: number, window: string): string {
  return `histogram_quantile(${quantile}, sum by (le) (rate(${FLOW_SECONDS}{${ENDED}}[${window}])))`;
}

/** Returns the rules about flows, based on the collector's counts of LangFlow's spans. */
export function flowRules(): RuleGroup {
  return {
    name: "flows",
    intervalSeconds: 30,
    alerts: [
      {
        name: "FlowFailing",
        severity: "warning",
        expr: `${failedShare(WINDOW)} > ${FLOW_FAILING_SHARE} and sum by (flow_id) (increase(${FLOW_RUNS}{${FAILED}}[${WINDOW}])) >= ${FLOW_FAILURES}`,
        forSeconds: 60,
        summary: "{{ $value | humanizePercentage }} of the runs of flow {{ $labels.flow_id }} fail",
      },
      {
        name: "RunsUncounted",
        severity: "warning",
        expr: `sum(rate(http_server_request_duration_seconds_count{${RUN_REQUESTS},http_response_status_code=~"2.."}[${WINDOW}])) > ${RUNS_FEW.toPrecision(3)} unless sum(rate(${FLOW_RUNS}[${WINDOW}])) > 0 or sum(rate(${FLOW_RUNS}{${TOO_MANY}}[${WINDOW}])) > 0`,
        forSeconds: 900,
        summary:
          "the collector gets no spans of LangFlow's runs, or reached its series limit: failing flows go undetected",
      },
    ],
  };
}
