import fc from "fast-check";
import { type ComponentChange, compareOpened, compareRuns, fromDifference } from "../../../fleet/rehearsal/comparison";
import type { Outcome } from "../../../fleet/rehearsal/outcome";

const said = (text: string, component = "ChatOutput-1"): Outcome => ({
  kind: "answered",
  outputs: [{ component, text }],
});
const failed = (message: string): Outcome => ({ kind: "failed", message });
const notRun: Outcome = { kind: "notRun", because: "calls example.com" };

const anyOutcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({
    kind: fc.constant("answered" as const),
    outputs: fc.array(fc.record({ component: fc.constantFrom("A", "B"), text: fc.constantFrom("", "x", "y") }), {
      maxLength: 3,
    }),
  }),
  fc.constantFrom("one", "other").map(failed),
  fc.constant(notRun),
);

describe("two runs of a flow", () => {
  it.each<[string, Outcome | undefined, Outcome, { result: string; said: string | RegExp }]>([
    ["give the same answer", said("x"), said("x"), { result: "same", said: "" }],
    ["give different answers", said("x"), said("y"), { result: "differs", said: "different answer of ChatOutput-1" }],
    [
      "fail only in the new release",
      said("x"),
      failed("no"),
      { result: "differs", said: "fails only in the new version" },
    ],
    [
      "fail only in the old release",
      failed("no"),
      said("x"),
      { result: "changes", said: "fails only in the old version" },
    ],
    ["fail with the same error", failed("no"), failed("no"), { result: "same", said: "fails in both: no" }],
    [
      "fail with different errors",
      failed("no"),
      failed("not"),
      { result: "changes", said: "fails in both, for different reasons" },
    ],
    [
      "are incomplete, because the old release did not run the flow",
      notRun,
      said("x"),
      { result: "not run", said: "in the old version: calls example.com" },
    ],
    [
      "are incomplete, because the flow calls an external host",
      said("x"),
      notRun,
      { result: "not run", said: "calls example.com" },
    ],
    [
      "consist of only the new release's successful run",
      undefined,
      said("x"),
      { result: "not known", said: "runs; the old version's answer is unknown" },
    ],
    [
      "consist of only the new release's failed run",
      undefined,
      failed("no"),
      { result: "not known", said: "fails; the old version's result is unknown" },
    ],
  ])("get the right verdict if they %s", (_, old, now, verdict) => {
    expect(compareRuns(old, now)).toMatchObject(verdict);
  });

  it("do not differ if they are one and the same run, and get the same result in either order if both have answers", () => {
    fc.assert(
      fc.property(anyOutcome, anyOutcome, (one, other) => {
        expect(["same", "not run"]).toContain(compareRuns(one, one).result);
        if (one.kind !== "answered" || other.kind !== "answered") return;
        expect(compareRuns(one, other).result).toBe(compareRuns(other, one).result);
      }),
    );
  });

  it("differ if a component no longer has an answer, or has an additional answer", () => {
    expect(compareRuns(said("x"), { kind: "answered", outputs: [] }).result).toBe("differs");
    expect(compareRuns({ kind: "answered", outputs: [] }, said("")).result).toBe("differs");
  });

  it("are shown truncated, from shortly before their first difference", () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1 }), fc.string(), (start, one, other) => {
        fc.pre(one[0] !== other[0]);
        const [first] = fromDifference(start + one, start + other);
        expect(first.length).toBeLessThanOrEqual(1 + 160 + 1);
        expect(first).toContain(one.slice(0, 100));
      }),
    );
  });
});

describe("the comparison of how two releases open a flow", () => {
  const of = (change: ComponentChange["change"], component: string): ComponentChange => ({
    node: `${component}-1`,
    component,
    change,
  });

  it("reports components with updates by name, because a fleet may block the flow until it is updated", () => {
    expect(compareOpened([], undefined)).toEqual({ result: "same", said: "" });
    expect(compareOpened([of("safe", "ChatInput")], undefined).result).toBe("changes");
    expect(compareOpened([of("breaking", "Agent"), of("safe", "ChatInput")], undefined)).toEqual({
      result: "changes",
      said: "updates that change outputs or fields: Agent; other updates: 1",
    });
  });

  it("reports each missing component or bundle once", () => {
    expect(compareOpened([of("gone", "FAISS"), of("gone", "FAISS")], undefined)).toEqual({
      result: "changes",
      said: "gone: FAISS",
    });
    expect(compareOpened([of("bundle", "Tavily (tavily)")], undefined).result).toBe("changes");
  });

  it('reports a difference if LangFlow cannot build the graph, and "not known" if the result is unavailable', () => {
    expect(compareOpened([], "Edge has no target")).toEqual({
      result: "differs",
      said: "does not open: Edge has no target",
    });
    expect(compareOpened(undefined, undefined).result).toBe("not known");
  });

  it("names five components and the number of further components", () => {
    const gone = ["A", "B", "C", "D", "E", "F", "G"].map((name) => of("gone", name));
    expect(compareOpened(gone, undefined).said).toBe("gone: A, B, C, D, E, and 2 others");
  });
});
