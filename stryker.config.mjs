import { fileURLToPath } from "node:url";
import jest from "./jest.config.js";

/**
 * Mutants of what decides over people's flows, in parts: each meets the tests of tests/mutation/<part>.test.ts alone, so
 * that a mutant costs less than a second. `npm run test:mutation` takes all of them; docs/mutation.md says what survives.
 */
const PARTS = {
  record: [
    "agent/record/*.ts",
    // Against a real database alone: tests/live/recordDatabase.test.ts.
    "!agent/record/{database,main,loop}.ts",
  ],
  loop: ["agent/rounds/retryBackoff.ts", "agent/langflow/writer.ts", "agent/record/{deletes,loop,release}.ts"],
  scan: ["formats/flows/credentialShapes.ts", "formats/flows/secretScan.ts"],
  flows: ["{agent,formats}/flows/*.ts", "!formats/flows/credentialShapes.ts", "!formats/flows/secretScan.ts"],
  git: ["agent/git/blobs.ts", "agent/git/git.ts", "agent/git/push.ts"],
  repository: ["agent/git/history.ts", "agent/git/repository.ts"],
};

const part = process.env.MUTATED ?? "record";
const mutate = PARTS[part];
if (!mutate) throw new Error(`MUTATED is one of ${Object.keys(PARTS).join(", ")}`);
const unit = jest.projects.find(({ displayName }) => displayName === "unit");

// Random histories that are few and always the same: a mutant is to be found by a test that says what is wrong.
process.env.CONVERGENCE_RUNS ??= "10";
process.env.CONVERGENCE_SEED ??= "1";

export default {
  testRunner: "jest",
  coverageAnalysis: "perTest",
  concurrency: 2,
  // Under load a test may take its time; what never ends is found by counting.
  timeoutMS: 20_000,
  mutate,
  jest: {
    config: {
      ...unit,
      projects: [],
      testMatch: [`<rootDir>/tests/mutation/${part}.test.ts`],
      testEnvironment: fileURLToPath(new URL("tests/mutation/environment.cjs", import.meta.url)),
    },
    enableFindRelatedTests: false,
  },
  ignorePatterns: [
    "**",
    "!{agent,formats}/**/*.{ts,json}",
    "!tests/{agent,formats,mutation}/**",
    "!tests/*.cjs",
    "!{prerequisites,typescript}.cjs",
    "!package{,-lock}.json",
  ],
  tempDirName: ".stryker/sandbox",
  incremental: true,
  incrementalFile: `.stryker/incremental-${part}.json`,
  reporters: ["progress-append-only", "clear-text", "json"],
  jsonReporter: { fileName: `.stryker/${part}.json` },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 95, low: 90, break: 90 },
};
