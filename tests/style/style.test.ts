import { existsSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import * as ts from "typescript";

const ROOT = join(__dirname, "../..");
const PAGE = readFileSync(join(ROOT, "docs/style.md"), "utf8");

/** What stands between backticks in the last column of the page's table. */
const NO_NAMES = new Set(
  PAGE.split("\n")
    .filter((line) => line.startsWith("|"))
    .flatMap((line) => [...(line.split("|").at(-2) ?? "").matchAll(/`(\w+)`/g)].map(([, word = ""]) => word)),
);
const NO_FILES = new Set(["utils", "helpers", "common", "misc"]);

/** Every file that the compiler reads, by its path. */
const SOURCES = ts
  .parseJsonConfigFileContent(ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile).config, ts.sys, ROOT)
  .fileNames.map((file) => ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest));

/** Where in the sources something stands, and what. */
function found(of: (node: ts.Node, source: ts.SourceFile) => string | undefined): string[] {
  return SOURCES.flatMap((source) => {
    const places: string[] = [];
    const visit = (node: ts.Node): void => {
      const said = of(node, source);
      if (said !== undefined) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
        places.push(`${relative(ROOT, source.fileName)}:${line + 1} ${said}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
    return places;
  });
}

describe("the style page", () => {
  it("gives up words that no variable, function or type is called by", () => {
    expect([...NO_NAMES]).toEqual(expect.arrayContaining(["here", "there", "leashed"]));
    const named = found((node) =>
      ts.isIdentifier(node) && NO_NAMES.has(node.text.toLowerCase()) ? node.text : undefined,
    );
    expect(named).toEqual([]);
  });

  it("is kept by the names of files: none is a place for anything", () => {
    expect(SOURCES.length).toBeGreaterThan(500);
    const names = SOURCES.map(({ fileName }) => relative(ROOT, fileName));
    expect(names.filter((name) => NO_FILES.has(basename(name).split(".")[0]?.toLowerCase() ?? ""))).toEqual([]);
  });

  it("is kept by objects and lists: none is spread where it is written", () => {
    const spread = found((node) => {
      if (ts.isSpreadAssignment(node) && ts.isObjectLiteralExpression(node.expression)) return "an object";
      return ts.isSpreadElement(node) && ts.isArrayLiteralExpression(node.expression) ? "a list" : undefined;
    });
    expect(spread).toEqual([]);
  });

  it("leads to pages and files that exist, as CONTRIBUTING leads to it", () => {
    expect(readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8")).toContain("(docs/style.md)");
    const links = [...PAGE.matchAll(/\]\(([^)]+)\)/g)].map(([, target = ""]) => join(ROOT, "docs", target));
    const files = [...PAGE.matchAll(/`([\w-]+(?:\/[\w.-]+)+)`/g)].map(([, file = ""]) => join(ROOT, file));
    expect(links.length * files.length).toBeGreaterThan(0);
    expect([...links, ...files].filter((file) => !existsSync(file))).toEqual([]);
  });
});
