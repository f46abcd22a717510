/**
 * Implements `npm run cluster:tools`: gets all tools of the cluster tests in advance, so that no test waits for a
 * build.
 */
import { findDefinitions, findStages, findTool, TOOLS } from "./tools";

async function main(): Promise<void> {
  for (const tool of TOOLS) process.stdout.write(`${await findTool(tool)}\n`);
  await findDefinitions();
  await findStages();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
