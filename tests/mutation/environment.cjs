const Environment = require("../environment.cjs");

/**
 * Skips a file's remaining tests after its first failure: one failure is enough to kill a mutant, and Jest's own bail
 * works only between files.
 */
module.exports = class extends Environment {
  #failed = false;

  async handleTestEvent({ name, test }) {
    if (name === "test_done" && test.errors.length > 0) this.#failed = true;
    if (name === "test_start" && this.#failed) test.mode = "skip";
  }
};
