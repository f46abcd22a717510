import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { commandLine } from "../../../fleet/cli/commandLine";
import { verbs } from "./verbs";

const ROOT = join(__dirname, "../../..");

/** What both languages' pages must share: blocks of code but the diagram, which has words in it; links; rows of tables. */
function parts(file: string) {
  const text = readFileSync(join(ROOT, file), "utf8");
  const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  const prose = text.replace(/^```[\s\S]*?^```$/gm, "");
  return {
    code: blocks.filter(([, language]) => language !== "mermaid").map(([, , code]) => code),
    diagrams: blocks.filter(([, language]) => language === "mermaid").map(([, , code]) => code?.split("\n").length),
    links: [...prose.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target),
    headings: [...prose.matchAll(/^#+ /gm)].length,
    rows: [...prose.matchAll(/^\| *(`[^|]*?`|\d+) *\|/gm)].map(([, first]) => first?.trim()),
  };
}

describe("the README in Simplified Chinese", () => {
  it("has the commands, links, headings and tables of the English one", () => {
    expect(parts("README.zh-CN.md")).toEqual(parts("README.md"));
  });

  it("leads, as the English one does, to pages that exist", () => {
    for (const target of parts("README.md").links)
      if (target && !target.startsWith("http"))
        expect([target, existsSync(join(ROOT, target))]).toEqual([target, true]);
  });
});

describe("the README", () => {
  it("says which verbs take --local, and which do not by leaving them out", () => {
    const [, named = ""] = /`--local` is for\n([^.]+)\./.exec(readFileSync(join(ROOT, "README.md"), "utf8")) ?? [];
    const line = commandLine({ signal: new AbortController().signal, ended: () => undefined });
    const local = verbs(line).filter(([, { options }]) =>
      options.some(({ long, hidden }) => long === "--local" && !hidden),
    );
    expect([...named.matchAll(/`([^`]+)`/g)].map(([, words]) => words).sort()).toEqual(
      local.map(([words]) => words).sort(),
    );
  });
});

describe("CONTRIBUTING", () => {
  it("sends nobody to a file that is not there", () => {
    const page = readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8");
    const named = [...page.matchAll(/`([\w.-]+(?:\/[\w.-]+)+\/?)`/g)].map(([, path = ""]) => path);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

describe("the decisions", () => {
  it("are all in their index, by their titles", () => {
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
