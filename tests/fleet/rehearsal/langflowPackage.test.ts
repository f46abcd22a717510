import * as fc from "fast-check";
import { isRelease, releaseInImage } from "../../../fleet/rehearsal/langflowPackage";

const number = fc.nat({ max: 99 });
const release = fc
  .tuple(number, number, number, fc.constantFrom("", "a1", "b12", "rc2", ".post1"))
  .map(([major, minor, patch, more]) => `${major}.${minor}.${patch}${more}`);

describe("a release of LangFlow", () => {
  it("is extracted from the version of every image of that release", () => {
    fc.assert(
      fc.property(release, fc.constantFrom("", "-1", "-27"), (given, build) => {
        expect(releaseInImage(`${given}${build}`)).toBe(given);
        expect(isRelease(`${given}${build}`)).toBe(build === "");
      }),
    );
  });

  it.each(["latest", "unknown", "v1.13.0", "1.13", "1.13.*", ""])("cannot be named %j", (text) => {
    expect([isRelease(text), releaseInImage(text)]).toEqual([false, undefined]);
  });
});
