import { oldAnewInWords } from "../../../fleet/upgrade/oldAnew";

const NONE = { stop: undefined, before: "b", after: "b", next: undefined };

describe("a pod of the old release that starts after the migration", () => {
  it("passes where it comes up and leaves the database as it is", () => {
    expect(oldAnewInWords(NONE)).toEqual({ result: "passed", said: "it comes up" });
  });

  it("is a warning where it does not come up, or says of the database what is not so", () => {
    expect(oldAnewInWords({ ...NONE, stop: "stops" })).toEqual({
      result: "warning",
      said: "it does not come up: it stops",
    });
    expect(oldAnewInWords({ ...NONE, after: "a" })).toEqual({
      result: "warning",
      said: "it comes up; it leaves a database that says it is at a, not b; a new pod migrates once more, and comes up",
    });
  });

  it("says where the new release comes up no more after it", () => {
    expect(oldAnewInWords({ ...NONE, stop: "stops", after: "none", next: "stops in c" }).said).toMatch(
      /says it is at none, not b; then no new pod comes up: it stops in c$/,
    );
  });
});
