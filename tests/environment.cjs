/**
 * Node's environment, less what makes every promise slower: until Node 24 each AsyncLocalStorage that was ever used is
 * carried over by each promise from then on, of other test files in the same process as well.
 */
const { AsyncLocalStorage } = require("node:async_hooks");
const { TestEnvironment } = require("jest-environment-node");

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

module.exports = class extends TestEnvironment {
  async teardown() {
    for (const storage of used) storage.disable();
    used.clear();
    await super.teardown();
  }
};
