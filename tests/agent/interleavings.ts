/**
 * `npm run test:interleavings -- --runs 100000 [--seed N]`: the promises of flow sync over as many random histories as one
 * likes. Prints the seed, and the history that breaks one. Exit 1 where one is broken.
 */
import { parseArgs } from "node:util";
import { examine, PROMISES } from "./doubles/properties";

async function main(): Promise<void> {
  const option = { type: "string" } as const;
  const { runs = "100000", seed, only } = parseArgs({ options: { runs: option, seed: option, only: option } }).values;
  const chosen = PROMISES.filter((_, index) => only === undefined || Number(only) === index);
  const each = Math.ceil(Number(runs) / chosen.length);
  for (const promise of chosen) {
    const began = Date.now();
    const found = await examine(promise, { numRuns: each, ...(seed !== undefined && { seed: Number(seed) }) });
    const seconds = ((Date.now() - began) / 1000).toFixed(1);
    process.stdout.write(
      `${found.failed ? "BROKEN" : "holds"}: ${promise.says}; ${found.numRuns} histories, ${seconds} s, seed ${found.seed}\n`,
    );
    if (!found.failed) continue;
    process.exitCode = 1;
    for (const action of found.counterexample?.[0] ?? []) process.stdout.write(`  ${JSON.stringify(action)}\n`);
    process.stdout.write(`${(found.errorInstance as Error)?.stack?.slice(0, 2500)}\n`);
  }
}

void main();
