import { recordLateSeconds, recordRules } from "../../observability/alerts/record";
import { panelQueries } from "../../observability/dashboards/dashboards";
import { ruleGroups } from "../../observability/files";
import { seriesOf } from "./promql";
import { DASHBOARD_SETTINGS, RULE_SETTINGS } from "./settings";

const WITHOUT = { ...RULE_SETTINGS, record: undefined };
const OF_RECORD = /^langflow_dr_(sync|record)_/;
const alertsOf = (settings: Parameters<typeof recordRules>[0]) => recordRules(settings).alerts ?? [];
const missing = (isNamed: boolean, hasWitness: boolean) =>
  alertsOf({ intervalSeconds: 10, isNamed, hasWitness }).find(({ name }) => name === "RecorderMissing");

describe("the alert rules of the record", () => {
  it("are never critical, because flows reach the other regions without Git", () => {
    const severities = new Set(
      alertsOf({ intervalSeconds: 10, isNamed: true, hasWitness: true }).map((each) => each.severity),
    );
    expect([...severities]).toEqual(["warning"]);
  });

  it("are omitted, together with all panels of the record, without a flow repository", () => {
    const expressions = ruleGroups(WITHOUT).flatMap(({ alerts = [] }) => alerts.map(({ expr }) => expr));
    const shown = panelQueries({ ...DASHBOARD_SETTINGS, rules: WITHOUT }).map(({ expr }) => expr);
    const read = [...expressions, ...shown].flatMap(seriesOf);
    expect(read.filter((name) => OF_RECORD.test(name))).toEqual([]);
    expect([...expressions, ...shown].filter((expr) => expr.includes("probe-git"))).toEqual([]);
    expect(ruleGroups(RULE_SETTINGS)).toHaveLength(ruleGroups(WITHOUT).length + 1);
  });

  it("report a missing recorder only in the lease holder's region, or else in the configured region", () => {
    expect(missing(false, true)?.expr).toBe(
      "max(langflow_dr_record_recorder) == 0 and on () (max(langflow_dr_schedules_held) == 1 unless max(langflow_dr_schedules_lag_seconds) > 120)",
    );
    expect(missing(true, true)?.expr).toBe(
      "max(langflow_dr_record_recorder) == 0 and on () (max(langflow_dr_schedules_held) == 1 or max(langflow_dr_schedules_lag_seconds) > 120)",
    );
    expect(missing(true, true)?.forSeconds).toBe(600);
  });

  it("report a missing recorder without a witness only in the configured region, even while that region's agent is down", () => {
    expect(missing(true, false)?.expr).toBe("absent(langflow_dr_record_recorder == 1)");
    expect(missing(false, false)).toBeUndefined();
  });

  it("report a late record after 15 minutes, or after six intervals if longer", () => {
    expect([10, 150, 3_600].map((intervalSeconds) => recordLateSeconds({ intervalSeconds }))).toEqual([
      900, 900, 21_600,
    ]);
  });
});
