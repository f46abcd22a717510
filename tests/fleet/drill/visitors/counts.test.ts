import fc from "fast-check";
import { ENDS, ERRANDS, type Visit } from "../../../../fleet/drill/report";
import { brokenPercent, countsOf } from "../../../../fleet/drill/visitors/counts";

const COURSE = { region: "us-east", faultAt: 1_000, awayAt: 1_100, detectedAt: 5_000, returnedAt: 9_000 };
const visit = (at: number, latency: number, more: Partial<Visit> = {}): Visit =>
  Object.assign({ errand: "stream", at, latency, client: "near us-east", end: "good" } satisfies Visit, more);

describe("the counts of visits", () => {
  const spanOf = (made: Visit, course = COURSE) => countsOf([made], course)[0]?.span;

  it("distinguish visits that ended before the fault, were open at the fault, or began in a later span", () => {
    expect(spanOf(visit(100, 899))).toBe("ended before the fault");
    expect(spanOf(visit(100, 900))).toBe("under way at the fault");
    expect(spanOf(visit(1_099, 1))).toBe("under way at the fault");
    expect(spanOf(visit(1_100, 1))).toBe("begun after the fault");
    expect(spanOf(visit(4_999, 9_000))).toBe("begun after the fault");
    expect(spanOf(visit(5_000, 9_000))).toBe("begun after detection");
    expect(spanOf(visit(9_000, 1))).toBe("begun after the return");
  });

  it("assign an open visit to the region that answered, or to the drilled region if none is known", () => {
    expect(spanOf(visit(100, 9_000, { region: "eu-west" }))).toBe("under way elsewhere");
    expect(spanOf(visit(100, 9_000, { region: "us-east" }))).toBe("under way at the fault");
    expect(spanOf(visit(100, 900, { region: undefined as never }))).toBe("under way at the fault");
  });

  it("assign visits during the region's shutdown to the drilled region, unless another region answered", () => {
    expect(spanOf(visit(1_000, 9_000, { region: "us-east" }))).toBe("under way at the fault");
    expect(spanOf(visit(1_000, 9_000, { region: "eu-west" }))).toBe("begun after the fault");
    const slow = { ...COURSE, awayAt: 6_000 };
    expect(spanOf(visit(5_000, 9_000), slow)).toBe("under way at the fault");
    expect(spanOf(visit(5_000, 9_000, { region: "eu-west" }), slow)).toBe("begun after detection");
  });

  it("assign visits to the detection span only after a detection, and to the fault span only after a fault", () => {
    const { region, faultAt, returnedAt } = COURSE;
    expect(countsOf([visit(8_999, 1)], { region, faultAt, returnedAt })[0]?.span).toBe("begun after the fault");
    expect(countsOf([visit(8_999, 1)], { region })[0]?.span).toBe("ended before the fault");
  });

  it("count each visit once, by how it ended", () => {
    const visits = fc.array(
      fc.record({
        errand: fc.constantFrom(...ERRANDS),
        end: fc.constantFrom(...ENDS),
        at: fc.nat(12_000),
        latency: fc.nat(12_000),
        client: fc.constant("near us-east"),
      }),
    );
    fc.assert(
      fc.property(visits, (made) => {
        const counts = countsOf(made, COURSE);
        for (const end of ENDS)
          expect(counts.reduce((sum, count) => sum + count[end], 0)).toBe(
            made.filter((each) => each.end === end).length,
          );
        for (const count of counts) expect(ENDS.reduce((sum, end) => sum + count[end], 0)).toBe(count.visits);
      }),
    );
  });

  it("contain the longest duration of each row", () => {
    const counts = countsOf([visit(100, 500), visit(200, 700), visit(2_000, 20_000)], COURSE);
    expect(counts.map(({ longestSeconds }) => longestSeconds)).toEqual([0.7, 20]);
  });

  it("compute the share of visits with a bad end in the given spans, or undefined without visits", () => {
    const ends = ENDS.map((end, index) => visit(6_000 + index, 1, { end }));
    const counts = countsOf([...ends, visit(100, 5, { end: "cut" })], COURSE);
    expect(brokenPercent(counts, ["begun after detection"])).toBeCloseTo(80);
    expect(brokenPercent(counts, ["ended before the fault"])).toBe(100);
    expect(brokenPercent(counts, ["begun after the fault"])).toBeUndefined();
    expect(brokenPercent(undefined, ["begun after detection"])).toBeUndefined();
  });
});
