import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { type AlertSeries, alertsSince, spansOf } from "../../../fleet/drill/alerts";
import { alertedAt, isAlerted, isQuiet } from "../../../fleet/drill/findings";
import type { SeenAlert } from "../../../fleet/drill/report";
import { alertChapter } from "../../../fleet/drill/report/chapters";
import { textOf } from "../../../fleet/report/report";
import { sampleReport } from "./sampleReport";

const INTERVAL_SECONDS = 15;
const START_SECONDS = 1_795_000_000;
const lost = (alertstate: string) => ({
  alertname: "RegionUnhealthy",
  alertstate,
  severity: "critical",
  target_region: "us-east",
});

/**
 * Builds an alert's series as Prometheus stores them: one letter per evaluation, `p` pending, `f` firing, `.` inactive.
 */
function seriesOf(looks: string, metric: (state: string) => Record<string, string> = lost): AlertSeries[] {
  const states = { p: "pending", f: "firing" };
  return Object.entries(states).flatMap(([letter, state]): AlertSeries[] => {
    const values = [...looks].flatMap((look, index) =>
      look === letter ? [[START_SECONDS + index * INTERVAL_SECONDS, "1"] as const] : [],
    );
    return values.length > 0 ? [{ metric: { __name__: "ALERTS", ...metric(state) }, values }] : [];
  });
}

/** Returns the time of an evaluation, in milliseconds since 1970. */
const at = (index: number) => (START_SECONDS + index * INTERVAL_SECONDS) * 1000;

describe("alerts in a drill", () => {
  it("begin at the first evaluation that finds them, fire at the first firing evaluation, and end at the last", () => {
    const pieces = fc.array(
      fc.record({ quiet: fc.integer({ min: 3, max: 9 }), pending: fc.nat(5), firing: fc.nat(9) }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(pieces, (rounds) => {
        const seen = rounds.filter(({ pending, firing }) => pending + firing > 0);
        let looks = "";
        const expected = seen.map(({ quiet, pending, firing }) => {
          const begin = looks.length + quiet;
          looks += ".".repeat(quiet) + "p".repeat(pending) + "f".repeat(firing);
          return {
            pendingAt: at(begin),
            ...(firing > 0 && { firingAt: at(begin + pending) }),
            lastAt: at(looks.length - 1),
          };
        });
        // The evaluation interval is derived from two consecutive samples.
        fc.pre(/[pf]{2}/.test(looks) || expected.length < 2);
        const found = spansOf(seriesOf(looks)).map(({ key, metric, ...times }) => times);
        expect(found).toEqual(expected);
      }),
    );
  });

  it("continue across one missed evaluation", () => {
    expect(spansOf(seriesOf("ppf.ff")).map(({ pendingAt, lastAt }) => [pendingAt, lastAt])).toEqual([[at(0), at(5)]]);
  });

  it("are separate if their labels differ, even at the same time", () => {
    const other = (state: string) => ({ ...lost(state), target_region: "ap-southeast" });
    const graver = (state: string) => ({ ...lost(state), severity: "warning" });
    const spans = spansOf([...seriesOf(".pff"), ...seriesOf("..pf", other), ...seriesOf("p", graver)]);
    expect(spans.map(({ pendingAt, firingAt }) => [pendingAt, firingAt])).toEqual([
      [at(0), undefined],
      [at(1), at(2)],
      [at(2), at(3)],
    ]);
  });

  describe("that are read from Prometheus", () => {
    let server: Server;
    let url: string;
    const asked: string[] = [];
    let past: AlertSeries[] = [];
    let present: AlertSeries[] = [];

    beforeAll(async () => {
      server = createServer((request, response) => {
        const query = new URL(request.url ?? "", "http://prometheus").searchParams.get("query") ?? "";
        asked.push(query);
        if (query.includes("nothing")) response.writeHead(503);
        response.end(JSON.stringify({ data: { result: query.endsWith("s]") ? past : present } }));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });

    /** Shifts the series in time so that the last evaluation happened just now. */
    const now = (series: AlertSeries[], looks: number): AlertSeries[] => {
      const shift = Math.floor(Date.now() / 1000) - START_SECONDS - (looks - 1) * INTERVAL_SECONDS;
      return series.map(({ metric, values }) => ({
        metric,
        values: values.map(([seconds, value]) => [seconds + shift, value] as const),
      }));
    };

    it("end once Prometheus no longer lists them, and are queried from the time of the fault on, without Watchdog", async () => {
      const looks = "....ppff";
      past = now(seriesOf(looks), looks.length);
      present = past.slice(1);
      const since = Date.now() - 123_400;
      const [seen] = await alertsSince(url, "eu-west", since);
      expect(asked).toEqual(['ALERTS{alertname!="Watchdog"}[244s]', 'ALERTS{alertname!="Watchdog"}']);
      expect(seen).toMatchObject({
        seenBy: "eu-west",
        name: "RegionUnhealthy",
        labels: { target_region: "us-east" },
      });
      expect(seen?.overAt).toBeUndefined();
      expect(isAlerted(seen ? [seen] : [], "us-east")).toBe(true);
      present = [];
      const [over] = await alertsSince(url, "eu-west", since);
      expect(over?.overAt).toBe((past[1]?.values.at(-1)?.[0] ?? 0) * 1000);
      expect(isAlerted(over ? [over] : [], "us-east")).toBe(false);
    });

    it("are listed twice if they fired twice, and only the latest occurrence is still active", async () => {
      const looks = ".......pf......pf";
      past = now(seriesOf(looks), looks.length);
      present = past.slice(1);
      const since = Date.now() - (looks.length - 1) * INTERVAL_SECONDS * 1000;
      const found = await alertsSince(url, "eu-west", since);
      expect(found.map(({ overAt }) => overAt !== undefined)).toEqual([true, false]);
      // The first occurrence began before `since`.
      expect(await alertsSince(url, "eu-west", since + 8 * INTERVAL_SECONDS * 1000)).toEqual(found.slice(1));
    });
  });

  it("detect a region's loss when the first RegionUnhealthy alert fires for this region", () => {
    const seen = (name: string, target_region: string, firingAt?: number) => ({
      seenBy: "eu-west",
      name,
      labels: { target_region },
      pendingAt: 1,
      ...(firingAt !== undefined && { firingAt }),
    });
    const others = [seen("RegionUnhealthy", "ap-southeast", 3), seen("UserDataLagging", "us-east", 4)];
    expect(alertedAt([...others, seen("RegionUnhealthy", "us-east")], "us-east")).toBeUndefined();
    const fired = [9, 7, 8].map((firingAt) => seen("RegionUnhealthy", "us-east", firingAt));
    expect(alertedAt([...others, ...fired], "us-east")).toBe(7);
    expect(isAlerted(others, "us-east")).toBe(false);
  });

  it("delay the fault until earlier alerts about the same region have been resolved for a minute", () => {
    const seen = (name: string, target: string, overAt?: number): SeenAlert => ({
      seenBy: "eu-west",
      name,
      labels: { target_region: target },
      pendingAt: 0,
      ...(overAt !== undefined && { overAt }),
    });
    const quiet = (...alerts: SeenAlert[]) => isQuiet(alerts, "us-east", 200_000);
    expect(quiet()).toBe(true);
    expect(quiet(seen("RegionUnhealthy", "us-east"))).toBe(false);
    expect(quiet(seen("RegionUnhealthy", "us-east", 140_000))).toBe(false);
    expect(quiet(seen("RegionUnhealthy", "us-east", 139_999))).toBe(true);
    expect(quiet(seen("RegionUnhealthy", "us-east", 1), seen("RegionUnhealthy", "us-east"))).toBe(false);
    expect(quiet(seen("RegionUnhealthy", "eu-west"), seen("RunsSlow", "us-east"))).toBe(true);
  });

  it("appear in the report with times in seconds since the fault", () => {
    const report = sampleReport();
    const faultAt = report.phases.find(({ phase }) => phase === "fault")?.at ?? 0;
    const alert = {
      seenBy: "eu-west",
      name: "RegionUnhealthy",
      labels: { job: "probe-origin", target_region: "us-east" },
    };
    const times = { pendingAt: faultAt + 20_000, firingAt: faultAt + 50_000 };
    const { rows } = alertChapter({
      ...report,
      alerts: [
        { ...alert, ...times, overAt: faultAt + 95_000 },
        { ...alert, ...times },
      ],
    });
    expect(rows.map((row) => row.map(textOf))).toEqual([
      ["RegionUnhealthy", "us-east", "eu-west", "20.0 s", "50.0 s", "95.0 s"],
      ["RegionUnhealthy", "us-east", "eu-west", "20.0 s", "50.0 s", "still firing"],
    ]);
    const { alerts, ...unwatched } = report;
    expect(alerts).toHaveLength(2);
    expect(alertChapter(unwatched).rows).toEqual([]);
  });
});
