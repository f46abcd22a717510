/**
 * Node's environment, less what takes each test file time again: promises that carry what nobody asks for, and modules
 * that were compiled before.
 */
const { AsyncLocalStorage } = require("node:async_hooks");
const path = require("node:path");
const vm = require("node:vm");
const { TestEnvironment } = require("jest-environment-node");

/**
 * Until Node 24 each AsyncLocalStorage that was ever used is carried over by each promise from then on, of the next
 * test files in the same process as well: so their use ends with the file.
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
 * Jest's own has the test that an error belongs to. A file's tests run one after another, so no promise need carry it:
 * that would be up to half of the time of a test that waits for much.
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

/** What V8 made of a module, for the next test file that reads it: Jest has it compiled anew in each. */
const compiled = new Map();
const { compileFunction } = vm;
vm.compileFunction = (code, params, options) => {
  const known = compiled.get(options.filename);
  if (known?.code === code) return compileFunction(code, params, { ...options, cachedData: known.cachedData });
  const made = compileFunction(code, params, { ...options, produceCachedData: true });
  compiled.set(options.filename, { code, cachedData: made.cachedData });
  return made;
};

/** Seconds since 1970 after which no test begins: each file skips its others, and says how many. Unset: without an end. */
const until = process.env.TESTS_UNTIL ? Number(process.env.TESTS_UNTIL) * 1_000 : Number.POSITIVE_INFINITY;
/** How much earlier tests of a file must begin, which take longer than the runner waits for the last one (`.ci/run`). */
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
