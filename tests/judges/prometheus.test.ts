import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { WATCHDOG } from "../../observability/alerts/monitoring";
import { panelQueries } from "../../observability/dashboards/dashboards";
import {
  alertmanagerFiles,
  blackboxFiles,
  collectorFiles,
  prometheusFiles,
  ruleGroups,
} from "../../observability/files";
import { HEALTH_CHECK } from "../../observability/healthChecks";
import { type RuleGroup, ruleFile } from "../../observability/rules";
import { DASHBOARD_SETTINGS, NOTIFICATIONS, RULE_SETTINGS, WATCHED } from "../observability/settings";
import { CASES, QUIET } from "./alerts/cases";
import { ruleTests } from "./alerts/ruleTests";
import { PANEL_SERIES } from "./panelSeries";
import { report } from "./skips";
import { amtool, blackboxExporter, collector, promtool, run } from "./tools";

jest.setTimeout(600_000);

/** Folder of a pod's ServiceAccount token, which does not exist here. The test replaces it with its own folder. */
const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
/**
 * Interval between two rule evaluations by file, in seconds: the health check interval for regions, and longer for
 * objectives, whose faults last for days.
 */
const EVALUATION_SECONDS: Readonly<Record<string, number>> = { regions: HEALTH_CHECK.intervalSeconds, objectives: 120 };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "prometheus-judge-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function written(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

/**
 * Returns the rule groups by subject, which is the first part of the group name. Groups of a subject depend on each
 * other.
 */
function ruleFiles(): Map<string, RuleGroup[]> {
  const files = new Map<string, RuleGroup[]>();
  for (const group of ruleGroups(RULE_SETTINGS)) {
    const [subject = ""] = group.name.split("-");
    files.set(subject, [...(files.get(subject) ?? []), group]);
  }
  return files;
}

const watched = (groups: readonly RuleGroup[]) =>
  new Set(groups.flatMap(({ alerts = [] }) => alerts.map(({ name }) => name)));
const of =
  (names: ReadonlySet<string>) =>
  ({ alert }: { readonly alert: string }) =>
    names.has(alert);

/** Returns the alerts whose tests fail according to promtool, which exits with 1 if there are any. */
async function failing(subject: string, groups: readonly RuleGroup[]): Promise<string[]> {
  const names = watched(groups);
  const seconds = EVALUATION_SECONDS[subject] ?? 60;
  const tests = ruleTests(`${subject}.yml`, seconds, CASES.filter(of(names)), QUIET.filter(of(names)));
  written({ [`${subject}.yml`]: stringify(ruleFile(groups)), [`${subject}.test.yml`]: stringify(tests) });
  const args = ["test", "rules", join(folder, `${subject}.test.yml`)];
  const said = await promisify(execFile)(await promtool(), args, { maxBuffer: 2 ** 26 }).catch((error) => error);
  if (said.code === undefined) return [];
  const alerts = [...`${said.stderr}`.matchAll(/alertname: (\w+), time: (\w+)/g)].map(
    ([, name, time]) => `${name} at ${time}`,
  );
  // If promtool rejects the file, no alert is listed, so the error itself is the failure.
  return alerts.length > 0 ? alerts : [`${subject}: ${said.stderr}`];
}

describe("promtool", () => {
  it("accepts the configuration with all rules and finds no duplicate rule", async () => {
    written({ token: "token", "ca.crt": "" });
    const files = prometheusFiles(WATCHED, RULE_SETTINGS, "acme/langflow-dr");
    written({ ...files, "prometheus.yml": (files["prometheus.yml"] ?? "").replaceAll(SERVICE_ACCOUNT, folder) });
    const said = await run(await promtool(), ["check", "config", "--lint=all", join(folder, "prometheus.yml")]);
    expect(said).toMatch(/SUCCESS: \d+ rules found/);
  });

  it("accepts every query of a dashboard", async () => {
    const asked = panelQueries(DASHBOARD_SETTINGS);
    const rules = asked.map(({ dashboard, expr }, index) => ({ record: `panel:${dashboard}:query_${index}`, expr }));
    written({ "panels.yml": stringify({ groups: [{ name: "panels", rules }] }) });
    const said = await run(await promtool(), ["check", "rules", "--lint=none", join(folder, "panels.yml")]);
    report(
      "promtool",
      `  ${asked.length} queries of ${new Set(asked.map(({ panel }) => panel)).size} panels and marks`,
    );
    expect(said).toContain(`SUCCESS: ${asked.length} rules found`);
    const broken = rules.map(({ record, expr }) => ({ record, expr: `${expr})` }));
    written({ "panels.yml": stringify({ groups: [{ name: "panels", rules: broken }] }) });
    await expect(run(await promtool(), ["check", "rules", "--lint=none", join(folder, "panels.yml")])).rejects.toThrow(
      "unexpected right parenthesis",
    );
  });

  /** Returns promtool's failures for panel queries that return no result or lack a label of their legend. */
  async function unseen(series: Readonly<Record<string, string>>): Promise<string[]> {
    const looks = panelQueries(DASHBOARD_SETTINGS).flatMap(({ legend, expr }) => {
      const labels = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
      const all = { expr: `group(${expr})`, eval_time: "15m", exp_samples: [{ labels: "{}", value: 1 }] };
      const named = labels.map((label) => ({
        ...all,
        expr: `group by (seen) (label_replace(${expr}, "seen", "yes", "${label}", ".+"))`,
        exp_samples: [{ labels: '{seen="yes"}', value: 1 }],
      }));
      return named.length > 0 ? named : [all];
    });
    const input = Object.entries(series).map(([name, values]) => ({ series: name, values }));
    const tests = [{ interval: "30s", input_series: input, promql_expr_test: looks }];
    written({ "panels.test.yml": stringify({ evaluation_interval: "30s", tests }) });
    const args = ["test", "rules", join(folder, "panels.test.yml")];
    const said = await promisify(execFile)(await promtool(), args, { maxBuffer: 2 ** 26 }).catch((error) => error);
    if (said.code === undefined) return [];
    return `${said.stderr}`.match(/expr: .*/g) ?? [`${said.stderr}`];
  }

  it("returns a result for each query, with every label of its legend", async () => {
    expect(await unseen(PANEL_SERIES)).toEqual([]);
  });

  it("returns no result for a query if a label has another name or value, such as a job, a namespace or a legend label", async () => {
    const renamed = (from: string, to: string) =>
      Object.fromEntries(Object.entries(PANEL_SERIES).map(([series, values]) => [series.replaceAll(from, to), values]));
    for (const [from, to] of [
      ['"probe-origin"', '"probe"'],
      ['namespace="langflow"', 'namespace="other"'],
      ["http_route=", "route="],
      ["workspace=", "user="],
    ] as const)
      expect([from, (await unseen(renamed(from, to))).length > 0]).toEqual([from, true]);
  });

  it("finds that every alert stays quiet, fires with its summary, and resolves at the expected times", async () => {
    const failed: string[] = [];
    for (const [subject, groups] of ruleFiles()) failed.push(...(await failing(subject, groups)));
    const alerts = new Set([...ruleFiles().values()].flatMap((groups) => [...watched(groups)]));
    const looks = CASES.length * 3 + QUIET.flatMap(({ at }) => at).length;
    report(
      "promtool",
      `  ${alerts.size} alerts, ${CASES.length} faults that come and go, ${QUIET.length} that are none, ${looks} looks`,
    );
    const shown = new Set(CASES.map(({ alert }) => alert));
    expect([...alerts].filter((name) => !shown.has(name))).toEqual([WATCHDOG]);
    expect(failed).toEqual([]);
  });

  const BROKEN: [what: string, broken: (expr: string) => string][] = [
    ["never fires", (expr) => `(${expr}) and on () vector(0) > 1`],
    ["is always true", () => "vector(1)"],
  ];
  it.each(BROKEN)("detects each rule that %s", async (_, broken) => {
    for (const [subject, groups] of ruleFiles()) {
      // One objective is representative of all, and testing them takes a minute.
      if (subject === "objectives") continue;
      const spoiled = groups.map((group) => ({
        ...group,
        alerts: (group.alerts ?? []).map((alert) => ({ ...alert, expr: broken(alert.expr) })),
      }));
      const caught = new Set((await failing(subject, spoiled)).map((each) => each.split(" ")[0]));
      const missed = [...watched(groups)].filter((name) => name !== WATCHDOG && !caught.has(name));
      expect([subject, missed]).toEqual([subject, []]);
    }
  });
});

describe("amtool", () => {
  it("accepts the configuration with a receiver of each kind and with no receivers", async () => {
    for (const notifications of [NOTIFICATIONS, { receivers: { webhook: [], email: [], sns: [], pagerduty: [] } }]) {
      written(alertmanagerFiles(notifications));
      expect(await run(await amtool(), ["check-config", join(folder, "alertmanager.yml")])).toContain("SUCCESS");
    }
  });

  const ROUTES: [labels: string[], receivers: string][] = [
    [["alertname=RegionUnhealthy", "severity=critical"], "webhook-1,email-1,sns-1,pagerduty-1"],
    [["alertname=BackupFailed", "severity=warning"], "webhook-1,email-1,sns-1"],
    [["alertname=Watchdog", "severity=none"], "dead-mans-switch"],
    [["alertname=Unknown", "severity=none"], "nobody"],
  ];
  it.each(ROUTES)("routes an alert with labels %s to %s", async (labels, receivers) => {
    written(alertmanagerFiles(NOTIFICATIONS));
    const file = `--config.file=${join(folder, "alertmanager.yml")}`;
    const said = await run(await amtool(), ["config", "routes", "test", file, ...labels]);
    expect(said.trim()).toBe(receivers);
  });
});

describe("the OpenTelemetry collector", () => {
  const validated = async (text: string) => {
    written({ "collector.yml": text });
    return run(await collector(), ["validate", `--config=${join(folder, "collector.yml")}`]);
  };

  it("accepts our configuration and rejects an unknown setting", async () => {
    const { "collector.yml": text = "" } = collectorFiles();
    await expect(validated(text)).resolves.toBe("");
    for (const setting of ["calls_dimensions", "aggregation_cardinality_limit", "check_interval", "exclude_dimensions"])
      await expect(validated(text.replace(setting, `${setting}_of_ours`))).rejects.toThrow(`${setting}_of_ours`);
  });
});

describe("the blackbox exporter", () => {
  it("accepts our configuration", async () => {
    written(blackboxFiles(WATCHED.hostname, HEALTH_CHECK));
    const file = join(folder, "blackbox.yml");
    await expect(run(await blackboxExporter(), ["--config.check", `--config.file=${file}`])).resolves.toBe("");
  });
});
