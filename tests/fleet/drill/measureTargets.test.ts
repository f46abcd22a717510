import fc from "fast-check";
import { type Bounds, type Found, passed, targetsOf } from "../../../fleet/drill/measure";
import { ERRANDS, type ErrandName, SPANS, type Span, type VisitCount } from "../../../fleet/drill/report";
import { sampleReport } from "./sampleReport";

describe("a drill's targets", () => {
  const found: Found = {
    untilDetection: { requests: 200, failed: 3, p50: 20, p95: 40 },
    detectionSeconds: 47,
    losses: [
      { store: "flows", seconds: 4, said: "" },
      { store: "files", said: "" },
    ],
  };
  const metOf = (limits: Bounds) => targetsOf({ ...found, limits }).map(({ name, met }) => [name, met]);

  it("exist only for measures with a limit, in a fixed order", () => {
    const limits = { databaseSeconds: 1, flowsSeconds: 13, failedPercent: 2, detectionSeconds: 50 };
    expect(metOf(limits)).toEqual([
      ["detection", true],
      ["failed until detection", true],
      ["RPO of flows", true],
      ["RPO of the database", false],
    ]);
    expect(targetsOf({ ...found, limits: {} })).toEqual([]);
  });

  it("are missed if nothing could be measured, however high the limit", () => {
    const limits = { recoverySeconds: 1e9, filesSeconds: 1e9, failbackSeconds: 1e9, convergenceSeconds: 1e9 };
    expect(metOf(limits).map(([, met]) => met)).toEqual([false, false, false, false]);
    const quiet = { ...found, untilDetection: { requests: 0, failed: 0, p50: 0, p95: 0 } };
    expect(targetsOf({ ...quiet, limits: { failedPercent: 100 } })).toMatchObject([{ met: false }]);
  });

  it("count failures until the fault ends if the monitor is not certain to detect the fault", () => {
    const limits = { awayPercent: 2 };
    const after = { requests: 100, failed: 12, p50: 20, p95: 40 };
    expect(targetsOf({ ...found, limits })).toMatchObject([{ measured: 1.5, met: true }]);
    expect(targetsOf({ ...found, afterDetection: after, limits })).toMatchObject([{ measured: 5, met: false }]);
  });

  it("tolerate no hung requests after detection, if the limit is zero", () => {
    const after = { requests: 200, failed: 2, hung: 1, p50: 20, p95: 40 };
    const limits = { hungPercent: 0 };
    expect(targetsOf({ ...found, limits })).toMatchObject([{ met: false }]);
    expect(targetsOf({ ...found, afterDetection: after, limits })).toMatchObject([{ measured: 0.5, met: false }]);
    expect(targetsOf({ ...found, afterDetection: { ...after, hung: 0 }, limits })).toMatchObject([{ met: true }]);
  });

  it("count broken visits only of the kinds and in the time spans that each target covers", () => {
    const count = (errand: ErrandName, span: Span, good: number): VisitCount => ({
      errand,
      span,
      visits: 10,
      good,
      cut: 10 - good,
      hung: 0,
      wrong: 0,
      refused: 0,
      longestSeconds: 1,
    });
    const measured = (key: "brokenPercent" | "newlyBrokenPercent" | "unawarePercent", ...visitCounts: VisitCount[]) =>
      targetsOf({ ...found, visitCounts, limits: { [key]: 0 } })[0]?.measured;
    const good = ERRANDS.flatMap((errand) => SPANS.map((span) => count(errand, span, 10)));
    const withBroken = (errand: ErrandName, span: Span) =>
      good.map((each) => (each.errand === errand && each.span === span ? count(errand, span, 9) : each));
    /** Returns the targets that are missed if one in ten visits of this errand and time span is broken. */
    const missed = (errand: ErrandName, span: Span) =>
      (["brokenPercent", "newlyBrokenPercent", "unawarePercent"] as const).filter(
        (key) => measured(key, ...withBroken(errand, span)) !== 0,
      );
    expect(missed("stream", "ended before the fault")).toEqual([]);
    expect(missed("stream", "under way at the fault")).toEqual(["unawarePercent"]);
    expect(missed("stream", "under way elsewhere")).toEqual(["brokenPercent", "unawarePercent"]);
    expect(missed("upload", "begun after the fault")).toEqual(["newlyBrokenPercent", "unawarePercent"]);
    expect(missed("healthz", "begun after the fault")).toEqual(["unawarePercent"]);
    expect(missed("whoami", "begun after detection")).toEqual(["brokenPercent", "unawarePercent"]);
    expect(missed("upload", "begun after the return")).toEqual([]);
    expect(measured("unawarePercent", count("stream", "begun after the return", 9))).toBeUndefined();
  });

  it("are met up to and including their limit, and missed above it", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (measured, limit) => {
          const [target] = targetsOf({ ...found, recoverySeconds: measured, limits: { recoverySeconds: limit } });
          expect(target).toEqual({ name: "RTO", unit: "s", measured, limit, met: measured <= limit });
        },
      ),
    );
  });

  it("include predictions, which do not affect the result", () => {
    const [target] = targetsOf({ ...found, limits: { detectionSeconds: 60 }, predicted: { detectionSeconds: 30 } });
    expect(target).toMatchObject({ measured: 47, predicted: 30, limit: 60, met: true });
  });
});

describe("a drill", () => {
  it("passes only if it ran to its end, met every target and passed every check", () => {
    const report = sampleReport();
    const [target] = report.targets;
    if (!target) throw new Error("the sample has no targets");
    expect(passed(report)).toBe(true);
    expect(passed({ ...report, aborted: "interrupted" })).toBe(false);
    expect(passed({ ...report, targets: [...report.targets, { ...target, met: false }] })).toBe(false);
    expect(passed({ ...report, checks: [{ name: "flows", passed: false, said: "one is missing" }] })).toBe(false);
  });
});
