import fc from "fast-check";
import { lossOf, recoveredAt, traffic } from "../../../fleet/drill/measure";
import type { Sample } from "../../../fleet/drill/report";

const FAULT = 1_000_000;
const UNTIL = FAULT + 60_000;

const sample = (ok: fc.Arbitrary<boolean>, from = FAULT - 20_000, to = UNTIL + 20_000): fc.Arbitrary<Sample> =>
  fc
    .record({
      at: fc.integer({ min: from, max: to }),
      client: fc.constant("near us-east"),
      ok,
      latency: fc.integer({ min: 0, max: 30_000 }),
    })
    .map((each) => ({ ...each, status: each.ok ? 200 : 521 }));

const samples = fc.array(sample(fc.boolean()), { maxLength: 40 });
const goodOnes = fc.array(sample(fc.constant(true), FAULT, UNTIL - 1), { maxLength: 40 });
const failure = sample(fc.constant(false), FAULT, UNTIL - 1);
const inARow = fc.integer({ min: 1, max: 8 });

const recovered = (all: readonly Sample[], count: number) => recoveredAt(all, FAULT, count, UNTIL);
const orNever = (time: number | undefined) => time ?? Number.POSITIVE_INFINITY;
const arrival = ({ at, latency }: Sample) => at + latency;

describe("the end of an outage", () => {
  it("is the time of the n-th answer if all requests succeed", () => {
    const at = (second: number, latency: number): Sample => ({
      at: FAULT + second * 1000,
      client: "near us-east",
      ok: true,
      status: 200,
      latency,
    });
    expect(recovered([at(0, 20), at(1, 30), at(2, 40), at(3, 50)], 3)).toBe(FAULT + 2040);
  });

  it("is the time at which the first n requests have been answered, in any input order, if all succeed", () => {
    fc.assert(
      fc.property(goodOnes, inARow, (good, count) => {
        const first = [...good].sort((one, other) => one.at - other.at);
        // The order of requests that were sent at the same time is undefined.
        fc.pre(first[count - 1]?.at !== first[count]?.at || first.length < count);
        const expected = good.length < count ? undefined : Math.max(...first.slice(0, count).map(arrival));
        expect(recovered(good, count)).toBe(expected);
      }),
    );
  });

  it("ignores successful requests before the last failure", () => {
    fc.assert(
      fc.property(goodOnes, failure, inARow, (good, failed, count) => {
        const early = good.filter(({ at }) => at < failed.at);
        expect(recovered([...early, failed], count)).toBeUndefined();
      }),
    );
  });

  it("never gets earlier if one more request fails", () => {
    fc.assert(
      fc.property(samples, failure, inARow, (all, failed, count) => {
        expect(orNever(recovered([...all, failed], count))).toBeGreaterThanOrEqual(orNever(recovered(all, count)));
      }),
    );
  });

  it("never gets earlier if more successes in a row are required", () => {
    fc.assert(
      fc.property(samples, inARow, (all, count) => {
        expect(orNever(recovered(all, count + 1))).toBeGreaterThanOrEqual(orNever(recovered(all, count)));
      }),
    );
  });

  it("is known if and only if at least n requests succeeded after the last failure", () => {
    fc.assert(
      fc.property(samples, inARow, (all, count) => {
        const sent = all.filter(({ at }) => FAULT <= at && at < UNTIL);
        const lastFailure = Math.max(...sent.filter(({ ok }) => !ok).map(({ at }) => at), Number.NEGATIVE_INFINITY);
        const after = sent.filter(({ at }) => at > lastFailure);
        expect(recovered(all, count) !== undefined).toBe(after.length >= count);
      }),
    );
  });

  it("is not before the arrival of any earlier failure", () => {
    fc.assert(
      fc.property(samples, inARow, (all, count) => {
        const over = recovered(all, count);
        fc.pre(over !== undefined);
        const failed = all.filter(({ at, ok }) => !ok && FAULT <= at && at < UNTIL);
        for (const each of failed) expect(over).toBeGreaterThanOrEqual(arrival(each));
      }),
    );
  });

  it("does not depend on requests from before the fault or after the region's return", () => {
    fc.assert(
      fc.property(samples, inARow, (all, count) => {
        const between = all.filter(({ at }) => FAULT <= at && at < UNTIL);
        expect(recovered(all, count)).toBe(recovered(between, count));
      }),
    );
  });
});

describe("the traffic summary", () => {
  it("counts each request exactly once, whatever the time at which the summary splits the traffic", () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: FAULT - 20_000, max: UNTIL + 20_000 }), (all, cut) => {
        const parts = [traffic(all, 0, cut), traffic(all, cut, Number.POSITIVE_INFINITY)];
        const sum = (of: "requests" | "failed") => parts.reduce((total, part) => total + part[of], 0);
        expect(sum("requests")).toBe(all.length);
        expect(sum("failed")).toBe(all.filter(({ ok }) => !ok).length);
      }),
    );
  });

  it("excludes requests without an answer from the latency percentiles", () => {
    fc.assert(
      fc.property(samples, (all) => {
        const silent: Sample = { at: FAULT, client: "session", ok: false, status: 0, latency: 999_999 };
        const { p50, p95 } = traffic(all, 0, Number.POSITIVE_INFINITY);
        expect(traffic([...all, silent], 0, Number.POSITIVE_INFINITY)).toMatchObject({ p50, p95 });
        expect(p50).toBeLessThanOrEqual(p95);
        if (all.length > 0) expect(all.map(({ latency }) => latency)).toEqual(expect.arrayContaining([p50, p95]));
      }),
    );
  });

  it("is all zeros without requests", () => {
    expect(traffic([], 0, FAULT)).toEqual({ requests: 0, failed: 0, hung: 0, p50: 0, p95: 0 });
  });
});

describe("measuring a fault", () => {
  it("computes a store's data loss as the time from the newest surviving item to the fault, never below zero", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000 }), (ago) => {
        expect(lossOf(FAULT, FAULT - ago)).toBe(ago / 1000);
        expect(lossOf(FAULT, FAULT + ago)).toBe(0);
      }),
    );
  });

  it("reports an unknown data loss if nothing survived", () => {
    expect(lossOf(FAULT, undefined)).toBeUndefined();
  });

  it("counts a request as hung only if the visitor gave up waiting, not if it was rejected or slow", () => {
    const ask = (status: number, latency: number): Sample => ({
      at: FAULT,
      client: "near us-east",
      ok: status === 200,
      status,
      latency,
    });
    const all = [ask(0, 10_004), ask(0, 9_999), ask(0, 30), ask(522, 19_000), ask(200, 12_000)];
    expect(traffic(all, FAULT, UNTIL)).toMatchObject({ requests: 5, failed: 4, hung: 2 });
  });
});
