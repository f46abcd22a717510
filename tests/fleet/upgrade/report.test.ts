import { stripVTControlCharacters } from "node:util";
import { upgradePage, upgradeReport } from "../../../fleet/upgrade/report";
import { mayUpgrade } from "../../../fleet/upgrade/upgradeRehearsal";
import { DIFFERING, STARTER, sampleUpgrade } from "./sampleUpgrade";

const lines = (...of: Parameters<typeof sampleUpgrade>) =>
  stripVTControlCharacters(upgradeReport(sampleUpgrade(...of)).join("\n")).split("\n");

describe("the report of an upgrade rehearsal", () => {
  it("approves the upgrade and counts the warnings", () => {
    const text = lines([STARTER]);
    expect(text[0]).toBe("yes: no blocking difference in 1 flow; 1 warning");
    expect(text.join("\n")).toMatch(/migrations +passed +14\.2 +from f7a9c2d4e6b8 to f9d3b7a5c201/);
    expect(text.join("\n")).toMatch(/Simple Agent +starter flow +changes/);
    expect(mayUpgrade(sampleUpgrade([STARTER]))).toBe(true);
  });

  it("rejects the upgrade if a flow differs, also in the old release, and shows both answers", () => {
    const text = lines([STARTER, DIFFERING]).join("\n");
    expect(text).toMatch(/^no: 1 of 2 flows differs\n/);
    expect(text).toMatch(/old version, before\s/);
    expect(text).toContain("no such column");
    expect(mayUpgrade(sampleUpgrade([STARTER, DIFFERING]))).toBe(false);
  });

  it("rejects the upgrade with the message of a failed step, even if no flow was run", () => {
    expect(lines([], true)[0]).toBe("no: adopt: the schema is not understood");
    expect(mayUpgrade(sampleUpgrade([], true))).toBe(false);
  });

  it("has the same result as an HTML page, and escapes the flows' texts", () => {
    const page = upgradePage(sampleUpgrade([DIFFERING]), "2026-11-29");
    expect(page).toContain('<p class="result missed">no: 1 of 1 flows differs</p>');
    expect(page).toContain("Agent &lt;of bea&#39;s&gt;");
    expect(page).not.toContain("<of bea");
    expect(page).toContain("20261129T041500123Z, of LangFlow 1.12.8");
    expect(upgradePage(sampleUpgrade([], true), "2026-11-29")).toContain("did not start");
  });
});
