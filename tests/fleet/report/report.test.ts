import { execFileSync } from "node:child_process";
import { join } from "node:path";
import fc from "fast-check";
import { html } from "../../../fleet/report/html";
import { markdown } from "../../../fleet/report/markdown";
import { chapter, graded, type Report, sentences, toned } from "../../../fleet/report/report";
import { terminalLines } from "../../../fleet/report/terminal";
import { hostile } from "../drill/sampleReport";

const ROOT = join(__dirname, "../../..");

/** Returns a report that has this text in every place. */
const reportWith = (text: string): Report => ({
  title: text,
  date: text,
  verdict: toned("bad", text),
  facts: { [text]: text, lines: { lines: [text, text] }, unknown: undefined, none: { lines: [] } },
  chapters: [
    chapter({ title: text, note: text }, [text, text], {
      [text]: (each: string) => each,
      sentence: sentences,
      result: (each: string) => graded(true, each),
    }),
  ],
  parts: { noun: text, reports: [{ title: text, verdict: toned("good", text), facts: {}, chapters: [] }] },
});
const MARKED = /⟦[^⟧]*⟧/g;

describe("a report", () => {
  it("in HTML contains each text escaped", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const seen = html(reportWith(text)).match(MARKED) ?? [];
        expect(seen.length).toBeGreaterThan(14);
        for (const each of seen) expect(each.replace(/&(amp|lt|gt|quot|#39);|<br>/g, "")).not.toMatch(/[<>"'&]/);
      }),
    );
  });

  it("in Markdown contains each text escaped, and code only in a span that the text cannot leave", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const said = markdown(reportWith(text));
        const outside = (said.match(MARKED) ?? []).map((each) =>
          each.replace(/\\[\\`*_[\]|~>]|&(?:amp|lt);|<br>|`[^`\n]+`/g, ""),
        );
        expect(outside.length).toBeGreaterThan(9);
        for (const each of outside) expect(each).not.toMatch(/[<>`|*_\n\\&]/);
        const rows = said.split("\n").filter((line) => line.startsWith("| "));
        for (const row of rows) expect(row.match(/(?<!\\)(?:\\\\)*\|/g)).toHaveLength(4);
      }),
    );
  });

  it("in a terminal has no control character, not even one from a name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(terminalLines(reportWith(text)).join("\n").replaceAll("\n", "")).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it("ends with the result in a terminal, and starts with it in a file", () => {
    const report = { ...reportWith("x"), title: "Drill", verdict: graded(false, "Met", "Missed: RTO") };
    expect(terminalLines(report).at(-1)).toBe("Drill: Missed: RTO");
    expect(markdown(report)).toMatch(/^# Drill\n\n\*\*Missed: RTO\*\*\n/);
    expect(html(report)).toContain('<h1>Drill</h1>\n<p class="result bad">Missed: RTO</p>');
  });

  it("omits empty chapters and unknown facts, and shows an unknown cell as a dash", () => {
    const chapters = [
      chapter("Empty", [], { a: () => "b" }),
      chapter("Filled", [1], { a: () => undefined, b: () => "" }),
    ];
    const report: Report = { ...reportWith("x"), facts: { unknown: undefined, none: { lines: [] } }, chapters };
    for (const said of [html(report), markdown(report), terminalLines(report).join("\n")])
      expect(said).not.toMatch(/Empty|unknown|none/);
    expect(markdown(report)).toMatch(/^\| – +\| – +\|$/m);
  });

  it("shows only the rows without a good result in a terminal if a chapter asks for exceptions", () => {
    const cells = [graded(true, "passed"), graded(false, "passed", "failed")];
    const report = (inTerminal: "nothing" | "exceptions"): Report => ({
      ...reportWith("x"),
      chapters: [chapter({ title: "Checks", inTerminal }, cells, { result: (each) => each })],
    });
    const lines = terminalLines(report("exceptions"));
    expect(lines.join("\n")).toMatch(/Checks\nresult\nfailed\n/);
    expect(lines.join("\n")).not.toContain("passed");
    expect(terminalLines(report("nothing")).join("\n")).not.toContain("Checks");
    for (const said of [html(report("nothing")), markdown(report("nothing"))]) expect(said).toContain("passed");
  });

  it.each([
    ["has no colors in a pipe", {}, "met\nmissed\nT: done"],
    [
      "has colors in a terminal",
      { FORCE_COLOR: "1" },
      "\u001b[32mmet\u001b[39m\n\u001b[31mmissed\u001b[39m\n\u001b[32mT: done\u001b[39m",
    ],
  ])("%s", (_, environment, expected) => {
    const script = `
      const { terminalLines } = require("./fleet/report/terminal");
      const good = { lines: ["met"], tone: "good" }, bad = { lines: ["missed"], tone: "bad" };
      const verdict = { lines: ["done"], tone: "good" };
      const chapters = [{ title: "C", head: ["met"], rows: [[good], [bad]] }];
      console.log(terminalLines({ title: "T", verdict, facts: {}, chapters }).join("\\n"));
    `;
    const { PATH } = process.env;
    const options = { cwd: ROOT, env: { PATH, ...environment }, encoding: "utf8" } as const;
    const said = execFileSync(process.execPath, ["--require", "./typescript.cjs", "--eval", script], options);
    expect(said.trim().split("\n").slice(2).filter(Boolean).join("\n")).toBe(expected);
  });
});
