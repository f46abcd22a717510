import { oldAnewInWords } from "../../../fleet/upgrade/oldAnew";

const NONE = { stop: undefined, before: "b", after: "b", next: undefined };

describe("a pod of the old release that starts after the migration", () => {
  it("passes if it starts and leaves the database unchanged", () => {
    expect(oldAnewInWords(NONE)).toEqual({ result: "passed", said: "it comes up" });
  });

  it("causes a warning if it does not start, or if it changes the database's recorded revision", () => {
    expect(oldAnewInWords({ ...NONE, stop: "stops" })).toEqual({
      result: "warning",
      said: "it does not come up: it stops",
    });
    expect(oldAnewInWords({ ...NONE, after: "a" })).toEqual({
      result: "warning",
      said: "it comes up; it leaves a database that says it is at a, not b; a new pod migrates once more, and comes up",
    });
  });

  it("is reported if the new release can no longer start after it", () => {
    expect(oldAnewInWords({ ...NONE, stop: "stops", after: "none", next: "stops in c" }).said).toMatch(
      /says it is at none, not b; then no new pod comes up: it stops in c$/,
    );
  });
});
