import { stripVTControlCharacters } from "node:util";
import { upgradePage, upgradeReport } from "../../../fleet/upgrade/report";
import { mayUpgrade } from "../../../fleet/upgrade/upgradeRehearsal";
import { DIFFERING, STARTER, sampleUpgrade } from "./sampleUpgrade";

const lines = (...of: Parameters<typeof sampleUpgrade>) =>
  stripVTControlCharacters(upgradeReport(sampleUpgrade(...of)).join("\n")).split("\n");

describe("what is said of the rehearsal of an upgrade", () => {
  it("is that nothing speaks against it, and how much is to be known before", () => {
    const text = lines([STARTER]);
    expect(text[0]).toBe("nothing speaks against it, in 1 flow; 1 thing to know before");
    expect(text.join("\n")).toMatch(/migrations +passed +14\.2 +from f7a9c2d4e6b8 to f9d3b7a5c201/);
    expect(text.join("\n")).toMatch(/Simple Agent +starter flow +changes/);
    expect(mayUpgrade(sampleUpgrade([STARTER]))).toBe(true);
  });

  it("is no where a flow differs, in the old one too, and what both say", () => {
    const text = lines([STARTER, DIFFERING]).join("\n");
    expect(text).toMatch(/^no: 1 of 2 flows differs\n/);
    expect(text).toMatch(/the old, before and\s/);
    expect(text).toContain("no such column");
    expect(mayUpgrade(sampleUpgrade([STARTER, DIFFERING]))).toBe(false);
  });

  it("is no where a step fails, with its words, though no flow was run", () => {
    expect(lines([], true)[0]).toBe("no: adopt: the schema is not understood");
    expect(mayUpgrade(sampleUpgrade([], true))).toBe(false);
  });

  it("is the same as a page, on which no text of a flow is taken for the page's own", () => {
    const page = upgradePage(sampleUpgrade([DIFFERING]), "2026-11-29");
    expect(page).toContain('<p class="result missed">no: 1 of 1 flows differs</p>');
    expect(page).toContain("Agent &lt;of bea&#39;s&gt;");
    expect(page).not.toContain("<of bea");
    expect(page).toContain("20261129T041500123Z, of LangFlow 1.12.8");
    expect(upgradePage(sampleUpgrade([], true), "2026-11-29")).toContain("did not start");
  });
});
