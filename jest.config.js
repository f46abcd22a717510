const swc = [
  "@swc/jest",
  { jsc: { target: "es2022", parser: { syntax: "typescript" } }, module: { type: "commonjs" } },
];

const MODULES = [
  "listr2",
  "write-file-atomic",
  "@octokit",
  "universal-user-agent",
  "before-after-hook",
  "content-type",
  "@secretlint",
];

/** Jest does not transform .mjs. */
const MAPPED = { "^httpxy$": "<rootDir>/tests/httpxy.cjs" };

/** Each test file reads Pulumi's library anew: in a third of the time without what no unit test calls. */
const NEVER_CALLED = "<rootDir>/tests/neverCalled.cjs";
const UNCALLED = { "^@npmcli/arborist$": NEVER_CALLED, "/typescript-shim$": NEVER_CALLED };

/**
 * What Jest hands to each module as an argument. It looks up every other global in the test's context, each time anew
 * and through Node: a fifth of the time of a test that makes many objects. Nothing is among them that a test replaces,
 * as it does Date.
 */
const HANDED_OVER =
  "Array Boolean Error JSON Map Math Number Object Promise Proxy Reflect RegExp Set String Symbol TypeError WeakMap";

/** What waits for real time, a real Git or servers, plays thousands of rounds, or reads every source: a tier of its own, for `npm test` is what shows a mistake soon. */
const INTEGRATION = [
  "agent/git",
  "agent/record",
  "agent/simulations",
  "costs",
  "sandbox",
  "style",
  ...["doctor", "drill", "image", "init", "moveIn", "prove", "ready"].map((verb) => `fleet/${verb}`),
];

/** One project a tier, so that `npm test` never waits for the tools of another. */
const tier = (name, folders) => ({
  displayName: name,
  testEnvironment: "<rootDir>/tests/environment.cjs",
  testMatch: folders.map((folder) => `<rootDir>/tests/${folder}/**/*.test.ts`),
  transform: { "^.+\\.[tj]s$": swc },
  // Copies of this repository, with mutants in them.
  modulePathIgnorePatterns: ["<rootDir>/.stryker/"],
  moduleNameMapper: MAPPED,
  sandboxInjectedGlobals: HANDED_OVER.split(" "),
  // Packages of ES modules only.
  transformIgnorePatterns: [`/node_modules/(?!(${MODULES.join("|")})/)`],
});

// `npm test` lets V8 have 64 MiB of young objects: with 16, as usual, it goes through all that promises hold too often.
module.exports = {
  watchman: false,
  maxWorkers: "100%",
  testSequencer: "<rootDir>/tests/sequencer.cjs",
  // A busy machine takes its time; what hangs ends all the same.
  testTimeout: 60_000,
  projects: [
    {
      ...tier("unit", [
        "agent",
        "bench",
        "components",
        "config",
        "examples",
        "fleet",
        "invariants",
        "model",
        "observability",
        "release",
        "stacks",
      ]),
      testPathIgnorePatterns: INTEGRATION.map((folder) => `<rootDir>/tests/${folder}/`),
      moduleNameMapper: { ...MAPPED, ...UNCALLED },
    },
    { ...tier("integration", INTEGRATION), moduleNameMapper: { ...MAPPED, ...UNCALLED } },
    tier("engine", ["engine"]),
    tier("journeys", ["journeys", "plugin"]),
    tier("cluster", ["cluster", "languages"]),
    tier("workflows", ["workflows"]),
    {
      ...tier("judges", ["judges"]),
      globalSetup: "<rootDir>/tests/judges/render.ts",
      globalTeardown: "<rootDir>/tests/judges/removeRendering.ts",
    },
    { ...tier("live", ["live"]), globalSetup: "<rootDir>/tests/live/installTools.ts" },
  ],
};
