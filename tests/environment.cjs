/**
 * Node's environment, less what a test file leaves behind for those after it in the same process: until Node 24 each
 * AsyncLocalStorage that was ever used, and Jest and Pulumi have one per file, is carried over by each promise from then on.
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
  run(...args) {
    used.add(this);
    return run.apply(this, args);
  },
});

module.exports = class extends TestEnvironment {
  async teardown() {
    for (const storage of used) storage.disable();
    used.clear();
    await super.teardown();
  }
};
