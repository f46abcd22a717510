import fc from "fast-check";
import type { Change } from "../../fleet/changes";
import { COMMENT_MARK, markdown } from "../../fleet/markdown";
import type { StackRun } from "../../fleet/runs";

const change = (operation: Change["operation"], name = "us-east"): Change => ({
  urn: `urn:${name}`,
  type: "aws:s3/bucket:Bucket",
  name,
  operation,
  properties: operation === "update" ? [{ path: "tags.owner", replaces: false }] : [],
});

const run = (changes: Change[], more: Partial<StackRun> = {}): StackRun => ({
  stack: "foundation",
  outcome: "done",
  seconds: 1,
  changes,
  unchanged: 7,
  resources: [],
  outputs: {},
  notes: [],
  ...more,
});

describe("the pull-request comment", () => {
  it("begins with the mark by which a workflow finds its earlier one", () => {
    expect(markdown([run([])], []).startsWith(COMMENT_MARK)).toBe(true);
  });

  it("names what is replaced or deleted before anything else", () => {
    const text = markdown([run([change("update", "kept"), change("replace", "lost")])], []);
    expect(text.indexOf("Replaced or deleted")).toBeLessThan(text.indexOf("<details>"));
    expect(text).toContain("- **replace** `aws.s3.Bucket` `lost` in `foundation`");
    expect(text).toContain("- update `aws.s3.Bucket` `kept`: `tags.owner`");
  });

  it("has no such chapter, and no details, where nothing changes", () => {
    const text = markdown([run([])], []);
    expect(text).toContain("| `foundation` | no change | 7 |");
    expect(text).not.toContain("Replaced or deleted");
    expect(text).not.toContain("<details>");
  });

  it("shows a failure whole, whatever backticks are in it", () => {
    const failure = { message: "```\nno access\n```", exitCode: 3 };
    expect(markdown([run([], { outcome: "failed", failure })], [])).toContain("````\n```\nno access\n```\n````");
  });

  it("never outgrows what GitHub takes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3_000 }), (count) => {
        const many = Array.from({ length: count }, (_, index) => change("create", `resource-${index}`));
        expect(markdown([run(many)], []).length).toBeLessThanOrEqual(65_536);
      }),
      { numRuns: 20 },
    );
    expect(markdown([run(Array.from({ length: 3_000 }, () => change("create")))], [])).toContain("cut here");
  });
});
