import fc from "fast-check";
import type { DrillReport } from "../../../../fleet/drill/report";
import { reportOf } from "../../../../fleet/drill/report/chapters";
import type { PastDrill } from "../../../../fleet/drill/report/past";
import { html as asHtml } from "../../../../fleet/report/html";
import { ENDED_EARLY, hostile, pastDrills, sampleReport, withEverywhere } from "../sampleReport";

const reportHtml = (report: DrillReport, past: readonly PastDrill[]) => asHtml(reportOf(report, past));

describe("the drill report in HTML", () => {
  const html = reportHtml(sampleReport(), pastDrills());
  const chart = (name: string, page = html) =>
    new RegExp(`<svg role="img" aria-labelledby="${name}-title ${name}-desc".*?</svg>`, "s").exec(page)?.[0] ?? "";
  const filled = (svg: string, colour: string) => svg.split(`fill="${colour}"`).length - 1;

  it("is self-contained: it has no script, no external file and no link", () => {
    expect(html.replace(/ xmlns(?::xlink)?="http:\/\/www\.w3\.org\/[^"]*"/g, "")).not.toMatch(/https?:/);
    expect(html).not.toMatch(/<script|<link|<img|<iframe|\ssrc=|href=|url\((?!#)|@import|\son\w+=/i);
  });

  it.each(["requests", "latency", "targets", "trend"])("has a chart of %s with a title and a description", (name) => {
    const svg = chart(name);
    expect(svg).toContain(`<title id="${name}-title">`);
    expect(svg).toMatch(new RegExp(`<desc id="${name}-desc">.{40,}</desc>`));
    expect(svg.match(/<path/g)?.length).toBeGreaterThan(10);
  });

  it("has one red bar per time slot with failures, and none without failures", () => {
    const { samples } = sampleReport();
    const red = (svg: string) => [...svg.matchAll(/<path d="[^"]*l0 -[\d.]+l[^"]*" fill="#d7263d"/g)].length;
    expect(red(chart("requests"))).toBe(2);
    const quiet = reportHtml(sampleReport({ samples: samples.filter(({ ok }) => ok) }), []);
    expect(red(chart("requests", quiet))).toBe(0);
  });

  it("marks every phase in the time charts, with the numbers of the timeline", () => {
    for (const name of ["requests", "latency"]) {
      const labels = [...chart(name).matchAll(/>([^<]*)<\/text>/g)].map(([, text]) => text);
      expect(labels).toEqual(
        expect.arrayContaining([
          "1 steady",
          "2 fault, 3 detection",
          "4",
          "5",
          "6 restoration",
          "7 failback",
          "8 convergence",
        ]),
      );
    }
  });

  it("shows measured next to predicted values, and missed targets in red", () => {
    const { targets } = sampleReport();
    const missed = sampleReport({ targets: targets.map((target) => ({ ...target, met: target.name !== "RTO" })) });
    const [before, after] = [chart("targets"), chart("targets", reportHtml(missed, []))];
    // The legend accounts for the first red fill.
    expect([filled(before, "#d7263d"), filled(after, "#d7263d")]).toEqual([1, 2]);
    expect(filled(before, "#8b939e")).toBe(1 + targets.filter(({ predicted }) => predicted !== undefined).length);
  });

  it("shows only drills of the same fault in the trend chart, but lists all drills in the trend table", () => {
    expect(chart("trend")).toContain("4 drills, including this one as the last");
    expect(html).toContain("<td>2026-08-12 09:05</td>");
  });

  it("is identical for the same report, whatever was rendered before", () => {
    expect(reportHtml(sampleReport(), pastDrills())).toBe(html);
  });

  it("explains why a drill ended early, and omits empty charts", () => {
    const page = reportHtml(sampleReport(ENDED_EARLY), []);
    expect(page).toContain('<p class="result bad">Ended early: interrupted</p>');
    expect(page.match(/<h2>.*?<\/h2>/g)).toEqual(["Timeline", "Traffic", "Trend"].map((each) => `<h2>${each}</h2>`));
    expect(page.match(/<svg/g)).toHaveLength(1);
  });

  it("escapes all text from the drill, also in charts", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        // Charts split a long label into one element per line.
        const page = reportHtml(withEverywhere(text), []).replaceAll(/<\/text>\n<text [^<>]*>/g, "");
        const seen = page.match(/⟦[^⟧]*⟧/g) ?? [];
        expect(seen.length).toBeGreaterThan(30);
        expect(page.split("⟦").length).toBe(seen.length + 1);
        for (const each of seen) expect(each).not.toMatch(/[<>"']/);
        expect(chart("requests", page)).toContain("⟦");
        expect(chart("targets", page)).toContain("⟦");
      }),
      { numRuns: 6, examples: [["⟦<</svg></svg><</svg>⟧"]] },
    );
  });
});
