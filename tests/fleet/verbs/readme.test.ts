import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(__dirname, "../../..");

/**
 * Returns what both languages must share: code blocks, the length of diagrams, links, and the number of headings and
 * items.
 */
function parts(file: string) {
  const text = readFileSync(join(ROOT, file), "utf8");
  const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  const prose = text.replace(/^```[\s\S]*?^```$/gm, "");
  return {
    code: blocks.filter(([, language]) => language !== "mermaid").map(([, , code]) => code),
    diagrams: blocks.filter(([, language]) => language === "mermaid").map(([, , code]) => code?.split("\n").length),
    links: [...prose.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target),
    headings: [...prose.matchAll(/^#+ /gm)].length,
    items: [...prose.matchAll(/^( *)- (?:(`[\w-]+`)[:：])?/gm)].map(([, indent, name]) => `${indent}${name ?? ""}`),
    codes: [...prose.matchAll(/`[^`]+`/g)].map(([code]) => code).sort(),
  };
}

describe("the README in Simplified Chinese", () => {
  it("has the same commands, links, headings and lists as the English README", () => {
    expect(parts("README.zh-CN.md")).toEqual(parts("README.md"));
  });

  it("links only to pages that exist, as does the English README", () => {
    for (const target of parts("README.md").links)
      if (target && !target.startsWith("http"))
        expect([target, existsSync(join(ROOT, target))]).toEqual([target, true]);
  });
});

describe.each(["README.md", "README.zh-CN.md"])("%s", (file) => {
  it("has at most 120 lines and 8 KB", () => {
    const text = readFileSync(join(ROOT, file));
    expect(text.toString().split("\n").length - 1).toBeLessThanOrEqual(120);
    expect(text.length).toBeLessThanOrEqual(8_192);
  });
});

describe("CONTRIBUTING", () => {
  it("names only files that exist", () => {
    const page = readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8");
    const named = [...page.matchAll(/`([\w.-]+(?:\/[\w.-]+)+\/?)`/g)].map(([, path = ""]) => path);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

describe("the index of decisions", () => {
  it("lists every decision by its title", () => {
    const folder = join(ROOT, "docs/decisions");
    const index = readFileSync(join(folder, "README.md"), "utf8");
    const pages = readdirSync(folder).filter((file) => /^\d/.test(file));
    const title = (file: string) =>
      readFileSync(join(folder, file), "utf8")
        .split("\n")[0]
        ?.replace(/^# \d+\. /, "");
    expect(pages.filter((file) => !index.includes(`[${title(file)}](${file})`))).toEqual([]);
  });
});
