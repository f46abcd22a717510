import { stripVTControlCharacters } from "node:util";
import { rehearsalPage, rehearsalReport } from "../../../fleet/moveIn/rehearsalReport";
import { sampleRehearsal } from "./sampleRehearsal";

const lines = (count: number) =>
  stripVTControlCharacters(rehearsalReport(sampleRehearsal(count)).join("\n")).split("\n");

describe("the report of a move rehearsal", () => {
  it("lists everything that differs, worst first, with counts per result", () => {
    const text = lines(10);
    expect(text[0]).toBe("2 of 10 flows differ");
    const results = text.flatMap((line) => / (differs|changes|not run|not known|same) {2,}same/.exec(line)?.[1] ?? []);
    expect(results).toEqual(["differs", "not run", "not known", "changes"].flatMap((each) => [each, each]));
    expect(text.join("\n")).toMatch(/MockLLM 3c372422: Hello/);
    expect(text.slice(-5)).toEqual([
      "2 differ: check them before the move",
      "2 not run: they need something that this machine lacks, or an external service",
      "2 not known: no answer to compare with",
      "2 change, but do not block the move",
      "2 the same",
    ]);
  });

  it("lists at most fifty flows and the number of further flows", () => {
    expect(lines(100)).toContain("and 30 others: use --out or --json to list all");
    expect(lines(60).join("\n")).not.toContain("others: use --out");
  });

  it("lists all flows as an HTML page, and escapes their texts", () => {
    const page = rehearsalPage(sampleRehearsal(), "2026-11-29");
    expect(page.match(/<tr><td>/g)).toHaveLength(100 + 20);
    expect(page).toContain("Flow 1 &lt;of bea&#39;s&gt;");
    expect(page).not.toContain("<of bea");
    expect(page).toContain('<p class="result missed">20 of 100 flows differ</p>');
  });

  it("states that no flow was compared if the old LangFlow is missing", () => {
    const rehearsal = sampleRehearsal(5);
    const none = { ...rehearsal, counts: { ...rehearsal.counts, differs: 0 } };
    expect(rehearsalReport({ ...none, releases: { new: "1.13.0" } })[0]).toBe(
      "5 flows: not compared, because the old LangFlow did not run",
    );
    expect(rehearsalReport(none)[0]).toBe("no blocking difference in 5 flows");
  });
});
