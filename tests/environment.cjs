/**
 * Jest's Node environment, without two costs that recur in every test file: promises that carry unused async contexts,
 * and repeated compilation of the same modules.
 */
const { AsyncLocalStorage } = require("node:async_hooks");
const path = require("node:path");
const vm = require("node:vm");
const { TestEnvironment } = require("jest-environment-node");
const { replaceFetchClient } = require("../model/fetchClient.ts");

replaceFetchClient();

/**
 * Before Node 24, every promise carries each AsyncLocalStorage that was ever used, also in later test files of the same
 * process. The storages are therefore disabled at the end of each file.
 */
const used = new Set();
const { enterWith, run } = AsyncLocalStorage.prototype;
Object.assign(AsyncLocalStorage.prototype, {
  enterWith(...args) {
    used.add(this);
    return enterWith.apply(this, args);
  },
  run(store, work, ...args) {
    if (store?.test || store?.hook) return inTurn(this, store, work);
    used.add(this);
    return run.call(this, store, work, ...args);
  },
});

/**
 * Jest's own storage holds the current test, to which errors are assigned. Tests of one file run sequentially, so that
 * promises need not carry it. Carrying it would take up to half of the time of a test that awaits often.
 */
async function inTurn(storage, store, work) {
  const { getStore } = storage;
  storage.getStore = () => store;
  try {
    return await work();
  } finally {
    storage.getStore = getStore;
  }
}

/** Compiled modules from earlier test files. Jest would compile each module again for every file. */
const compiled = new Map();
const { compileFunction } = vm;
vm.compileFunction = (code, params, options) => {
  const known = compiled.get(options.filename);
  if (known?.code === code) return compileFunction(code, params, { ...options, cachedData: known.cachedData });
  const made = compileFunction(code, params, { ...options, produceCachedData: true });
  compiled.set(options.filename, { code, cachedData: made.cachedData });
  return made;
};

/**
 * Time after which no test starts, in milliseconds since 1970 (TESTS_UNTIL is in seconds). Later tests are skipped and
 * counted. Default: no limit.
 */
const until = process.env.TESTS_UNTIL ? Number(process.env.TESTS_UNTIL) * 1_000 : Number.POSITIVE_INFINITY;
/**
 * Per file, how many milliseconds earlier its tests must start, because they outlast the runner's grace period
 * (`.ci/run`).
 */
const EARLIER_MS = { "tests/live/rollingUpdate.test.ts": 900_000 };

module.exports = class extends TestEnvironment {
  notBegun = 0;

  constructor(config, context) {
    super(config, context);
    this.path = path.relative(config.globalConfig.rootDir, context.testPath);
    this.until = until - (EARLIER_MS[this.path] ?? 0);
  }

  handleTestEvent({ name, describeBlock, test }) {
    if (Date.now() < this.until) return;
    if (name === "run_describe_start") describeBlock.mode = "skip";
    if (name !== "test_start") return;
    if (test.mode !== "skip") this.notBegun += 1;
    test.mode = "skip";
  }

  async teardown() {
    if (this.notBegun > 0) process.stderr.write(`not begun in time: ${this.notBegun} of ${this.path}\n`);
    for (const storage of used) storage.disable();
    used.clear();
    await super.teardown();
  }
};
