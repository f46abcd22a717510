import { stripVTControlCharacters } from "node:util";
import { html } from "../../../fleet/report/html";
import { terminalLines } from "../../../fleet/report/terminal";
import { upgradeReport } from "../../../fleet/upgrade/report";
import { mayUpgrade } from "../../../fleet/upgrade/upgradeRehearsal";
import { DIFFERING, STARTER, sampleUpgrade } from "./sampleUpgrade";

const reportOf = (...of: Parameters<typeof sampleUpgrade>) => upgradeReport(sampleUpgrade(...of), "2026-11-29");
const lines = (...of: Parameters<typeof sampleUpgrade>) =>
  stripVTControlCharacters(terminalLines(reportOf(...of)).join("\n")).split("\n");

describe("the report of an upgrade rehearsal", () => {
  it("approves the upgrade and counts the warnings", () => {
    const text = lines([STARTER]);
    expect(text.at(-1)).toBe("Upgrade rehearsal: yes: no blocking difference in 1 flow; 1 warning");
    expect(text.join("\n")).toMatch(/migrations +passed +14\.2 +from f7a9c2d4e6b8 to f9d3b7a5c201/);
    expect(text.join("\n")).toMatch(/Simple Agent +starter flow +changes/);
    expect(mayUpgrade(sampleUpgrade([STARTER]))).toBe(true);
  });

  it("rejects the upgrade if a flow differs even in the old release, and shows both answers", () => {
    const text = lines([STARTER, DIFFERING]).join("\n");
    expect(text).toMatch(/: no: 1 of 2 flows differs$/);
    expect(text).toMatch(/old version, before\s/);
    expect(text).toContain("no such column");
    expect(mayUpgrade(sampleUpgrade([STARTER, DIFFERING]))).toBe(false);
  });

  it("rejects the upgrade with the message of a failed step, even if no flow was run", () => {
    expect(lines([], true).at(-1)).toBe("Upgrade rehearsal: no: adopt: the schema is not understood");
    expect(mayUpgrade(sampleUpgrade([], true))).toBe(false);
  });

  it("has the same result as an HTML page, and escapes the flows' texts", () => {
    const page = html(reportOf([DIFFERING]));
    expect(page).toContain('<p class="result bad">no: 1 of 1 flows differs</p>');
    expect(page).toContain("Agent &lt;of bea&#39;s&gt;");
    expect(page).not.toContain("<of bea");
    expect(page).toContain("20261129T041500123Z, of LangFlow 1.12.8");
    expect(html(reportOf([], true))).toContain("did not start");
  });
});
