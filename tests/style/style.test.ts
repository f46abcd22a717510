import { existsSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import * as ts from "typescript";

const ROOT = join(__dirname, "../..");
const PAGE = readFileSync(join(ROOT, "docs/style.md"), "utf8");

/** Words in backticks in the last column of the table in docs/style.md. */
const NO_NAMES = new Set(
  PAGE.split("\n")
    .filter((line) => line.startsWith("|"))
    .flatMap((line) => [...(line.split("|").at(-2) ?? "").matchAll(/`(\w+)`/g)].map(([, word = ""]) => word)),
);
const NO_FILES = new Set(["utils", "helpers", "common", "misc"]);

/** Source files that the compiler reads. */
const SOURCES = ts
  .parseJsonConfigFileContent(ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile).config, ts.sys, ROOT)
  .fileNames.map((file) => ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest));

/** Returns the location and description of every node for which `of` returns a description. */
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

describe("the style guide", () => {
  it("lists forbidden words, and no variable, function or type uses such a word", () => {
    expect([...NO_NAMES]).toEqual(expect.arrayContaining(["here", "there", "leashed"]));
    const named = found((node) =>
      ts.isIdentifier(node) && NO_NAMES.has(node.text.toLowerCase()) ? node.text : undefined,
    );
    expect(named).toEqual([]);
  });

  it("forbids generic file names, and no file has such a name", () => {
    expect(SOURCES.length).toBeGreaterThan(500);
    const names = SOURCES.map(({ fileName }) => relative(ROOT, fileName));
    expect(names.filter((name) => NO_FILES.has(basename(name).split(".")[0]?.toLowerCase() ?? ""))).toEqual([]);
  });

  it("forbids spreading a literal, and no object or list does so", () => {
    const spread = found((node) => {
      if (ts.isSpreadAssignment(node) && ts.isObjectLiteralExpression(node.expression)) return "an object";
      return ts.isSpreadElement(node) && ts.isArrayLiteralExpression(node.expression) ? "a list" : undefined;
    });
    expect(spread).toEqual([]);
  });

  it("links only to existing pages and files, and CONTRIBUTING links to it", () => {
    expect(readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8")).toContain("(docs/style.md)");
    const links = [...PAGE.matchAll(/\]\(([^)]+)\)/g)].map(([, target = ""]) => join(ROOT, "docs", target));
    const files = [...PAGE.matchAll(/`([\w-]+(?:\/[\w.-]+)+)`/g)].map(([, file = ""]) => join(ROOT, file));
    expect(links.length * files.length).toBeGreaterThan(0);
    expect([...links, ...files].filter((file) => !existsSync(file))).toEqual([]);
  });

  it("requires each folder of tests to have the name of the folder that it tests", () => {
    const ROOMS =
      /^tests\/((?:agent|components|config|costs|fleet|formats|invariants|model|observability|plugin|release|sandbox|stacks)\b.*)\//;
    /** Tests of several folders together. */
    const TOGETHER = ["agent/simulations"];
    const tests = SOURCES.map(({ fileName }) => relative(ROOT, fileName)).filter((name) => name.endsWith(".test.ts"));
    const folders = new Set(tests.flatMap((name) => ROOMS.exec(name)?.[1] ?? []));
    expect(folders.size).toBeGreaterThan(30);
    expect([...folders].filter((folder) => !TOGETHER.includes(folder) && !existsSync(join(ROOT, folder)))).toEqual([]);
    // These have folders only, so that no test file is at their top.
    expect([...folders].filter((folder) => ["agent", "fleet", "sandbox"].includes(folder))).toEqual([]);
  });
});
