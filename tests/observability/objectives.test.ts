import { readFileSync } from "node:fs";
import fc from "fast-check";
import { OBJECTIVES, type Objective, objectiveRules, RUN_SECONDS } from "../../observability/objectives";

const objective: fc.Arbitrary<Objective> = fc.record({
  name: fc.stringMatching(/^[a-z]{1,8}$/),
  failing: fc.constant("things that failed"),
  target: fc.double({ min: 0.5, max: 0.9999, noNaN: true }),
  events: fc.constant("events"),
  errors: fc.constant("errors"),
});

const alertsOf = (objectives: Objective[]) => objectiveRules(objectives).flatMap(({ alerts = [] }) => alerts);
const thresholds = (expr: string) => [...expr.matchAll(/> ([\d.e-]+)/g)].map(([, number]) => Number(number));

describe("objectives", () => {
  it("have one alert per severity with two pairs of windows, each pair with one threshold", () => {
    fc.assert(
      fc.property(objective, (each) => {
        const alerts = alertsOf([each]);
        expect(alerts.map(({ severity }) => severity)).toEqual(["critical", "warning"]);
        for (const { expr } of alerts) {
          const [first, second, third, fourth, ...more] = thresholds(expr);
          expect([first, third, more]).toEqual([second, fourth, []]);
        }
      }),
    );
  });

  it("alert at the burn rates of the SRE workbook: 14.4, 6, 3 and 1", () => {
    fc.assert(
      fc.property(objective, (each) => {
        const factors = alertsOf([each]).flatMap(({ expr }) =>
          thresholds(expr).map((threshold) => threshold / (1 - each.target)),
        );
        [14.4, 14.4, 6, 6, 3, 3, 1, 1].forEach((factor, index) => {
          expect(factors[index]).toBeCloseTo(factor, 2);
        });
      }),
    );
  });

  it("use only time windows for which a recording rule exists", () => {
    const groups = objectiveRules();
    const records = new Set(groups.flatMap(({ recordings = [] }) => recordings.map(({ record }) => record)));
    const used = groups.flatMap(({ alerts = [] }) => alerts.flatMap(({ expr }) => expr.match(/slo:[\w:]+/g) ?? []));
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((name) => !records.has(name))).toEqual([]);
  });

  it("have unique names and targets below 100 %", () => {
    expect(new Set(OBJECTIVES.map(({ name }) => name)).size).toBe(OBJECTIVES.length);
    for (const { target } of OBJECTIVES) expect(target > 0 && target < 1).toBe(true);
  });

  it("have alerts that can fire, because the threshold of the fastest burn is below 100 % failed requests", () => {
    for (const { expr } of alertsOf([...OBJECTIVES]))
      for (const threshold of thresholds(expr)) expect(threshold).toBeLessThan(1);
  });

  it("limit a run's duration at a bucket boundary of LangFlow's histogram", () => {
    const scrape = readFileSync(`${__dirname}/scrapes/langflow-1.13.txt`, "utf8");
    const bounds = scrape.match(/^http_server_request_duration_seconds_bucket\{.*?le="[^"]*"/gm) ?? [];
    expect(bounds.map((series) => series.match(/le="(.*)"/)?.[1])).toContain(`${RUN_SECONDS}`);
  });
});
