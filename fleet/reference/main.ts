/**
 * `npm run reference`: writes docs/cli.md and the README's list of verbs from the commands.
 *
 *   npm run reference [-- --check]
 *
 * `--check` writes nothing and exits 1 if a page is stale.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandLine } from "../verbs/commandLine";
import { readmeWithVerbs, referencePage } from "./document";

const ROOT = join(__dirname, "../..");
const fleet = commandLine({ signal: new AbortController().signal, ended: () => undefined });

const read = (file: string): string => (existsSync(join(ROOT, file)) ? readFileSync(join(ROOT, file), "utf8") : "");
const pages: [file: string, text: string][] = [
  ["docs/cli.md", referencePage(fleet)],
  ["README.md", readmeWithVerbs(read("README.md"), fleet)],
];

for (const [file, text] of pages.filter(([path, expected]) => read(path) !== expected)) {
  if (process.argv.includes("--check")) {
    process.stderr.write(`${file} is stale; run: npm run reference\n`);
    process.exitCode = 1;
  } else writeFileSync(join(ROOT, file), text);
}
