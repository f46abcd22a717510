/**
 * Entry point of the local cloud's daemon: `node --require ./typescript.cjs sandbox/cloud/main.ts --directory
 * DIRECTORY`.
 */
import { parseArgs } from "node:util";
import { replaceFetchClient } from "../../model/fetchClient";
import { startDaemon } from "./daemon";

async function main(): Promise<void> {
  const { directory } = parseArgs({ options: { directory: { type: "string" } } }).values;
  if (directory === undefined)
    throw new Error("--directory must be the directory in which the local cloud stores its state");
  const daemon = await startDaemon(directory, (code) => process.exit(code));
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void daemon.stop().then(() => process.exit(0)));
}

replaceFetchClient();
main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
