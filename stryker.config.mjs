import jest from "./jest.config.js";

/**
 * Mutants of what decides over people's flows; `npm run test:mutation` runs the parts in turn, `docs/mutation.md` names
 * what survives and why that harms nobody. Git's own tests start git and take seconds, so only Git's mutants meet them.
 */
const GIT_TESTS = ["gitBlobs", "gitHistory", "gitPush", "repository", "snapshot"];
const PARTS = {
  sync: {
    // Wiring alone: what it wires is tested in parts here, and as a whole by tests/live.
    mutate: ["agent/sync/*.ts", "!agent/sync/main.ts"],
    tests: ["breaker", "convergence", "cycle", "edits", "holds", "judge", "loop", "merge", "settle", "trouble", "workspaces"],
  },
  flows: {
    mutate: ["agent/flows/*.ts"],
    tests: ["canonicalJson", "flowFile", "layout", "secrets", "secretsOwn", "secretsScan"],
  },
  git: { mutate: ["agent/git/*.ts"], tests: GIT_TESTS },
};

const name = process.env.MUTATED ?? "sync";
const part = PARTS[name];
if (!part) throw new Error(`MUTATED is one of ${Object.keys(PARTS).join(", ")}`);
const { projects } = jest;
const unit = projects.find(({ displayName }) => displayName === "unit");

// The random histories are few and the same each time: a mutant shall die of a test that says what is wrong.
process.env.CONVERGENCE_RUNS ??= "10";
process.env.CONVERGENCE_SEED ??= "1";

export default {
  testRunner: "jest",
  coverageAnalysis: "perTest",
  concurrency: 2,
  mutate: part.mutate,
  jest: {
    projectType: "custom",
    config: { ...unit, testMatch: part.tests.map((test) => `<rootDir>/tests/agent/${test}.test.ts`) },
    enableFindRelatedTests: false,
  },
  ignorePatterns: ["**", "!agent/**/*.ts", "!tests/agent/**/*.ts", "!tests/httpxy.cjs", "!jest.config.js", "!package.json"],
  tempDirName: ".stryker/sandbox",
  incremental: true,
  incrementalFile: `.stryker/incremental-${name}.json`,
  reporters: ["clear-text", "json"],
  jsonReporter: { fileName: `.stryker/${name}.json` },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 95, low: 90, break: 90 },
};
