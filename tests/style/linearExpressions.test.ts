import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "recheck";
import * as ts from "typescript";

const AGENT = join(__dirname, "../../agent");
/** Milliseconds for one expression; what is not decided by then fails. */
const CHECK_MS = 120_000;

jest.setTimeout(600_000);

/** Expressions whose repeats are bounded, or that see a bounded text alone: a number of steps that no user can raise. */
const BOUNDED: ReadonlyMap<string, string> = new Map([
  [
    String.raw`/^(?:\W*|x+|my)?(?:pass(?:wd|word)?|pwd|secret|token|key|your[\w-]*|\.{3,}|\*+|x+|changeme)$/i`,
    "sees the password of a URL, of which the expression before takes 200 characters",
  ],
]);

/** Where expressions are made of texts, whose work `secretScanGrowth.test.ts` measures as the text grows. */
const GROWN = ["flows/credentialShapes.ts", "flows/foldedText.ts", "flows/namedSecrets.ts", "flows/secretNames.ts"];

/** The agent's expressions, with the file of each; and where one is made of a text, which cannot be checked. */
function expressions(): { found: Map<string, string>; made: string[] } {
  const found = new Map<string, string>();
  const made: string[] = [];
  for (const file of readdirSync(AGENT, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts")) continue;
    const source = ts.createSourceFile(file, readFileSync(join(AGENT, file), "utf8"), ts.ScriptTarget.Latest);
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

/** Whether each repeat has a limit: then no text takes more than so many steps a character. */
const isBounded = (literal: string): boolean =>
  !/[*+]|\{\d+,\}/.test(literal.replace(/\\./g, "c").replace(/\[[^\]]*\]/g, "c"));

async function complaint(literal: string): Promise<string | undefined> {
  const end = literal.lastIndexOf("/");
  const verdict = await check(literal.slice(1, end), literal.slice(end + 1), { timeout: CHECK_MS });
  if (verdict.status === "safe") return undefined;
  return verdict.status === "unknown" ? verdict.error.kind : verdict.complexity.summary;
}

describe("the agent's regular expressions", () => {
  it("take time in proportion to a text's length, whatever somebody wrote into it", async () => {
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

  it("would not be passed over if one took more", async () => {
    expect(await complaint(String.raw`/^(\w+\s?)*$/`)).toContain("exponential");
    expect(await complaint("/-+$/")).toContain("polynomial");
  });
});
