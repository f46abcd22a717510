import { stripVTControlCharacters } from "node:util";
import type { Rehearsal } from "../../../fleet/moveIn/rehearsal";
import { rehearsalReport } from "../../../fleet/moveIn/rehearsalReport";
import { html } from "../../../fleet/report/html";
import { terminalLines } from "../../../fleet/report/terminal";
import { sampleRehearsal } from "./sampleRehearsal";

const linesOf = (rehearsal: Rehearsal) =>
  stripVTControlCharacters(terminalLines(rehearsalReport(rehearsal, "2026-11-29")).join("\n")).split("\n");
const lines = (count: number) => linesOf(sampleRehearsal(count));

describe("the report of a move rehearsal", () => {
  it("lists everything that differs, worst first, with counts per result", () => {
    const text = lines(10);
    expect(text.at(-1)).toBe("Migration rehearsal: 2 of 10 flows differ");
    const results = text.flatMap((line) => / (differs|changes|not run|not known|same) {2,}same/.exec(line)?.[1] ?? []);
    expect(results).toEqual(["differs", "not run", "not known", "changes"].flatMap((each) => [each, each]));
    expect(text.join("\n")).toMatch(/MockLLM 3c372422: Hello/);
    expect(text.slice(-6, -1)).toEqual([
      "differs    2 flows: check before the move",
      "not run    2 flows: something is missing on this machine, or an external service is required",
      "not known  2 flows: no answer to compare with",
      "changes    2 flows: not blocking the move",
      "same       2 flows",
    ]);
  });

  it("lists at most fifty flows and the number of further flows", () => {
    expect(lines(100)).toContain("and 30 others: see the report file or --json");
    expect(lines(60).join("\n")).not.toContain("others:");
  });

  it("lists all flows as an HTML page, and escapes their texts", () => {
    const page = html(rehearsalReport(sampleRehearsal(), "2026-11-29"));
    expect(page.match(/<tr><td>/g)).toHaveLength(100 + 20);
    expect(page).toContain("Flow 1 &lt;of bea&#39;s&gt;");
    expect(page).not.toContain("<of bea");
    expect(page).toContain('<p class="result bad">20 of 100 flows differ</p>');
  });

  it("states that no flow was compared if the old LangFlow is missing", () => {
    const rehearsal = sampleRehearsal(5);
    const none = { ...rehearsal, counts: { ...rehearsal.counts, differs: 0 } };
    expect(linesOf({ ...none, releases: { new: "1.13.0" } }).at(-1)).toBe(
      "Migration rehearsal: 5 flows: not compared, because the old LangFlow did not run",
    );
    expect(linesOf(none).at(-1)).toBe("Migration rehearsal: no blocking difference in 5 flows");
  });
});
