import { oldAnewInWords } from "../../../fleet/upgrade/oldAnew";

const NONE = { stop: undefined, before: "b", after: "b", next: undefined };

describe("a pod of the old release that starts after the migration", () => {
  it("passes if it starts and leaves the database unchanged", () => {
    expect(oldAnewInWords(NONE)).toEqual({ result: "passed", said: "the pod starts" });
  });

  it("causes a warning if it does not start, or if it changes the database's recorded revision", () => {
    expect(oldAnewInWords({ ...NONE, stop: "stops" })).toEqual({
      result: "warning",
      said: "the pod does not start: it stops",
    });
    expect(oldAnewInWords({ ...NONE, after: "a" })).toEqual({
      result: "warning",
      said: "the pod starts; it leaves the database at revision a instead of b; a new pod then repeats the migration and starts",
    });
  });

  it("is reported if the new release can no longer start after the old pod", () => {
    expect(oldAnewInWords({ ...NONE, stop: "stops", after: "none", next: "stops in c" }).said).toMatch(
      /at revision none instead of b; no new pod starts after that: it stops in c$/,
    );
  });
});
