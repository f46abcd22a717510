/** `npm run cluster:tools`: gets what the cluster tier runs on once, so that no test waits for a build. */
import { findDefinitions, findTool, TOOLS } from "./tools";

async function main(): Promise<void> {
  for (const tool of TOOLS) process.stdout.write(`${await findTool(tool)}\n`);
  await findDefinitions();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
