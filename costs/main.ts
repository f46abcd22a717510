/**
 * Implements `npm run costs`: updates the tables of docs/costs.md from prices.ts and estimate.ts.
 *
 *   npm run costs [-- --check]
 *
 * `--check` writes nothing and exits with 1 if the document is outdated.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filled } from "./document";

const FILE = join(__dirname, "..", "docs", "costs.md");

const before = readFileSync(FILE, "utf8");
const after = filled(before);
if (process.argv.includes("--check")) {
  if (after !== before) {
    process.stderr.write("docs/costs.md is stale: npm run costs\n");
    process.exitCode = 1;
  }
} else if (after !== before) writeFileSync(FILE, after);
