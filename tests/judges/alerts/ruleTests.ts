/** An entry of promtool's test file, built from the cases. */
import { RUNBOOKS } from "../../../observability/rules";
import type { AlertCase, QuietCase } from "./alertCase";

interface Expected {
  readonly eval_time: string;
  readonly alertname: string;
  readonly exp_alerts: readonly object[];
}

const at = (seconds: number, alertname: string, alerts: readonly object[] = []): Expected => ({
  eval_time: `${seconds}s`,
  alertname,
  exp_alerts: alerts,
});

const input = (series: AlertCase["series"]) =>
  Object.entries(series).map(([name, values]) => ({ series: name, values }));

/**
 * Returns the content of a test file for `promtool test rules`, as an object to be written as YAML.
 *
 * @param rules the rule file under test
 * @param evaluationSeconds interval between two rule evaluations, in seconds
 */
export function ruleTests(
  rules: string,
  evaluationSeconds: number,
  cases: readonly AlertCase[],
  quiet: readonly QuietCase[],
): object {
  const firing = ({ alert, told }: AlertCase) =>
    told.map(({ severity, labels, summary }) => ({
      exp_labels: { severity, ...labels },
      exp_annotations: { summary, runbook_url: `${RUNBOOKS}#${alert.toLowerCase()}` },
    }));
  return {
    rule_files: [rules],
    evaluation_interval: `${evaluationSeconds}s`,
    tests: [
      ...cases.map((each) => ({
        name: each.alert,
        interval: `${each.intervalSeconds}s`,
        input_series: input(each.series),
        alert_rule_test: [
          at(each.quietAt, each.alert),
          at(each.firesAt, each.alert, firing(each)),
          at(each.resolvedAt, each.alert),
        ],
      })),
      ...quiet.map(({ alert, because, intervalSeconds, series, at: moments }) => ({
        name: `${alert}: ${because}`,
        interval: `${intervalSeconds}s`,
        input_series: input(series),
        alert_rule_test: moments.map((seconds) => at(seconds, alert)),
      })),
    ],
  };
}
