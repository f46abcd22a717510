/**
 * Entry point of the live fleet's supervisor: `node --require ./typescript.cjs sandbox/live/main.ts --directory D
 * --cloud C --tools JSON`.
 */
import { parseArgs } from "node:util";
import { replaceFetchClient } from "../../model/fetchClient";
import { startLiveDaemon } from "./daemon";

async function main(): Promise<void> {
  const option = { type: "string" } as const;
  const { directory, cloud, tools } = parseArgs({
    options: { directory: option, cloud: option, tools: option },
  }).values;
  if (!directory || !cloud || !tools) throw new Error("--directory, --cloud and --tools must be given");
  const exit = (code: number) => process.exit(code);
  const daemon = await startLiveDaemon(directory, cloud, JSON.parse(tools), exit);
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void daemon.stop(false).then(() => exit(0)));
}

replaceFetchClient();
main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
