import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "recheck";
import * as ts from "typescript";

const ROOT = join(__dirname, "../..");
/** The folders of the agent's program. */
const FOLDERS = ["agent", "formats"];
/** Timeout for one expression, in milliseconds. Expressions without a verdict by then fail. */
const CHECK_MS = 120_000;

jest.setTimeout(600_000);

/**
 * Expressions that are safe because their repetitions or inputs are bounded, so that no user can increase the number of
 * steps.
 */
const BOUNDED: ReadonlyMap<string, string> = new Map([
  [
    String.raw`/^(?:\W*|x+|my)?(?:pass(?:wd|word)?|pwd|secret|token|key|your[\w-]*|\.{3,}|\*+|x+|changeme)$/i`,
    "sees the password of a URL, of which the expression before takes 200 characters",
  ],
]);

/**
 * Files that build expressions from strings; `secretScanGrowth.test.ts` measures how their work grows with the text.
 */
const GROWN = ["credentialShapes", "foldedText", "namedSecrets", "secretNames"].map(
  (name) => `formats/flows/${name}.ts`,
);

/**
 * Returns the agent's expressions with their files, and the files that build expressions from strings, which cannot be
 * checked.
 */
function expressions(): { found: Map<string, string>; made: string[] } {
  const found = new Map<string, string>();
  const made: string[] = [];
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((file) => `${folder}/${file}`),
  );
  for (const file of files) {
    if (!file.endsWith(".ts")) continue;
    const source = ts.createSourceFile(file, readFileSync(join(ROOT, file), "utf8"), ts.ScriptTarget.Latest);
    const visit = (node: ts.Node): void => {
      if (ts.isRegularExpressionLiteral(node)) found.set(node.text, file);
      const called = ts.isNewExpression(node) || ts.isCallExpression(node) ? node.expression : undefined;
      if (called && ts.isIdentifier(called) && called.text === "RegExp") made.push(file);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return { found, made };
}

/** Returns whether every repetition is bounded, which limits the number of steps per character for any text. */
const isBounded = (literal: string): boolean =>
  !/[*+]|\{\d+,\}/.test(literal.replace(/\\./g, "c").replace(/\[[^\]]*\]/g, "c"));

async function complaint(literal: string): Promise<string | undefined> {
  const end = literal.lastIndexOf("/");
  const verdict = await check(literal.slice(1, end), literal.slice(end + 1), { timeout: CHECK_MS });
  if (verdict.status === "safe") return undefined;
  return verdict.status === "unknown" ? verdict.error.kind : verdict.complexity.summary;
}

describe("the agent's regular expressions", () => {
  it("take linear time in the length of any text", async () => {
    const { found, made } = expressions();
    expect(found.size).toBeGreaterThan(80);
    expect([...new Set(made)].sort()).toEqual(GROWN);
    const complaints: string[] = [];
    for (const [literal, file] of found) {
      const said = BOUNDED.has(literal) || isBounded(literal) ? undefined : await complaint(literal);
      if (said !== undefined) complaints.push(`${file}: ${literal} ${said}`);
    }
    expect(complaints).toEqual([]);
    expect([...BOUNDED.keys()].filter((literal) => !found.has(literal))).toEqual([]);
  }, 600_000);

  it("are reported if one of them takes superlinear time", async () => {
    expect(await complaint(String.raw`/^(\w+\s?)*$/`)).toContain("exponential");
    expect(await complaint("/-+$/")).toContain("polynomial");
  });
});
