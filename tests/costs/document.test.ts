import { readFileSync } from "node:fs";
import { join } from "node:path";
import { filled, markdownTable, tables } from "../../costs/document";

const DOCUMENT = readFileSync(join(__dirname, "..", "..", "docs", "costs.md"), "utf8");

describe("docs/costs.md", () => {
  it("holds the tables that the prices and quantities make (npm run costs)", () => {
    expect(filled(DOCUMENT)).toBe(DOCUMENT);
  });

  it("would change with a table", () => {
    expect(filled(DOCUMENT, { ...tables(), fleet: "| other |" })).toContain("| other |");
  });

  it("refuses to lose a table, or to hold one that nobody makes", () => {
    expect(() => filled(DOCUMENT.replace("<!-- costs: prices -->", ""))).toThrow("lacks the tables prices");
    const { prices, ...others } = tables();
    expect(prices).toBeDefined();
    expect(() => filled(DOCUMENT, others)).toThrow("no table prices");
  });
});

describe("a table", () => {
  it("is as wide as its widest cell, with numbers to the right", () => {
    expect(markdownTable(["a", "b"], [["long one", "1"]], 1).split("\n")).toEqual([
      "| a        |   b |",
      "| -------- | --: |",
      "| long one |   1 |",
    ]);
  });
});
