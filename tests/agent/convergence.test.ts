import { examine, PROMISES } from "./doubles/properties";

/** More by hand: `npm run test:interleavings`. */
const RUNS = 120;

describe("flow sync between regions, whatever people and faults do", () => {
  it.each(PROMISES.map((promise) => [promise.says, promise] as const))("%s", async (_, promise) => {
    const { failed, seed, counterexample, errorInstance } = await examine(promise, { numRuns: RUNS });
    const history = counterexample?.[0].map((action) => JSON.stringify(action)).join("\n");
    if (failed) throw new Error(`seed ${seed}\n${history}\n${(errorInstance as Error).message}`);
  });
});
