import { FLOW_RUNS, FLOW_SECONDS } from "../collector";
import { RUN_REQUESTS } from "../objectives";
import type { RuleGroup } from "../rules";

/** The share of a flow's runs from which on it fails, not one or the other of them. */
export const FLOW_FAILING_SHARE = 0.5;
/** Failed runs that say so: of one or two nobody can know. */
const FLOW_FAILURES = 5;
/** What is looked at of a flow, as PromQL writes it. */
const WINDOW = "15m";
/** Runs per second by the requests for them, from which on the collector must have heard of some: one in five minutes. */
const RUNS_FEW = 1 / 300;

/** Runs that came to an end by themselves: one that was stopped, or that waits for a person, is neither good nor bad. */
const ENDED = 'status=~"ok|error"';
const FAILED = 'status="error"';
/** What came after all combinations that are counted apart has no flow. */
const OF_A_FLOW = 'flow_id!=""';
const TOO_MANY = 'otel_metric_overflow="true"';

/**
 * Failed runs of each flow, as a share of those that came to an end.
 *
 * @param window of PromQL
 */
export function failedShare(window: string): string {
  const runs = (matchers: string) => `sum by (flow_id) (rate(${FLOW_RUNS}{${matchers},${OF_A_FLOW}}[${window}]))`;
  return `${runs(FAILED)} / ${runs(ENDED)}`;
}

/** The time that a share of all runs took at most, playground included. */
export function runTime(quantile: number, window: string): string {
  return `histogram_quantile(${quantile}, sum by (le) (rate(${FLOW_SECONDS}{${ENDED}}[${window}])))`;
}

/** Flows by what the collector counts of LangFlow's spans. */
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
