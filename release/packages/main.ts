/**
 * `npm run packages`: builds the npm packages into folders, ready for `npm pack` or `npm publish`.
 *
 *   npm run packages [-- FOLDER]   default: out/packages
 */
import { join, resolve } from "node:path";
import { stageCreate } from "./create";
import { stageLangflowDr } from "./langflowDr";
import { stageLocal } from "./local";
import { readManifest } from "./manifest";
import { ROOT } from "./root";

async function main([folder = join(ROOT, "out/packages")]: readonly string[]): Promise<void> {
  const manifest = readManifest();
  const packages = { "langflow-dr": stageLangflowDr, local: stageLocal, "create-langflow-dr": stageCreate };
  for (const [name, stage] of Object.entries(packages)) {
    const staged = resolve(folder, name);
    await stage(staged, manifest);
    process.stdout.write(`${staged}\n`);
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
});
