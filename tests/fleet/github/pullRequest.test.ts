import fc from "fast-check";
import { BODY_MAX, bodyOf } from "../../../fleet/github/body";
import { gitHub } from "../../../fleet/github/client";
import { deployedCommit } from "../../../fleet/github/deployment";
import { comment, pullRequestOf } from "../../../fleet/github/pullRequest";
import { FakeGitHub, runOf } from "./fakeGitHub";

const MARK = "<!-- langflow-dr preview -->";
const WHOLE = "https://github.com/example-org/langflow-dr/actions/runs/7";

describe("the preview comment on a pull request", () => {
  const fake = new FakeGitHub();
  beforeAll(() => fake.start());
  afterAll(() => fake.stop());
  beforeEach(() => {
    fake.calls.length = 0;
    fake.comments.clear();
  });
  const put = (text: string) => comment(gitHub(fake.environment), 5, text, WHOLE);
  const bodies = () => fake.comments.get(5)?.map(({ body }) => body);

  it("is created once and then updated in place", async () => {
    expect(await put("first")).toBe("created");
    expect(await put("second")).toBe("updated");
    expect(await put("second")).toBe("unchanged");
    expect(bodies()).toEqual([`${MARK}\nsecond`]);
    expect(fake.calls).toEqual(["POST issues/5/comments", expect.stringMatching(/^PATCH issues\/comments\/\d+$/)]);
  });

  it("is not created without changes, and is deleted when no changes remain", async () => {
    expect(await put("")).toBe("unchanged");
    expect(fake.calls).toEqual([]);
    await put("something");
    expect(await put("")).toBe("deleted");
    expect(bodies()).toEqual([]);
  });

  it("does not affect people's comments, even if they quote its marker", async () => {
    fake.seed(5, `${MARK}\nquoted`, "User");
    fake.seed(5, "nice change", "User");
    await put("preview");
    await put("");
    expect(bodies()).toEqual([`${MARK}\nquoted`, "nice change"]);
  });

  it("replaces the duplicates that two concurrent runs created", async () => {
    fake.seed(5, `${MARK}\none`);
    fake.seed(5, `${MARK}\nanother`);
    await put("preview");
    expect(bodies()).toEqual([`${MARK}\npreview`]);
  });

  it("is posted on the open pull request whose head is exactly this commit, and on no other", async () => {
    fake.pullRequests.push({ number: 9, head: "someone:feature", sha: "new" });
    const of = (owner: string, commit: string) =>
      pullRequestOf(gitHub(fake.environment), { owner, branch: "feature", commit });
    expect(await of("someone", "new")).toBe(9);
    expect(await of("someone", "old")).toBeUndefined();
    expect(await of("example-org", "new")).toBeUndefined();
  });

  it("never exceeds GitHub's size limit, and links to the full text if it is truncated", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 50 }), fc.integer({ min: 1, max: 5_000 }), (lines, times) => {
        const text = Array.from({ length: times }, () => lines.join("\n")).join("\n");
        const body = bodyOf(MARK, text, WHOLE);
        expect(body.length).toBeLessThanOrEqual(BODY_MAX);
        expect(body.includes(WHOLE)).toBe(!body.includes(text));
      }),
      { numRuns: 50 },
    );
  });

  it("closes an open details block before the truncation notice, so that the notice is visible", () => {
    const body = bodyOf(MARK, `<details>\n${"- a change\n".repeat(10_000)}</details>`, WHOLE);
    expect(body).toMatch(/- a change\n\n<\/details>\n\n\*\*Truncated\*\*/);
  });
});

describe("the deployed commit", () => {
  const fake = new FakeGitHub();
  beforeAll(() => fake.start());
  afterAll(() => fake.stop());
  beforeEach(() => {
    fake.runs.length = 0;
    fake.tags.length = 0;
    fake.main.clear();
    for (const sha of ["good", "now"]) fake.main.add(sha);
  });
  const commit = () => deployedCommit(gitHub(fake.environment));

  it("is that of the newest successful run", async () => {
    await expect(commit()).rejects.toThrow("no run of the workflow Deploy has succeeded yet");
    fake.runs.push(
      runOf("waiting", { status: "waiting", conclusion: null }),
      runOf("failed", { conclusion: "failure" }),
      runOf("skipped", { conclusion: "skipped" }),
      runOf("good"),
    );
    expect(await commit()).toBe("good");
  });

  it("is that of an older run if the older run was re-run later", async () => {
    fake.runs.push(runOf("now"), runOf("good", { run_started_at: "2026-01-02T00:00:00Z" }));
    expect(await commit()).toBe("good");
  });

  it.each(["failure", "cancelled", null])(
    "remains that of a run that succeeded, even if its re-run has the conclusion %s",
    async (conclusion) => {
      const again = { id: 7, run_attempt: 3, run_started_at: "2026-01-05T00:00:00Z" };
      const status = conclusion === null ? "waiting" : "completed";
      fake.formerAttempts.set("7 1", runOf("now", { run_started_at: "2026-01-03T00:00:00Z" }));
      fake.formerAttempts.set("7 2", runOf("now", { run_started_at: "2026-01-04T00:00:00Z", conclusion: "failure" }));
      fake.runs.push(runOf("now", { ...again, status, conclusion }), runOf("good"));
      expect(await commit()).toBe("now");
    },
  );

  it("is rejected if a tag is named main, because GitHub lists its runs as main's", async () => {
    fake.runs.push(runOf("good"));
    fake.tags.push("main-2");
    expect(await commit()).toBe("good");
    fake.tags.push("main");
    await expect(commit()).rejects.toThrow("a tag named main");
  });

  it("is unknown while a deployment is in progress", async () => {
    const run_started_at = "2026-01-02T00:00:00Z";
    fake.runs.push(runOf("now", { status: "in_progress", conclusion: null, run_started_at }), runOf("good"));
    await expect(commit()).rejects.toThrow("now is being deployed");
  });

  it.each([
    ["of a different workflow", { path: ".github/workflows/drill.yml" }],
    ["of a fork's branch with the same name", { head_repository: { id: 2 } }],
    ["of a pull request", { event: "pull_request" }],
    ["of a different branch", { head_branch: "feature" }],
  ])("is never that of a run %s", async (_, more) => {
    fake.main.add("forged");
    fake.runs.push(runOf("forged", { run_started_at: "2026-01-02T00:00:00Z", ...more }), runOf("good"));
    expect(await commit()).toBe("good");
  });

  it("is rejected if main no longer contains it", async () => {
    fake.runs.push(runOf("taken back"), runOf("good", { run_started_at: "2025-01-01T00:00:00Z" }));
    await expect(commit()).rejects.toThrow("the deployed commit taken back is no longer on main");
  });
});
