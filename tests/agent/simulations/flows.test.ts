import { examine, PROMISES } from "../doubles/properties";

/** More by hand: `npm run test:interleavings`. Fewer, and the same each time, for mutants. */
const { CONVERGENCE_RUNS = "120", CONVERGENCE_SEED } = process.env;
const parameters = {
  numRuns: Number(CONVERGENCE_RUNS),
  ...(CONVERGENCE_SEED !== undefined && { seed: Number(CONVERGENCE_SEED) }),
};

describe("flow sync between regions, whatever people and faults do", () => {
  it.each(PROMISES.map((promise) => [promise.says, promise] as const))("%s", async (_, promise) => {
    const { failed, seed, counterexample, errorInstance } = await examine(promise, parameters);
    const history = counterexample?.[0].map((action) => JSON.stringify(action)).join("\n");
    if (failed) throw new Error(`seed ${seed}\n${history}\n${(errorInstance as Error).message}`);
  });
});
