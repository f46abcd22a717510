import { fileURLToPath } from "node:url";
import jest from "./jest.config.js";

/**
 * Mutants of what decides over people's flows. `npm run test:mutation` takes the parts in turn: git's own tests start git
 * and take seconds, so only its own mutants meet them. docs/mutation.md names what survives, and why it harms nobody.
 */
const PARTS = {
  // main.ts wires, and nothing else.
  sync: ["agent/sync/*.ts", "!agent/sync/main.ts"],
  flows: ["agent/flows/*.ts"],
  git: ["agent/git/*.ts"],
};

const part = process.env.MUTATED ?? "sync";
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
  ignorePatterns: ["**", "!agent/**/*.ts", "!tests/{agent,mutation}/**", "!tests/httpxy.cjs", "!package.json"],
  tempDirName: ".stryker/sandbox",
  incremental: true,
  incrementalFile: `.stryker/incremental-${part}.json`,
  reporters: ["clear-text", "json"],
  jsonReporter: { fileName: `.stryker/${part}.json` },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 95, low: 90, break: 90 },
};
