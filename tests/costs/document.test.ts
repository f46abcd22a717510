import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ENTRANCES } from "../../costs/cloudflare";
import { filled, markdownTable, tables } from "../../costs/document";
import { STEERING_POLICIES } from "../../model/failover";

const DOCUMENT = readFileSync(join(__dirname, "..", "..", "docs", "costs.md"), "utf8");

describe("docs/costs.md", () => {
  it("contains the tables generated from prices and quantities (stale: npm run costs)", () => {
    expect(filled(DOCUMENT)).toBe(DOCUMENT);
  });

  it("changes if a generated table changes", () => {
    expect(filled(DOCUMENT, { ...tables(), fleet: "| other |" })).toContain("| other |");
  });

  it("rejects a missing table and an unknown table", () => {
    expect(() => filled(DOCUMENT.replace("<!-- costs: prices -->", ""))).toThrow("lacks the tables prices");
    const { prices, ...others } = tables();
    expect(prices).toBeDefined();
    expect(() => filled(DOCUMENT, others)).toThrow("a second or an unknown table prices");
  });
});

describe("the load balancing options in docs/costs.md", () => {
  it("name every steering policy exactly once", () => {
    const named = ENTRANCES.flatMap(({ steering }) => [...steering.matchAll(/`(\w+)`/g)].map(([, policy]) => policy));
    expect(named.toSorted()).toEqual(STEERING_POLICIES.toSorted());
  });
});

describe("a Markdown table", () => {
  it("is as wide as its widest cell, with numbers aligned to the right", () => {
    expect(markdownTable(["a", "b"], [["long one", "1"]], 1).split("\n")).toEqual([
      "| a        |   b |",
      "| -------- | --: |",
      "| long one |   1 |",
    ]);
  });
});
