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

/** Replacement for a module that exists only as .mjs, which Jest does not transform. */
const MAPPED = { "^httpxy$": "<rootDir>/tests/httpxy.cjs" };

/**
 * Stub for modules that no unit test calls. Each test file loads Pulumi's library again, and without these modules that
 * takes a third of the time.
 */
const NEVER_CALLED = "<rootDir>/tests/neverCalled.cjs";
const UNCALLED = { "^@npmcli/arborist$": NEVER_CALLED, "/typescript-shim$": NEVER_CALLED };

/**
 * Globals that Jest passes to each module as arguments. Jest otherwise looks up every global in the test's context,
 * each time through Node, which takes a fifth of the time in tests that create many objects. The list contains no
 * global that tests replace, such as Date.
 */
const HANDED_OVER =
  "Array Boolean Error JSON Map Math Number Object Promise Proxy Reflect RegExp Set String Symbol TypeError WeakMap";

/**
 * Folders and files of the integration tier: tests that wait for real time, use a real Git or servers, simulate thousands
 * of rounds, derive keys, process tens of megabytes, or read all source files. `npm test` excludes them, because it must
 * report mistakes quickly.
 */
const INTEGRATION = [
  "agent/accounts/segment.test.ts",
  "agent/git",
  "agent/moveIn",
  "agent/record",
  "agent/simulations",
  "costs",
  "formats/flows/secretKinds.test.ts",
  "formats/flows/secretScanGrowth.test.ts",
  "sandbox",
  "style",
  ...["doctor", "drill", "image", "init", "moveIn", "prove", "ready"].map((verb) => `fleet/${verb}`),
];

/**
 * Returns the Jest project of a tier. Each tier is a separate project, so that `npm test` never waits for another
 * tier's tools.
 */
const tier = (name, folders) => ({
  displayName: name,
  testEnvironment: "<rootDir>/tests/environment.cjs",
  testMatch: folders.map((path) => `<rootDir>/tests/${path}${path.endsWith(".test.ts") ? "" : "/**/*.test.ts"}`),
  transform: { "^.+\\.[tj]s$": swc },
  // Mutated copies of this repository, and its built packages.
  modulePathIgnorePatterns: ["<rootDir>/.stryker/", "<rootDir>/out/"],
  moduleNameMapper: MAPPED,
  sandboxInjectedGlobals: HANDED_OVER.split(" "),
  // Packages that contain only ES modules.
  transformIgnorePatterns: [`/node_modules/(?!(${MODULES.join("|")})/)`],
});

// `npm test` gives V8 a young generation of 64 MiB. With the default of 16 MiB, V8 would scan all pending promises too
// often.
module.exports = {
  watchman: false,
  maxWorkers: "100%",
  testSequencer: "<rootDir>/tests/sequencer.cjs",
  // Long enough for a busy machine, but still ends tests that hang.
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
        "formats",
        "invariants",
        "model",
        "observability",
        "release",
        "stacks",
      ]),
      testPathIgnorePatterns: INTEGRATION.map((path) => `<rootDir>/tests/${path}(/|$)`),
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
