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

describe("the record's rules", () => {
  it("wake nobody, since flows reach the other regions without Git", () => {
    const severities = new Set(
      alertsOf({ intervalSeconds: 10, isNamed: true, hasWitness: true }).map((each) => each.severity),
    );
    expect([...severities]).toEqual(["warning"]);
  });

  it("are absent, and no panel asks for the record, where the fleet has no flow repository", () => {
    const expressions = ruleGroups(WITHOUT).flatMap(({ alerts = [] }) => alerts.map(({ expr }) => expr));
    const shown = panelQueries({ ...DASHBOARD_SETTINGS, rules: WITHOUT }).map(({ expr }) => expr);
    const read = [...expressions, ...shown].flatMap(seriesOf);
    expect(read.filter((name) => OF_RECORD.test(name))).toEqual([]);
    expect([...expressions, ...shown].filter((expr) => expr.includes("probe-git"))).toEqual([]);
    expect(ruleGroups(RULE_SETTINGS)).toHaveLength(ruleGroups(WITHOUT).length + 1);
  });

  it("miss a recorder in one region at a time: in the lease's holder, and where nobody knows who holds it, in the one that config names", () => {
    expect(missing(false, true)?.expr).toBe(
      "max(langflow_dr_record_recorder) == 0 and on () (max(langflow_dr_schedules_held) == 1 unless max(langflow_dr_schedules_lag_seconds) > 120)",
    );
    expect(missing(true, true)?.expr).toBe(
      "max(langflow_dr_record_recorder) == 0 and on () (max(langflow_dr_schedules_held) == 1 or max(langflow_dr_schedules_lag_seconds) > 120)",
    );
    expect(missing(true, true)?.forSeconds).toBe(600);
  });

  it("miss it without a witness in the region that config names alone, also while its agent is away", () => {
    expect(missing(true, false)?.expr).toBe("absent(langflow_dr_record_recorder == 1)");
    expect(missing(false, false)).toBeUndefined();
  });

  it("call the record late after a quarter of an hour, or six intervals where these are longer", () => {
    expect([10, 150, 3_600].map((intervalSeconds) => recordLateSeconds({ intervalSeconds }))).toEqual([
      900, 900, 21_600,
    ]);
  });
});
