import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ruleGroups } from "../../observability/files";
import { RUNBOOKS, ruleFile, runbookAnchor } from "../../observability/rules";
import { RULE_SETTINGS } from "./settings";

const ROOT = join(__dirname, "../..");
const groups = ruleGroups(RULE_SETTINGS);
const alerts = groups.flatMap((group) => group.alerts ?? []);
const headings = [...readFileSync(join(ROOT, RUNBOOKS), "utf8").matchAll(/^## (\w+)$/gm)].map(
  ([, heading = ""]) => heading,
);

describe("every alert", () => {
  it("has a runbook of the same name, and every runbook has an alert", () => {
    expect(headings.toSorted()).toEqual([...new Set(alerts.map(({ name }) => name))].sort());
  });

  it("links to an existing heading with GitHub's anchor format", () => {
    const known = new Set(headings.map((heading) => heading.toLowerCase()));
    expect(alerts.filter((alert) => !known.has(runbookAnchor(alert)))).toEqual([]);
    expect(JSON.stringify(ruleFile(groups, "acme/fleet"))).toContain(
      "https://github.com/acme/fleet/blob/main/docs/operations/alerts.md#regionunhealthy",
    );
  });

  it("has a runbook whose links lead to existing pages", () => {
    const page = readFileSync(join(ROOT, RUNBOOKS), "utf8");
    const links = [...page.matchAll(/\]\(([^)#\s]+)(?:#([\w-]+))?\)/g)];
    expect(links.length).toBeGreaterThan(10);
    for (const [, path = "", anchor] of links) {
      const target = readFileSync(join(ROOT, "docs/operations", path), "utf8");
      const anchors = [...target.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
        heading
          .toLowerCase()
          .replaceAll(/[^\w\s-]/g, "")
          .replaceAll(/\s/g, "-"),
      );
      if (anchor !== undefined) expect([path, anchors]).toEqual([path, expect.arrayContaining([anchor])]);
    }
  });

  it("has a one-sentence summary without metric names", () => {
    for (const { name, summary } of alerts) {
      expect([name, /rate\(|_total|_seconds|\n/.test(summary)]).toEqual([name, false]);
    }
  });
});
